-- Allowances: what a process holds for an account, so that relayed calls need not ask before each; and the version of the API keys.

CREATE TABLE allowances (
	id uuid PRIMARY KEY,
	user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
	key_id uuid,
	owner uuid NOT NULL,
	amount credits_amount NOT NULL,
	seq int NOT NULL,
	last_grant credits_amount NOT NULL,
	asked_at timestamptz,
	answered_at timestamptz,
	created_at timestamptz NOT NULL DEFAULT now(),
	ended_at timestamptz
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);
CREATE INDEX allowances_user ON allowances (user_id) WHERE ended_at IS NULL;
CREATE INDEX allowances_owner ON allowances (owner) WHERE ended_at IS NULL;
COMMENT ON TABLE allowances IS
	'Credits that a process holds for an account and from which its relayed calls take their ceilings in memory. Counted as held. Some rows per account and process; written when it is filled or given back, not per call. Its lease is its owner''s heartbeat.';
COMMENT ON COLUMN allowances.id IS 'UUIDv7, made by the owner.';
COMMENT ON COLUMN allowances.user_id IS 'Whose credits. Whoever changes amount or ended_at has this user''s row locked.';
COMMENT ON COLUMN allowances.key_id IS 'For calls of this API key only, which has a budget; NULL: for any of the account''s.';
COMMENT ON COLUMN allowances.owner IS 'Process that holds it (table processes).';
COMMENT ON COLUMN allowances.amount IS 'Credits held now; 0 once it has ended.';
COMMENT ON COLUMN allowances.seq IS 'Number of the owner''s last fill or return: one that is asked for again finds itself done.';
COMMENT ON COLUMN allowances.last_grant IS 'What the last fill added.';
COMMENT ON COLUMN allowances.asked_at IS 'Somebody needs what of it is idle; NULL: nobody, or the owner has answered.';
COMMENT ON COLUMN allowances.answered_at IS 'When the owner last gave back what was idle, or said that nothing was.';
COMMENT ON COLUMN allowances.created_at IS 'When it was taken.';
COMMENT ON COLUMN allowances.ended_at IS 'When it was given back whole; NULL while it lives.';
ALTER TABLE allowances ENABLE ROW LEVEL SECURITY;
CREATE POLICY allowances_service_all ON allowances FOR ALL TO weir_service USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON allowances TO weir_service;

ALTER TABLE credits_history ADD COLUMN allowance_id uuid;
COMMENT ON COLUMN credits_history.allowance_id IS 'The allowance that was filled, given back or used; NULL: none was.';
ALTER TABLE usage ADD COLUMN allowance_id uuid;
COMMENT ON COLUMN usage.allowance_id IS 'The allowance a relayed call took its ceiling from; task_id is then the call''s own id, of which there is no row in tasks. NULL: a task with a hold.';
-- what makes a call be charged once, whoever settles it and however often
CREATE UNIQUE INDEX usage_call ON usage (task_id) WHERE allowance_id IS NOT NULL;

CREATE TYPE relay_call AS (
	call_id uuid, allowance_id uuid, user_id uuid, key_id uuid, outcome text, error_code text,
	input_tokens int, output_tokens int, cached_tokens int, cache_write_tokens int, reasoning_tokens int, estimated boolean,
	cost numeric, overrun numeric, limited boolean, model_id bigint, model text, channel_id bigint, channel text, provider text,
	latency_ms int, first_token_ms int, request_id text, user_group text, details jsonb);
COMMENT ON TYPE relay_call IS
	'A relayed call that has ended, as relay_round() takes it. cost: at most its ceiling; overrun: what exceeds that. limited: a key''s budget stands behind its allowance, which is used up. user_group: whose budget counts it. details: usage.metadata; NULL: nothing.';
CREATE TYPE relay_cost AS (call_id uuid, allowance_id uuid, user_id uuid, cost numeric, key_id uuid, user_group text);
COMMENT ON TYPE relay_cost IS 'What relay_round() has to charge for one call.';
CREATE TYPE relay_paid AS (user_id uuid, allowance_id uuid, balance numeric, taken numeric, live boolean);
COMMENT ON TYPE relay_paid IS 'What relay_pay() tells of an account: what of its allowance was used up, and whether that still lives.';

CREATE TABLE keys_version (
	one boolean PRIMARY KEY DEFAULT true CHECK (one),
	version xid8 NOT NULL DEFAULT pg_current_xact_id()
);
COMMENT ON TABLE keys_version IS 'One row: the version of what API keys may do and of who is disabled.';
COMMENT ON COLUMN keys_version.one IS 'Always true: there is one row.';
COMMENT ON COLUMN keys_version.version IS 'The transaction that last changed it.';
INSERT INTO keys_version DEFAULT VALUES;
GRANT SELECT, UPDATE (version) ON keys_version TO weir_service;
