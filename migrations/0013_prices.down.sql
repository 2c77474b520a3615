-- Its functions too, those of functions/quota.sql and functions/price.sql; those of other areas that know these tables
-- come again with the areas as they were.

DROP VIEW IF EXISTS audit_broken; -- so does this
DROP FUNCTION IF EXISTS relay_open, relays_settle, turn_open, task_open, tasks_end, turn_dead(int);
DROP FUNCTION IF EXISTS quota_group, quota_held, quota_state, quota_left, quota_lock, quota_refusal, quota_note, quota_spend,
	quota_set, api_keys_quota_history, quota_json, group_json, quota_history_json, quota_spent, model_base_prices, price_zones, prices_put, price_json,
	api_key_budget_left(api_keys), api_key_spend(uuid, numeric) CASCADE;
ALTER TYPE task_ask DROP ATTRIBUTE prices, DROP ATTRIBUTE user_group;
DROP FUNCTION IF EXISTS task_json(tasks); -- it comes again with its area
ALTER TABLE tasks DROP COLUMN prices, DROP COLUMN user_group;
SET CONSTRAINTS ALL IMMEDIATE; -- what waits for the end would be in the way of ALTER TABLE
-- the columns behind them are made anew, so that each stands where it stood
DROP INDEX llm_models_default;
ALTER TABLE llm_models RENAME COLUMN enabled TO enabled_now;
ALTER TABLE llm_models RENAME COLUMN is_default TO is_default_now;
ALTER TABLE llm_models RENAME COLUMN sort TO sort_now;
ALTER TABLE llm_models RENAME COLUMN created_at TO created_at_now;
ALTER TABLE llm_models RENAME COLUMN updated_at TO updated_at_now;
ALTER TABLE llm_models ADD COLUMN price_input_per_mtok credits_amount NOT NULL DEFAULT 0,
	ADD COLUMN price_output_per_mtok credits_amount NOT NULL DEFAULT 0,
	ADD COLUMN price_per_call credits_amount NOT NULL DEFAULT 0,
	ADD COLUMN enabled boolean NOT NULL DEFAULT true, ADD COLUMN is_default boolean NOT NULL DEFAULT false,
	ADD COLUMN sort int NOT NULL DEFAULT 0, ADD COLUMN created_at timestamptz NOT NULL DEFAULT now(),
	ADD COLUMN updated_at timestamptz NOT NULL DEFAULT now();
UPDATE llm_models SET enabled = enabled_now, is_default = is_default_now, sort = sort_now, created_at = created_at_now,
	updated_at = updated_at_now;
ALTER TABLE llm_models DROP COLUMN enabled_now, DROP COLUMN is_default_now, DROP COLUMN sort_now, DROP COLUMN created_at_now,
	DROP COLUMN updated_at_now;
CREATE UNIQUE INDEX llm_models_default ON llm_models (type) WHERE is_default;
COMMENT ON COLUMN llm_models.enabled IS 'Offered to users.';
COMMENT ON COLUMN llm_models.is_default IS 'Used where the request names no model; at most one per type.';
COMMENT ON COLUMN llm_models.sort IS 'Order in lists, ascending.';
COMMENT ON COLUMN llm_models.created_at IS 'When it was added.';
COMMENT ON COLUMN llm_models.updated_at IS 'Last change.';
COMMENT ON COLUMN llm_models.price_input_per_mtok IS 'Credits per million input tokens.';
COMMENT ON COLUMN llm_models.price_output_per_mtok IS 'Credits per million output tokens.';
COMMENT ON COLUMN llm_models.price_per_call IS 'Credits per call, added to the token price.';
COMMENT ON TABLE llm_models IS 'What users may choose, with prices in credits. A few dozen rows.';
COMMENT ON TABLE catalog_version IS 'One row: the version of llm_models, channels, channel_keys and channel_models together.';
UPDATE llm_models m SET price_input_per_mtok = coalesce(b.input, 0), price_output_per_mtok = coalesce(b.output, 0),
	price_per_call = coalesce(b.call, 0)
FROM (SELECT p.model_id, max(p.price) FILTER (WHERE p.meter = 'input') AS input,
		max(p.price) FILTER (WHERE p.meter = 'output') AS output, max(p.price) FILTER (WHERE p.meter = 'call') AS call
	FROM (SELECT DISTINCT ON (r.model_id, r.meter) r.model_id, r.meter,
			round(r.unit_price * CASE r.meter WHEN 'call' THEN 1 ELSE 1000000 END / r.per, 6) AS price
		FROM prices r WHERE r.user_group IS NULL AND r.tier = 'standard' AND r.min_context = 0 AND r.hours IS NULL
			AND r.valid_from <= now()
		ORDER BY r.model_id, r.meter, r.valid_from DESC) AS p
	GROUP BY p.model_id) AS b
WHERE b.model_id = m.id;
DROP FUNCTION IF EXISTS model_set_base_price, model_base_price CASCADE;
DROP TABLE prices, quotas, quota_history;
DROP DOMAIN price_meter, price_tier;
ALTER TABLE api_keys RENAME COLUMN month_spent TO period_spent;
ALTER TABLE api_keys RENAME COLUMN spent_at TO period_start;
COMMENT ON COLUMN api_keys.period_spent IS 'Credits it has spent in the period that began at period_start.';
COMMENT ON COLUMN api_keys.period_start IS 'When the period of period_spent began; NULL: nothing was spent, or budget_period is none.';
UPDATE api_keys SET period_start = CASE WHEN budget_period <> 'none' THEN date_trunc(budget_period, period_start, 'UTC') END,
	period_spent = CASE budget_period WHEN 'day' THEN day_spent WHEN 'week' THEN week_spent ELSE period_spent END
WHERE period_start IS NOT NULL;
ALTER TABLE api_keys DROP COLUMN user_group, DROP COLUMN day_spent, DROP COLUMN week_spent;
ALTER TABLE users DROP COLUMN user_group;
DROP TABLE user_groups;
DROP DOMAIN group_name;
