-- Tasks: one row per unit of work that occupies a slot; their journal, idempotency keys and usage.

CREATE DOMAIN percentage AS int CHECK (VALUE BETWEEN 0 AND 100);
COMMENT ON DOMAIN percentage IS 'Whole per cent.';
CREATE DOMAIN task_type AS varchar(20) CHECK (VALUE IN ('chat', 'image', 'video'));
COMMENT ON DOMAIN task_type IS 'What a task makes.';
CREATE DOMAIN task_status AS varchar(20) CHECK (VALUE IN ('pending', 'running', 'completed', 'failed', 'cancelled'));
COMMENT ON DOMAIN task_status IS 'pending and running are live; the others are final.';

CREATE TABLE tasks (
	id uuid PRIMARY KEY,
	user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
	conversation_id uuid,
	type task_type NOT NULL,
	status task_status NOT NULL DEFAULT 'pending',
	progress percentage NOT NULL DEFAULT 0,
	credits_locked credits_amount NOT NULL DEFAULT 0,
	credits_used credits_amount NOT NULL DEFAULT 0,
	owner uuid,
	model_id bigint,
	message_id uuid,
	user_message_id uuid,
	agent_run boolean NOT NULL DEFAULT false,
	prev_message jsonb,
	result jsonb,
	error_code varchar(50),
	error_message text,
	idempotency_key varchar(255),
	cancel_requested_at timestamptz,
	created_at timestamptz NOT NULL DEFAULT now(),
	started_at timestamptz,
	completed_at timestamptz
) WITH (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.05);
CREATE INDEX idx_tasks_user_status ON tasks (user_id, status);
CREATE INDEX idx_tasks_conversation ON tasks (conversation_id);
CREATE INDEX idx_tasks_created ON tasks (created_at DESC);
-- The condition is on completed_at and not, as would be the same, on status, lest the planner take this index for "this
-- task, if live" and walk all live and dead entries. An owner's tasks are found by reading all of it.
CREATE INDEX tasks_live ON tasks (user_id, owner) WHERE completed_at IS NULL;
COMMENT ON TABLE tasks IS
	'One row per chat turn or media job. Inserted when it opens, updated once when it ends; about 300 bytes and four index entries each.';
COMMENT ON COLUMN tasks.id IS 'UUIDv7; also the idempotency key of its hold and the member of its slot.';
COMMENT ON COLUMN tasks.user_id IS 'For whom it runs.';
COMMENT ON COLUMN tasks.conversation_id IS 'Its conversation; NULL for media without one, or after the conversation was deleted.';
COMMENT ON COLUMN tasks.type IS 'chat, image or video.';
COMMENT ON COLUMN tasks.status IS 'pending and running are live; completed, failed and cancelled are final. Leaves the live states once, in tasks_end() or credits_expire().';
COMMENT ON COLUMN tasks.progress IS 'Per cent done.';
COMMENT ON COLUMN tasks.credits_locked IS 'Credits held for it; 0: free.';
COMMENT ON COLUMN tasks.credits_used IS 'Credits charged at the end; never more than were held.';
COMMENT ON COLUMN tasks.owner IS 'Process that carries it (processes.id, without foreign key: the row of a dead process may be gone); NULL while it waits in a queue.';
COMMENT ON COLUMN tasks.model_id IS 'Model asked for or, at the end, used (llm_models.id; no foreign key: models may be deleted).';
COMMENT ON COLUMN tasks.message_id IS 'Assistant message it fills (no foreign key: a deleted message does not stop settlement).';
COMMENT ON COLUMN tasks.user_message_id IS 'User message it answers.';
COMMENT ON COLUMN tasks.agent_run IS 'Counts towards the limit of conversations with a running agent.';
COMMENT ON COLUMN tasks.prev_message IS 'What a regenerated message was before, to be restored if this attempt fails too.';
COMMENT ON COLUMN tasks.result IS 'Result of a media job.';
COMMENT ON COLUMN tasks.error_code IS 'Stable code of the failure.';
COMMENT ON COLUMN tasks.error_message IS 'Detail of the failure.';
COMMENT ON COLUMN tasks.idempotency_key IS 'The caller''s Idempotency-Key, if any.';
COMMENT ON COLUMN tasks.cancel_requested_at IS 'When the user asked to stop it; the owner learns of it at its next heartbeat at the latest.';
COMMENT ON COLUMN tasks.created_at IS 'When it was opened.';
COMMENT ON COLUMN tasks.started_at IS 'When it began to run.';
COMMENT ON COLUMN tasks.completed_at IS 'When it ended, however it ended.';

CREATE TABLE task_journal (
	task_id uuid NOT NULL REFERENCES tasks ON DELETE CASCADE,
	seq int NOT NULL CHECK (seq >= 0),
	offset_bytes bigint NOT NULL CHECK (offset_bytes >= 0),
	text text NOT NULL,
	PRIMARY KEY (task_id, seq)
);
COMMENT ON TABLE task_journal IS
	'What a stream delivered, written here only while Redis is not available. Removed by prune_expired() after the task has ended: empty in normal running.';
COMMENT ON COLUMN task_journal.task_id IS 'The task.';
COMMENT ON COLUMN task_journal.seq IS 'Number of the piece, from 0.';
COMMENT ON COLUMN task_journal.offset_bytes IS 'Bytes of the answer before this piece.';
COMMENT ON COLUMN task_journal.text IS 'The piece.';

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

