-- Its functions too, those of functions/key_watch.sql.

DROP FUNCTION IF EXISTS api_keys_used(json), key_hours_judge(jsonb, int), security_events_tell(int), api_keys_leaked(text[]),
	api_keys_remind(int), api_keys_rotation_due(int, int), key_network(inet), watch_note(api_keys, text, text, timestamptz, jsonb),
	security_event_json(security_events),
	api_keys_expire(int), api_key_json(api_keys); -- they look at columns that go
DROP TABLE security_events, key_profiles, key_hours;
DROP DOMAIN security_kind;
ALTER TABLE api_keys
	DROP COLUMN label, DROP COLUMN auto_rotate, DROP COLUMN rotate_every_days, DROP COLUMN secret_sealed,
	DROP COLUMN reminded_days, DROP COLUMN reminded_end, DROP COLUMN locked_at, DROP COLUMN lock_reason;
