-- Its functions too, those of functions/keys.sql.

DROP FUNCTION IF EXISTS api_key_period_start(text), api_key_period_end(text), api_key_budget_left(api_keys),
	quota_spent(text, timestamptz, numeric, numeric, numeric, numeric), api_key_spend(uuid, numeric), api_keys_expire(int),
	api_key_status(api_keys), api_key_budget_json(api_keys), api_key_json(api_keys), api_key_rotate(uuid, uuid, uuid, bytea, text, int);
DROP TABLE api_keys;
DROP DOMAIN api_key_period, api_key_status;