CREATE TABLE usage (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	created_at timestamptz NOT NULL DEFAULT now(),
	request_id text,
	task_id uuid,
	user_id uuid NOT NULL,
	channel_id bigint,
	channel varchar(200),
	provider varchar(50),
	model_id bigint,
	model varchar(200),
	request_tokens token_count NOT NULL DEFAULT 0,
	response_tokens token_count NOT NULL DEFAULT 0,
	total_tokens bigint GENERATED ALWAYS AS (request_tokens::bigint + response_tokens) STORED,
	estimated boolean NOT NULL DEFAULT false,
	cost credits_amount NOT NULL DEFAULT 0,
	overrun credits_amount NOT NULL DEFAULT 0,
	latency_ms int,
	first_token_ms int,
	status varchar(20) NOT NULL,
	error_code varchar(50),
	metadata jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX usage_user_created ON usage (user_id, created_at);
-- rollups and removal by age read whole ranges of days; rows arrive in time order
CREATE INDEX usage_created ON usage USING brin (created_at);
COMMENT ON TABLE usage IS
	'One row per settled task, written by the settlement itself. Append-only in normal running; about 250 bytes and two index entries each. Holds names, not only ids, and no foreign keys: it must outlive users, models and channels.';
COMMENT ON COLUMN usage.id IS 'Increasing id.';
COMMENT ON COLUMN usage.created_at IS 'Time of settlement.';
COMMENT ON COLUMN usage.request_id IS 'X-Request-Id of the call.';
COMMENT ON COLUMN usage.task_id IS 'The task.';
COMMENT ON COLUMN usage.user_id IS 'Who used it.';
COMMENT ON COLUMN usage.channel_id IS 'Channel that served it; NULL when none did.';
COMMENT ON COLUMN usage.channel IS 'Name of the channel at that time.';
COMMENT ON COLUMN usage.provider IS 'Adapter of the channel at that time.';
COMMENT ON COLUMN usage.model_id IS 'Model used (after fallback, the fallback).';
COMMENT ON COLUMN usage.model IS 'Its name at that time.';
COMMENT ON COLUMN usage.request_tokens IS 'Tokens sent.';
COMMENT ON COLUMN usage.response_tokens IS 'Tokens received.';
COMMENT ON COLUMN usage.total_tokens IS 'Sum of both.';
COMMENT ON COLUMN usage.estimated IS 'The provider sent no usage (or not in time): tokens are our estimate.';
COMMENT ON COLUMN usage.cost IS 'Credits charged.';
COMMENT ON COLUMN usage.overrun IS 'Cost above what was held, borne by the operator: never charged, but on record.';
COMMENT ON COLUMN usage.latency_ms IS 'From the opening of the turn to its end.';
COMMENT ON COLUMN usage.first_token_ms IS 'To the first content; NULL when there was none.';
COMMENT ON COLUMN usage.status IS 'How the task ended: completed, failed or cancelled.';
COMMENT ON COLUMN usage.error_code IS 'Stable code of the failure.';
COMMENT ON COLUMN usage.metadata IS 'Anything else worth keeping.';

ALTER TABLE tasks ENABLE ROW LEVEL SECURITY;
CREATE POLICY tasks_service_all ON tasks FOR ALL TO weir_service USING (true) WITH CHECK (true);
CREATE POLICY tasks_owner_select ON tasks FOR SELECT TO weir_user
	USING (user_id = nullif(current_setting('weir.user_id', true), '')::uuid);

GRANT SELECT, INSERT, UPDATE ON tasks TO weir_service;
GRANT SELECT ON tasks TO weir_user;
GRANT SELECT, INSERT, UPDATE, DELETE ON task_journal, idempotency_keys TO weir_service;
GRANT SELECT, INSERT, DELETE ON usage TO weir_service;

CREATE TYPE key_claimed AS (outcome text, task_id uuid, status int, response jsonb);
COMMENT ON TYPE key_claimed IS 'What key_claim() and key_find() answer: new, replay (with what is on record) or mismatch.';
CREATE TYPE task_ask AS (
	task_id uuid, transaction_id uuid, user_id uuid, type text, conversation_id uuid, owner uuid, model_id bigint,
	hold numeric, lease_s int, reason text, user_limit int, conv_limit int, agent_conv_limit int,
	key text, route text, body_hash bytea, refusal text,
	message_id uuid, user_message_id uuid, prev_message jsonb);
COMMENT ON TYPE task_ask IS
	'A task to be opened: what task_open() is asked. hold 0: free. A limit that is NULL is not counted here; agent_conv_limit marks an agent run. key NULL: none. refusal: the outcome if nothing comes before it, for what the caller has found against the task. owner NULL: it waits in a queue. A kind without conversation or messages leaves them NULL.';
CREATE TYPE task_opened AS (outcome text, balance numeric, existing_task_id uuid);
COMMENT ON TYPE task_opened IS 'What task_open() answers.';
CREATE TYPE task_end AS (
	task_id uuid, outcome text, error_code text, error_message text, input_tokens int, output_tokens int,
	estimated boolean, cost credits_amount, model_id bigint, channel_id bigint, latency_ms int, first_token_ms int, request_id text);
COMMENT ON TYPE task_end IS 'How one task shall end: what tasks_end() is asked. model_id NULL: the one that was asked for. What is out of bounds the tables refuse, but for a cost.';
CREATE TYPE task_ended AS (
	task_id uuid, settled boolean, user_id uuid, conversation_id uuid, message_id uuid, prev_message jsonb,
	charged numeric, balance numeric, held numeric, model text, status text);
COMMENT ON TYPE task_ended IS
	'How one task has ended: what tasks_end() answers. settled: by this call. An unknown task has status NULL; held is what the user''s other live tasks hold.';
