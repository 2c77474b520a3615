-- The life of API keys, and the watch on their use.

-- what takes a row of it is in the way of ALTER TABLE in PostgreSQL 17, and comes again with its area
DROP FUNCTION IF EXISTS api_key_budget_left(api_keys), api_key_status(api_keys), api_key_budget_json(api_keys), api_key_json(api_keys);
ALTER TABLE api_keys
	ADD COLUMN label text,
	ADD COLUMN auto_rotate boolean NOT NULL DEFAULT false,
	ADD COLUMN rotate_every_days int CHECK (rotate_every_days BETWEEN 1 AND 3650),
	ADD COLUMN secret_sealed bytea,
	ADD COLUMN reminded_days smallint,
	ADD COLUMN reminded_end timestamptz,
	ADD COLUMN locked_at timestamptz,
	ADD COLUMN lock_reason text,
	ADD CONSTRAINT api_keys_rotates CHECK (NOT auto_rotate OR rotate_every_days IS NOT NULL);
CREATE INDEX api_keys_auto_rotate ON api_keys (created_at) WHERE auto_rotate AND status = 'active';
COMMENT ON COLUMN api_keys.label IS 'A word by which its owner groups keys; NULL: none.';
COMMENT ON COLUMN api_keys.auto_rotate IS 'Another key takes its place by itself, each rotate_every_days.';
COMMENT ON COLUMN api_keys.rotate_every_days IS 'After so many days it should be rotated; NULL: not told.';
COMMENT ON COLUMN api_keys.secret_sealed IS
	'The key itself, sealed, of one that was made by a rotation by itself, until its owner collects it, once; NULL: there is nothing to collect.';
COMMENT ON COLUMN api_keys.reminded_days IS 'The owner was reminded so many days before reminded_end; NULL: never.';
COMMENT ON COLUMN api_keys.reminded_end IS 'The expires_at the owner was reminded of: with another one it begins anew.';
COMMENT ON COLUMN api_keys.locked_at IS 'When it was locked last; NULL while it is not.';
COMMENT ON COLUMN api_keys.lock_reason IS 'Why it is locked, in an operator''s words or the kind of a security event; NULL while it is not.';

CREATE DOMAIN security_kind AS varchar(30)
	CHECK (VALUE IN ('new_model', 'new_address', 'failures', 'size_jump', 'overspeed', 'leaked'));
COMMENT ON DOMAIN security_kind IS 'What was noticed.';

CREATE TABLE key_hours (
	key_id uuid NOT NULL REFERENCES api_keys ON DELETE CASCADE,
	hour timestamptz NOT NULL,
	calls bigint NOT NULL DEFAULT 0,
	failures bigint NOT NULL DEFAULT 0,
	refusals bigint NOT NULL DEFAULT 0,
	sized bigint NOT NULL DEFAULT 0,
	bytes bigint NOT NULL DEFAULT 0,
	bytes_max bigint NOT NULL DEFAULT 0,
	tokens bigint NOT NULL DEFAULT 0,
	minute bigint NOT NULL DEFAULT 0,
	minute_calls bigint NOT NULL DEFAULT 0,
	minute_tokens bigint NOT NULL DEFAULT 0,
	calls_peak bigint NOT NULL DEFAULT 0,
	tokens_peak bigint NOT NULL DEFAULT 0,
	models text[] NOT NULL DEFAULT '{}',
	addresses inet[] NOT NULL DEFAULT '{}',
	judged boolean NOT NULL DEFAULT false,
	PRIMARY KEY (key_id, hour)
) WITH (fillfactor = 80);
CREATE INDEX key_hours_unjudged ON key_hours (hour) WHERE NOT judged;
CREATE INDEX key_hours_hour ON key_hours USING brin (hour);
COMMENT ON TABLE key_hours IS
	'How a key was used within an hour: one row per key and hour, gathered by each process and added every few seconds. Kept for [watch] keep.';
