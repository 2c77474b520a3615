-- Tasks.

CREATE OR REPLACE FUNCTION task_json(t tasks) RETURNS jsonb
	LANGUAGE sql STABLE PARALLEL SAFE
	RETURN jsonb_build_object(
		'id', t.id, 'type', t.type, 'status', t.status, 'progress', t.progress,
		'conversation_id', t.conversation_id,
		'credits_locked', trim_scale(t.credits_locked), 'credits_used', trim_scale(t.credits_used),
		'result', t.result, 'error_message', t.error_message,
		'created_at', json_time(t.created_at), 'started_at', json_time(t.started_at),
		'completed_at', json_time(t.completed_at));
COMMENT ON FUNCTION task_json(tasks) IS 'The API''s Task.';
GRANT EXECUTE ON FUNCTION task_json(tasks) TO weir_user;

CREATE OR REPLACE FUNCTION check_task() RETURNS trigger LANGUAGE plpgsql
AS $$
BEGIN
	IF NEW.credits_used > NEW.credits_locked
		OR (NEW.status IN ('completed', 'failed', 'cancelled')) <> (NEW.completed_at IS NOT NULL) THEN
		RAISE EXCEPTION 'a task that locked % cannot be % with % used', NEW.credits_locked, NEW.status, NEW.credits_used
			USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME, CONSTRAINT = TG_NAME;
	END IF;
	RETURN NEW;
END
$$;
COMMENT ON FUNCTION check_task() IS
	'Trigger tasks_sound: a task uses no more than it locked, and has a time of its end if it has ended.';
CREATE OR REPLACE TRIGGER tasks_sound BEFORE INSERT OR UPDATE ON tasks FOR EACH ROW EXECUTE FUNCTION check_task();

CREATE OR REPLACE FUNCTION task_cancel_request(p_task_id uuid, p_user_id uuid) RETURNS SETOF tasks
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

CREATE OR REPLACE FUNCTION turn_dead(p_limit int)
	RETURNS TABLE (task_id uuid, user_id uuid, conversation_id uuid, message_id uuid, user_message_id uuid, type text,
		model_id bigint, model text, price_input_per_mtok numeric, price_output_per_mtok numeric, price_per_call numeric,
		credits_locked numeric, user_content text, journal text, cancel_requested boolean, started_at timestamptz)
	LANGUAGE sql STABLE SET search_path = public, pg_temp
AS $$
	SELECT t.id, t.user_id, t.conversation_id, t.message_id, t.user_message_id, t.type,
		t.model_id, l.name, l.price_input_per_mtok, l.price_output_per_mtok, l.price_per_call,
		t.credits_locked, q.content,
		(SELECT string_agg(j.text, '' ORDER BY j.seq) FROM task_journal j WHERE j.task_id = t.id),
		t.cancel_requested_at IS NOT NULL, t.started_at
	FROM tasks t
		LEFT JOIN processes p ON p.id = t.owner
		LEFT JOIN llm_models l ON l.id = t.model_id
		LEFT JOIN conversation_messages q ON q.id = t.user_message_id
	WHERE t.completed_at IS NULL
		AND (t.owner IS NOT NULL OR t.status = 'running')
		AND CASE WHEN p.id IS NULL
			-- no row: removed after its death, or not yet written at the very start
			THEN coalesce(t.started_at, t.created_at) <= now() - interval '20 seconds'
			ELSE p.heartbeat_at <= now() - interval '20 seconds' END
	ORDER BY t.created_at
	LIMIT p_limit
$$;
COMMENT ON FUNCTION turn_dead(int) IS
	'Live tasks whose owner is dead, oldest first, with what a sweeper needs to settle them by turn_settle(task, NULL, ...): prices, the question, and the journal kept here while Redis was away (NULL: none; look in Redis). Takes no lock: turn_settle() decides between sweepers.';

CREATE OR REPLACE FUNCTION credits_expire(p_limit int) RETURNS int
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
	v_hold record;
	v_task tasks;
	v_end record;
	v_expired int := 0;
BEGIN
	-- users in one order, so that two sweeps at a time cannot lock each other out
	FOR v_hold IN
		SELECT c.task_id, c.user_id FROM (
			SELECT task_id, user_id FROM credit_transactions
			WHERE status = 'pending' AND expires_at < now()
			ORDER BY expires_at LIMIT p_limit) AS c
		ORDER BY c.user_id, c.task_id
	LOOP
		SELECT * INTO v_task FROM tasks WHERE id = v_hold.task_id FOR UPDATE SKIP LOCKED;
		IF NOT FOUND THEN
			IF EXISTS (SELECT FROM tasks WHERE id = v_hold.task_id) THEN
				CONTINUE;	-- somebody is ending it
			END IF;
		ELSIF v_task.status IN ('pending', 'running') AND process_is_alive(v_task.owner) THEN
			CONTINUE;
		END IF;
		IF v_task.status IN ('pending', 'running') THEN
			UPDATE tasks SET status = 'failed', completed_at = now(),
				error_code = 'expired', error_message = 'the hold expired'
			WHERE id = v_task.id;
			IF v_task.prev_message IS NOT NULL THEN
				PERFORM message_restore(v_task.message_id, v_task.id, v_task.prev_message);
			ELSE
				UPDATE conversation_messages SET status = 'error', error_message = 'the hold expired', updated_at = now()
				WHERE id = v_task.message_id AND task_id = v_task.id AND status IN ('pending', 'processing');
			END IF;
		END IF;
		SELECT * INTO v_end FROM credits_end_hold(v_hold.task_id, 'expired', 0, 'refund', 'expired');
		v_expired := v_expired + v_end.ended::int;
	END LOOP;
	RETURN v_expired;
END
$$;
COMMENT ON FUNCTION credits_expire(int) IS
	'Returns holds whose lease ran out and whose task is not alive, and ends the task and its message with them. The last net: a dead task is normally settled from its journal within 35 s, long before its lease ends. Any number of sweeps may run at once. Returns how many holds it ended.';
