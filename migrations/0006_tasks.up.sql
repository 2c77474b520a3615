-- Tasks: one row per unit of work that occupies a slot, and the processes that own them.

CREATE TABLE processes (
	id uuid PRIMARY KEY,
	kind varchar(20) NOT NULL,
	host text NOT NULL,
	pid int NOT NULL,
	started_at timestamptz NOT NULL DEFAULT now(),
	heartbeat_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50, autovacuum_vacuum_threshold = 20, autovacuum_vacuum_scale_factor = 0);
COMMENT ON TABLE processes IS 'One row per running program, written every 5 s. A process whose heartbeat is older than 20 s, or whose row is gone, is dead and so are its tasks.';
COMMENT ON COLUMN processes.id IS 'UUIDv7 made at start; a restarted process is another process.';
COMMENT ON COLUMN processes.kind IS 'responder or worker.';
COMMENT ON COLUMN processes.host IS 'Host name, for people.';
COMMENT ON COLUMN processes.pid IS 'Process id on that host, for people.';
COMMENT ON COLUMN processes.started_at IS 'First heartbeat.';
COMMENT ON COLUMN processes.heartbeat_at IS 'Last heartbeat, by the database''s clock.';

CREATE FUNCTION process_is_alive(p_id uuid) RETURNS boolean
	LANGUAGE sql STABLE
	RETURN EXISTS (SELECT FROM processes p WHERE p.id = p_id AND p.heartbeat_at > now() - interval '20 seconds');
COMMENT ON FUNCTION process_is_alive(uuid) IS 'Has this process written a heartbeat within the last 20 s? False for NULL.';

CREATE DOMAIN percentage AS int CHECK (VALUE BETWEEN 0 AND 100);
COMMENT ON DOMAIN percentage IS 'Whole per cent.';
CREATE DOMAIN task_type AS varchar(20) CHECK (VALUE IN ('chat', 'image', 'video'));
COMMENT ON DOMAIN task_type IS 'What a task makes.';
CREATE DOMAIN task_status AS varchar(20) CHECK (VALUE IN ('pending', 'running', 'completed', 'failed', 'cancelled'));
COMMENT ON DOMAIN task_status IS 'pending and running are live; the others are final.';

CREATE TABLE tasks (
	id uuid PRIMARY KEY,
	user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
	conversation_id uuid REFERENCES conversations ON DELETE SET NULL,
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
	completed_at timestamptz,
	CONSTRAINT tasks_ended_has_time CHECK ((status IN ('completed', 'failed', 'cancelled')) = (completed_at IS NOT NULL)),
	CONSTRAINT tasks_used_within_locked CHECK (credits_used <= credits_locked)
) WITH (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.05);
CREATE INDEX idx_tasks_user_status ON tasks (user_id, status);
CREATE INDEX idx_tasks_conversation ON tasks (conversation_id);
CREATE INDEX idx_tasks_created ON tasks (created_at DESC);
-- Heartbeat and sweeps: only live tasks have an entry. The condition is on completed_at and not, as would be the same,
-- on status, lest the planner take this index for "this task, if live" and walk all live and dead entries.
CREATE INDEX tasks_live_owner ON tasks (owner) WHERE completed_at IS NULL;
COMMENT ON TABLE tasks IS
	'One row per chat turn or media job. Inserted when it opens, updated once when it ends; about 300 bytes and four index entries each.';
COMMENT ON COLUMN tasks.id IS 'UUIDv7; also the idempotency key of its hold and the member of its slot.';
COMMENT ON COLUMN tasks.user_id IS 'For whom it runs.';
COMMENT ON COLUMN tasks.conversation_id IS 'Its conversation; NULL for media without one, or after the conversation was deleted.';
COMMENT ON COLUMN tasks.type IS 'chat, image or video.';
COMMENT ON COLUMN tasks.status IS 'pending and running are live; completed, failed and cancelled are final. Leaves the live states once, in turn_settle() or credits_expire().';
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

CREATE FUNCTION task_json(t tasks) RETURNS jsonb
	LANGUAGE sql STABLE PARALLEL SAFE
	RETURN jsonb_build_object(
		'id', t.id, 'type', t.type, 'status', t.status, 'progress', t.progress,
		'conversation_id', t.conversation_id,
		'credits_locked', trim_scale(t.credits_locked), 'credits_used', trim_scale(t.credits_used),
		'result', t.result, 'error_message', t.error_message,
		'created_at', json_time(t.created_at), 'started_at', json_time(t.started_at),
		'completed_at', json_time(t.completed_at));
COMMENT ON FUNCTION task_json(tasks) IS 'The API''s Task.';

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

ALTER TABLE tasks ENABLE ROW LEVEL SECURITY;
CREATE POLICY tasks_service_all ON tasks FOR ALL TO weir_service USING (true) WITH CHECK (true);
CREATE POLICY tasks_owner_select ON tasks FOR SELECT TO weir_user
	USING (user_id = nullif(current_setting('weir.user_id', true), '')::uuid);

GRANT SELECT, INSERT, UPDATE, DELETE ON processes, task_journal TO weir_service;
GRANT SELECT, INSERT, UPDATE ON tasks TO weir_service;
GRANT SELECT ON tasks TO weir_user;
GRANT EXECUTE ON FUNCTION task_json(tasks) TO weir_user;

CREATE FUNCTION process_heartbeat(p_id uuid, p_kind text, p_host text, p_pid int)
	RETURNS TABLE (task_id uuid)
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
BEGIN
	INSERT INTO processes AS p (id, kind, host, pid) VALUES (p_id, p_kind, p_host, p_pid)
	ON CONFLICT (id) DO UPDATE SET heartbeat_at = now();
	RETURN QUERY
		SELECT t.id FROM tasks t
		WHERE t.owner = p_id AND t.completed_at IS NULL AND t.cancel_requested_at IS NOT NULL;
END
$$;
COMMENT ON FUNCTION process_heartbeat(uuid, text, text, int) IS
	'Called by every process every 5 s. Returns the live tasks it owns that somebody asked to cancel.';

CREATE FUNCTION task_cancel_request(p_task_id uuid, p_user_id uuid) RETURNS SETOF tasks
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
BEGIN
	RETURN QUERY
		UPDATE tasks SET cancel_requested_at = coalesce(cancel_requested_at, now())
		WHERE id = p_task_id AND user_id = p_user_id AND status IN ('pending', 'running')
		RETURNING *;
	IF NOT FOUND THEN
		RETURN QUERY SELECT * FROM tasks WHERE id = p_task_id AND user_id = p_user_id;
	END IF;
END
$$;
COMMENT ON FUNCTION task_cancel_request(uuid, uuid) IS
	'Marks a live task of this user for cancelling and returns its row; an ended one is returned as it is; no row when there is none or it is somebody else''s. Idempotent.';
