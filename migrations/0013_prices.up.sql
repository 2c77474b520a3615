-- Prices as rows, groups of users, and budgets of users and groups beside those of keys.

CREATE DOMAIN group_name AS varchar(50) CHECK (VALUE ~ '^[a-z0-9][a-z0-9_.-]*$');
COMMENT ON DOMAIN group_name IS 'Name of a group of users: small letters, digits, dot, dash and underscore.';

CREATE TABLE user_groups (
	name group_name PRIMARY KEY,
	description varchar(500) NOT NULL DEFAULT '',
	ratio numeric(12,6) NOT NULL DEFAULT 1 CHECK (ratio >= 0 AND ratio <= 1000),
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE user_groups IS 'Groups of users, which pay prices of their own, have budgets in common and use channels of their own. A handful of rows; default is always there.';
COMMENT ON COLUMN user_groups.name IS 'Unique name; never changes.';
COMMENT ON COLUMN user_groups.description IS 'What it is for, for admins.';
COMMENT ON COLUMN user_groups.ratio IS 'By what every price is multiplied for this group; 0: free.';
COMMENT ON COLUMN user_groups.created_at IS 'When it was made.';
COMMENT ON COLUMN user_groups.updated_at IS 'Last change.';
INSERT INTO user_groups (name, description) VALUES ('default', '');

ALTER TABLE users ADD COLUMN user_group group_name NOT NULL DEFAULT 'default' REFERENCES user_groups;
CREATE INDEX users_group ON users (user_group) WHERE user_group <> 'default';
COMMENT ON COLUMN users.user_group IS 'The group the user belongs to.';

-- what takes a row of it is in the way of ALTER TABLE in PostgreSQL 17, and comes again with its area
DROP FUNCTION IF EXISTS api_key_budget_left(api_keys), api_key_status(api_keys), api_key_budget_json(api_keys), api_key_json(api_keys),
	api_key_spend(uuid, numeric);
-- what a key spends is counted by day, week and month at once, so that its budget may change its period
ALTER TABLE api_keys ADD COLUMN user_group group_name REFERENCES user_groups,
	ADD COLUMN day_spent numeric(20,6) NOT NULL DEFAULT 0, ADD COLUMN week_spent numeric(20,6) NOT NULL DEFAULT 0;
ALTER TABLE api_keys RENAME COLUMN period_spent TO month_spent;
ALTER TABLE api_keys RENAME COLUMN period_start TO spent_at;
COMMENT ON COLUMN api_keys.user_group IS 'The group whose prices and channels calls with this key have; NULL: that of its user.';
COMMENT ON COLUMN api_keys.day_spent IS 'Credits it has spent on the day of spent_at, in UTC.';
COMMENT ON COLUMN api_keys.week_spent IS 'The same in the week of spent_at, which begins on Monday.';
COMMENT ON COLUMN api_keys.month_spent IS 'The same in the month of spent_at.';
COMMENT ON COLUMN api_keys.spent_at IS 'When it spent last; NULL: never.';
UPDATE api_keys SET month_spent = 0, spent_at = NULL;
UPDATE api_keys k SET spent_at = g.last, day_spent = g.day, week_spent = g.week, month_spent = g.month
FROM (SELECT s.id, max(u.created_at) AS last,
		coalesce(sum(u.cost) FILTER (WHERE u.created_at >= date_trunc('day', now(), 'UTC')), 0) AS day,
		coalesce(sum(u.cost) FILTER (WHERE u.created_at >= date_trunc('week', now(), 'UTC')), 0) AS week,
		coalesce(sum(u.cost) FILTER (WHERE u.created_at >= date_trunc('month', now(), 'UTC')), 0) AS month
	FROM usage u JOIN api_keys m ON m.id = u.key_id JOIN api_keys s ON s.id IN (m.id, m.rotated_to)
	WHERE u.created_at >= now() - interval '32 days' GROUP BY s.id) AS g
WHERE g.id = k.id;

CREATE TABLE quotas (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	user_id uuid CONSTRAINT quotas_user UNIQUE REFERENCES users ON DELETE CASCADE,
	user_group group_name CONSTRAINT quotas_group UNIQUE REFERENCES user_groups ON DELETE CASCADE,
	budget credits_amount NOT NULL,
	budget_period api_key_period NOT NULL DEFAULT 'none',
	spent numeric(20,6) NOT NULL DEFAULT 0,
	day_spent numeric(20,6) NOT NULL DEFAULT 0,
	week_spent numeric(20,6) NOT NULL DEFAULT 0,
	month_spent numeric(20,6) NOT NULL DEFAULT 0,
	spent_at timestamptz,
	CHECK (num_nonnulls(user_id, user_group) = 1)
) WITH (fillfactor = 70);
COMMENT ON TABLE quotas IS
	'Budgets of users and of groups, and what has been spent of them; those of keys stand with the keys. A row for each that has a budget: who has none is not counted here. Changed with each settlement, in place.';
COMMENT ON COLUMN quotas.id IS 'Number; rows are locked in its order.';
COMMENT ON COLUMN quotas.user_id IS 'Whose budget; NULL: a group''s.';
COMMENT ON COLUMN quotas.user_group IS 'The group whose members have it in common; NULL: a user''s.';
COMMENT ON COLUMN quotas.budget IS 'Credits that may be spent in a period.';
COMMENT ON COLUMN quotas.budget_period IS 'When it begins anew: day, week and month begin in UTC; none: never.';
COMMENT ON COLUMN quotas.spent IS 'Credits spent since the budget was first set, and before that in its month.';
COMMENT ON COLUMN quotas.day_spent IS 'Credits spent on the day of spent_at.';
COMMENT ON COLUMN quotas.week_spent IS 'Credits spent in the week of spent_at, which begins on Monday.';
COMMENT ON COLUMN quotas.month_spent IS 'Credits spent in the month of spent_at.';
COMMENT ON COLUMN quotas.spent_at IS 'When something was spent last; NULL: never.';

CREATE TABLE quota_history (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	kind varchar(10) NOT NULL CHECK (kind IN ('key', 'user', 'group')),
	subject varchar(50) NOT NULL,
	user_id uuid,
	reason varchar(10) NOT NULL CHECK (reason IN ('budget', 'reset', 'reminder')),
	period api_key_period NOT NULL,
	budget numeric(20,6),
	percent int,
	before numeric(20,6),
	after numeric(20,6),
	actor_id uuid,
	created_at timestamptz NOT NULL DEFAULT now(),
	told_at timestamptz
);
CREATE INDEX quota_history_subject ON quota_history (kind, subject, id DESC);
CREATE INDEX quota_history_untold ON quota_history (id) WHERE reason = 'reminder' AND told_at IS NULL;
COMMENT ON TABLE quota_history IS
	'What became of budgets: changes, beginnings of a new period, and reminders that one is nearly used. A few rows for each budget and period.';
COMMENT ON COLUMN quota_history.id IS 'Number, ascending.';
COMMENT ON COLUMN quota_history.kind IS 'Whose budget: of a key, a user or a group.';
COMMENT ON COLUMN quota_history.subject IS 'Id of the key or the user, or name of the group. No foreign key: the history outlives it.';
COMMENT ON COLUMN quota_history.user_id IS 'The user, or the owner of the key; NULL: a group''s.';
COMMENT ON COLUMN quota_history.reason IS 'budget: it was changed; reset: a new period began; reminder: so much of it is used.';
COMMENT ON COLUMN quota_history.period IS 'The period of the budget (after a change).';
COMMENT ON COLUMN quota_history.budget IS 'The budget then; NULL: it was taken away.';
COMMENT ON COLUMN quota_history.percent IS 'Of a reminder: 80 or 95; else NULL.';
COMMENT ON COLUMN quota_history.before IS 'Of a change the budget before (NULL: none), of a reset what was spent in the period before; else NULL.';
COMMENT ON COLUMN quota_history.after IS 'Of a change the budget after (NULL: none), of a reset 0, of a reminder what was spent.';
COMMENT ON COLUMN quota_history.actor_id IS 'Who changed it; NULL: the command line, or nobody.';
COMMENT ON COLUMN quota_history.created_at IS 'When.';
COMMENT ON COLUMN quota_history.told_at IS 'Of a reminder: when weir-worker told of it; NULL: not yet.';

CREATE DOMAIN price_meter AS varchar(20) CHECK (VALUE IN ('input', 'output', 'cached_input', 'cache_write', 'cache_write_1h',
	'reasoning', 'audio_input', 'audio_output', 'image', 'second', 'character', 'page', 'query', 'call'));
COMMENT ON DOMAIN price_meter IS 'What is counted.';
CREATE DOMAIN price_tier AS varchar(10) CHECK (VALUE IN ('standard', 'flex', 'priority', 'batch'));
COMMENT ON DOMAIN price_tier IS 'How fast the provider is to answer.';

CREATE TABLE prices (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	model_id bigint NOT NULL REFERENCES llm_models ON DELETE CASCADE,
	user_group group_name REFERENCES user_groups ON DELETE CASCADE,
	meter price_meter NOT NULL,
	tier price_tier NOT NULL DEFAULT 'standard',
	min_context int NOT NULL DEFAULT 0 CHECK (min_context >= 0),
	unit_price credits_amount NOT NULL,
	per int NOT NULL CHECK (per BETWEEN 1 AND 1000000),
	valid_from timestamptz NOT NULL DEFAULT '-infinity',
	hours varchar(11) CHECK (hours ~ '^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$'
		AND left(hours, 5) <> right(hours, 5)),
	time_zone varchar(64) NOT NULL DEFAULT 'UTC',
	created_at timestamptz NOT NULL DEFAULT now(),
	CONSTRAINT prices_key UNIQUE NULLS NOT DISTINCT (model_id, user_group, meter, tier, min_context, valid_from, hours, time_zone)
);
COMMENT ON TABLE prices IS
	'What models cost, a row for each meter and condition. Read into the memory of every process with the models; a task keeps the prices it was opened with.';
COMMENT ON COLUMN prices.id IS 'Number.';
COMMENT ON COLUMN prices.model_id IS 'The model.';
COMMENT ON COLUMN prices.user_group IS 'For this group instead of the rows for all; NULL: for all groups.';
COMMENT ON COLUMN prices.meter IS 'What is counted: tokens (input, output, cached_input, cache_write, cache_write_1h, reasoning, audio_input, audio_output), or image, second, character, page, query, call.';
COMMENT ON COLUMN prices.tier IS 'standard, flex, priority or batch.';
COMMENT ON COLUMN prices.min_context IS 'For prompts of at least so many tokens.';
COMMENT ON COLUMN prices.unit_price IS 'Credits for `per` units; 0: free.';
COMMENT ON COLUMN prices.per IS 'How many units unit_price is for: 1000000 for prices per million tokens.';
COMMENT ON COLUMN prices.valid_from IS 'From when on; of several the latest that has begun holds.';
COMMENT ON COLUMN prices.hours IS 'Only within this time of day, as 22:00-06:00; NULL: at any time.';
COMMENT ON COLUMN prices.time_zone IS 'Time zone of hours, as Asia/Shanghai.';
COMMENT ON COLUMN prices.created_at IS 'When it was added.';

INSERT INTO prices (model_id, meter, unit_price, per)
SELECT m.id, p.meter, p.unit_price, p.per
FROM llm_models m, LATERAL (VALUES ('input', m.price_input_per_mtok, 1000000), ('output', m.price_output_per_mtok, 1000000),
	('call', nullif(m.price_per_call, 0), 1)) AS p (meter, unit_price, per)
WHERE p.unit_price IS NOT NULL;
DROP FUNCTION IF EXISTS turn_dead(int);
ALTER TABLE llm_models DROP COLUMN price_input_per_mtok, DROP COLUMN price_output_per_mtok, DROP COLUMN price_per_call;
COMMENT ON TABLE llm_models IS 'What users may choose; their prices stand in prices. A few dozen rows.';
COMMENT ON TABLE catalog_version IS 'One row: the version of llm_models, prices, user_groups, channels, channel_keys and channel_models together.';

ALTER TABLE tasks ADD COLUMN prices jsonb, ADD COLUMN user_group varchar(50);
COMMENT ON COLUMN tasks.prices IS
	'The prices it was opened with, by which it is settled: {"ratio_ppm", "rows": [[meter, min_context, micro-credits, per], ...]}; NULL: free, or opened before there were such rows.';
COMMENT ON COLUMN tasks.user_group IS 'The group it is counted for (user_groups.name; no foreign key: groups may be deleted).';
ALTER TYPE task_ask ADD ATTRIBUTE prices jsonb, ADD ATTRIBUTE user_group text;

GRANT SELECT, INSERT, UPDATE, DELETE ON user_groups, prices, quotas TO weir_service;
GRANT SELECT, INSERT, UPDATE ON quota_history TO weir_service;
