-- API keys: what programs sign in with, and what each of them may do.

CREATE DOMAIN api_key_status AS varchar(10) CHECK (VALUE IN ('active', 'rotated', 'revoked', 'expired', 'locked'));
COMMENT ON DOMAIN api_key_status IS 'Whether a key is accepted, and if not, why.';
CREATE DOMAIN api_key_period AS varchar(10) CHECK (VALUE IN ('none', 'day', 'week', 'month'));
COMMENT ON DOMAIN api_key_period IS 'After which a budget begins anew; none: never.';

CREATE TABLE api_keys (
	id uuid PRIMARY KEY,
	user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
	name text NOT NULL,
	hash bytea NOT NULL,
	prefix varchar(16) NOT NULL,
	status api_key_status NOT NULL DEFAULT 'active',
	scopes text[],
	models text[],
	allow_ips inet[],
	expires_at timestamptz,
	budget numeric(20,6) CHECK (budget >= 0),
	budget_period api_key_period NOT NULL DEFAULT 'none',
	rpm int CHECK (rpm > 0),
	tpm int CHECK (tpm > 0),
	max_concurrent int CHECK (max_concurrent > 0),
	rotated_to uuid REFERENCES api_keys ON DELETE SET NULL,
	last_used_at timestamptz,
	last_ip inet,
	use_count bigint NOT NULL DEFAULT 0,
	spent numeric(20,6) NOT NULL DEFAULT 0,
	period_spent numeric(20,6) NOT NULL DEFAULT 0,
	period_start timestamptz,
	created_at timestamptz NOT NULL DEFAULT now(),
	revoked_at timestamptz
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX api_keys_hash ON api_keys (hash);
CREATE INDEX api_keys_user ON api_keys (user_id, id DESC);
CREATE INDEX api_keys_rotated_to ON api_keys (rotated_to) WHERE rotated_to IS NOT NULL;
-- what weir-worker looks for each minute: few rows have an end that is still to come
CREATE INDEX api_keys_expires ON api_keys (expires_at) WHERE expires_at IS NOT NULL AND revoked_at IS NULL;
COMMENT ON TABLE api_keys IS
	'Keys of programs, stored hashed. Looked up by hash with each call of the API; use and spending are written back in place (no indexed column changes).';
COMMENT ON COLUMN api_keys.id IS 'UUIDv7, made by the program.';
COMMENT ON COLUMN api_keys.user_id IS 'Whose key: who pays for its calls.';
COMMENT ON COLUMN api_keys.name IS 'What the owner calls it.';
COMMENT ON COLUMN api_keys.hash IS 'SHA-256 of the key; the key itself is never stored.';
COMMENT ON COLUMN api_keys.prefix IS 'Its first characters, by which the owner tells keys apart.';
COMMENT ON COLUMN api_keys.status IS
	'active; rotated: another took its place, accepted until expires_at; revoked by its owner; expired; locked by an operator.';
COMMENT ON COLUMN api_keys.scopes IS 'What it may be used for: chat, embeddings, images, audio, moderation, rerank; NULL: everything.';
COMMENT ON COLUMN api_keys.models IS 'Names of the models it may ask; NULL: all.';
COMMENT ON COLUMN api_keys.allow_ips IS 'Addresses and networks it is accepted from; NULL: everywhere.';
COMMENT ON COLUMN api_keys.expires_at IS 'Not accepted after this time; NULL: never expires. Of a rotated key the end of the overlap.';
COMMENT ON COLUMN api_keys.budget IS 'Credits it may spend in a period; NULL: whatever the account has.';
COMMENT ON COLUMN api_keys.budget_period IS 'When the budget begins anew: day, week and month begin in UTC; none: it is for the whole life of the key.';
COMMENT ON COLUMN api_keys.rpm IS 'Requests it may make in a minute; NULL: as many as the account.';
COMMENT ON COLUMN api_keys.tpm IS 'Tokens it may use in a minute; NULL: as many as the account.';
COMMENT ON COLUMN api_keys.max_concurrent IS 'Calls it may have at once; NULL: as many as the account.';
COMMENT ON COLUMN api_keys.rotated_to IS
	'The key that took its place, the newest one where that was rotated in turn: its limits count for this one too, and it is told what this one spends.';
COMMENT ON COLUMN api_keys.last_used_at IS 'Its last use, up to some seconds late; NULL: never used.';
COMMENT ON COLUMN api_keys.last_ip IS 'Client address of the last use.';
COMMENT ON COLUMN api_keys.use_count IS 'How many calls it made, up to some seconds late.';
COMMENT ON COLUMN api_keys.spent IS 'Credits it has spent in all, with those of the keys whose place it took.';
COMMENT ON COLUMN api_keys.period_spent IS 'Credits it has spent in the period that began at period_start.';
COMMENT ON COLUMN api_keys.period_start IS 'When the period of period_spent began; NULL: nothing was spent, or budget_period is none.';
COMMENT ON COLUMN api_keys.created_at IS 'When it was made.';
COMMENT ON COLUMN api_keys.revoked_at IS 'When it ended: was revoked, or found past expires_at; NULL while it may still be used.';

GRANT SELECT, INSERT, UPDATE, DELETE ON api_keys TO weir_service;