COMMENT ON COLUMN key_hours.key_id IS 'The key.';
COMMENT ON COLUMN key_hours.hour IS 'Begin of the hour, by the time of writing.';
COMMENT ON COLUMN key_hours.calls IS 'Requests it was accepted for.';
COMMENT ON COLUMN key_hours.failures IS 'Of these, those answered with a 4xx status but 429.';
COMMENT ON COLUMN key_hours.refusals IS 'Requests it was refused for: ended, locked, from an address that is not allowed.';
COMMENT ON COLUMN key_hours.sized IS 'Requests with a body.';
COMMENT ON COLUMN key_hours.bytes IS 'Bytes of all bodies.';
COMMENT ON COLUMN key_hours.bytes_max IS 'Bytes of the largest body.';
COMMENT ON COLUMN key_hours.tokens IS 'Tokens of what was settled, in and out.';
COMMENT ON COLUMN key_hours.minute IS 'The minute (since 1970) that minute_calls and minute_tokens are of.';
COMMENT ON COLUMN key_hours.minute_calls IS 'Calls within that minute, so far.';
COMMENT ON COLUMN key_hours.minute_tokens IS 'Tokens within that minute, so far.';
COMMENT ON COLUMN key_hours.calls_peak IS 'Most calls within a minute.';
COMMENT ON COLUMN key_hours.tokens_peak IS 'Most tokens within a minute.';
COMMENT ON COLUMN key_hours.models IS 'Names of the models it asked, 32 at most.';
COMMENT ON COLUMN key_hours.addresses IS 'Client addresses, 32 at most.';
COMMENT ON COLUMN key_hours.judged IS 'The rules have been applied to what is in the row.';

CREATE TABLE key_profiles (
	key_id uuid PRIMARY KEY REFERENCES api_keys ON DELETE CASCADE,
	models text[] NOT NULL DEFAULT '{}',
	networks cidr[] NOT NULL DEFAULT '{}',
	since timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE key_profiles IS 'What a key has been used for before: what is not in it is new.';
COMMENT ON COLUMN key_profiles.key_id IS 'The key.';
COMMENT ON COLUMN key_profiles.models IS 'Names of models it has asked, 200 at most.';
COMMENT ON COLUMN key_profiles.networks IS 'Networks it was used from, /24 or /48, 500 at most.';
COMMENT ON COLUMN key_profiles.since IS 'When the first of it was written.';

CREATE TABLE security_events (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	created_at timestamptz NOT NULL DEFAULT now(),
	kind security_kind NOT NULL,
	key_id uuid,
	key_name text,
	key_prefix varchar(16),
	user_id uuid NOT NULL,
	hour timestamptz NOT NULL DEFAULT date_trunc('hour', now()),
	action varchar(10) NOT NULL CHECK (action IN ('tell', 'lock')),
	details jsonb NOT NULL DEFAULT '{}',
	told_at timestamptz,
	resolved_at timestamptz,
	resolved_by uuid,
	note text
);
CREATE UNIQUE INDEX security_events_once ON security_events (key_id, kind, hour);
CREATE INDEX security_events_untold ON security_events (id) WHERE told_at IS NULL;
CREATE INDEX security_events_open ON security_events (id) WHERE resolved_at IS NULL;
CREATE INDEX security_events_user ON security_events (user_id, id);
COMMENT ON TABLE security_events IS
	'What was odd about the use of a key, at most one row of a kind per key and hour. Holds names and no foreign keys: it outlives keys and users.';
COMMENT ON COLUMN security_events.id IS 'Increasing id.';
COMMENT ON COLUMN security_events.created_at IS 'When it was noticed.';
COMMENT ON COLUMN security_events.kind IS
	'new_model: never used before; new_address: from a network never used before; failures: too many within an hour; size_jump: requests much larger than before; overspeed: too many calls or tokens within a minute; leaked: found in a list.';
COMMENT ON COLUMN security_events.key_id IS 'The key.';
COMMENT ON COLUMN security_events.key_name IS 'Its name at that time.';
COMMENT ON COLUMN security_events.key_prefix IS 'Its first characters.';
COMMENT ON COLUMN security_events.user_id IS 'Whose key it is.';
COMMENT ON COLUMN security_events.hour IS 'The hour it is about.';
COMMENT ON COLUMN security_events.action IS 'tell: its owner is told; lock: and the key was locked.';
COMMENT ON COLUMN security_events.details IS 'What was seen, and what the rule allows.';
COMMENT ON COLUMN security_events.told_at IS 'When weir-worker told the owner; NULL: not yet.';
COMMENT ON COLUMN security_events.resolved_at IS 'When an admin put it away; NULL: open.';
COMMENT ON COLUMN security_events.resolved_by IS 'The admin.';
COMMENT ON COLUMN security_events.note IS 'What the admin says about it.';

GRANT SELECT, INSERT, UPDATE, DELETE ON key_hours, key_profiles, security_events TO weir_service;
