-- Idempotency keys of calls that cost or create, kept for 24 hours.

CREATE TABLE idempotency_keys (
	user_id uuid NOT NULL,
	key varchar(255) NOT NULL,
	route varchar(200) NOT NULL,
	body_hash bytea NOT NULL,
	task_id uuid,
	status int,
	response jsonb,
	created_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (user_id, key)
);
CREATE INDEX idempotency_keys_created ON idempotency_keys USING brin (created_at);
COMMENT ON TABLE idempotency_keys IS
	'One row per Idempotency-Key of a user, made in the transaction that has the effect. Removed by prune_expired() after 24 h.';
COMMENT ON COLUMN idempotency_keys.user_id IS 'Whose key. No foreign key: it would lock the user''s row before the hold does, and the row lives for a day only.';
COMMENT ON COLUMN idempotency_keys.key IS 'The header''s value.';
COMMENT ON COLUMN idempotency_keys.route IS 'Method and path it was used on.';
COMMENT ON COLUMN idempotency_keys.body_hash IS 'SHA-256 of the request body; another body under the same key is refused.';
COMMENT ON COLUMN idempotency_keys.task_id IS 'The task it opened; its outcome is replayed from the task and its message.';
COMMENT ON COLUMN idempotency_keys.status IS 'HTTP status of a finished call that opened no task.';
COMMENT ON COLUMN idempotency_keys.response IS 'Body of a finished call that opened no task.';
COMMENT ON COLUMN idempotency_keys.created_at IS 'First use.';

GRANT SELECT, INSERT, UPDATE, DELETE ON idempotency_keys TO weir_service;
