-- Tasks: opening and ending them, whatever they are for.
--
-- THE ORDER OF LOCKS. Two transactions that lock the same rows in opposite orders lock each other out. Whatever writes, here
-- and in the programs, locks kinds of rows in this order, and rows of one kind by their ids:
--
--	conversation, API key, budget (quotas), task, idempotency key, hold, user, message
--
-- A function of one kind of task locks first what is its own (turn_open() and turns_settle(): the conversation,
-- relay_open() and relays_settle(): the API key), calls
-- task_open() or tasks_end(), which lock the rest, and then fills its own rows (messages), which the locks before guard.
-- The user comes after all that others may wait for, as the hottest row of all. Allowances come after the user, whose row
-- guards them: who changes one has that locked (allowances.sql), and relay_round() takes keys, then users.
--
-- * A row that is inserted is nobody's but for its unique key, on which a rival waits. So a key is claimed before the user is
--   locked; and credits_take(), which debits the user and then inserts the hold, makes sure first that there is none.
-- * Who does not wait may come in any order: FOR UPDATE SKIP LOCKED, in credits_extend() and prune_expired().
-- * That sets are updated in the order of their ids is the plan's doing. Those who call credits_end_holds() have
--   enable_seqscan off: what is left finds users by their primary key, in the order in which they were sorted or in its own.
--   (And a plan that was made while the tables were empty is still right when they have grown.)
-- * The programs keep to it where they open a transaction: core/turn.c locks the conversations of a set of turns before
--   the first turn_open(), core/idempotency.c claims the key before the handler runs, which then locks users at most.

CREATE OR REPLACE FUNCTION task_result(t tasks) RETURNS jsonb
	LANGUAGE sql STABLE PARALLEL SAFE SET search_path = public, pg_temp
AS $$
	SELECT CASE WHEN t.result ? 'files' THEN t.result || jsonb_build_object('files', (
		SELECT coalesce(jsonb_agg(f.value ORDER BY f.ordinality), '[]')
		FROM jsonb_array_elements(t.result->'files') WITH ORDINALITY AS f
		WHERE EXISTS (SELECT FROM uploads u WHERE u.id = (f.value->>'id')::uuid AND u.user_id = t.user_id)))
	ELSE t.result END;
$$;
COMMENT ON FUNCTION task_result(tasks) IS 'What a task has made, without the files that its user has removed since.';

CREATE OR REPLACE FUNCTION task_json(t tasks) RETURNS jsonb
	LANGUAGE sql STABLE PARALLEL SAFE
	RETURN jsonb_build_object(
		'id', t.id, 'type', t.type, 'status', t.status, 'progress', t.progress,
		'conversation_id', t.conversation_id,
		'credits_locked', trim_scale(t.credits_locked), 'credits_used', trim_scale(t.credits_used),
		'asked', t.asked, 'result', t.result, 'error_message', t.error_message,
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

CREATE OR REPLACE FUNCTION key_is_free(p_task_id uuid) RETURNS boolean
	LANGUAGE sql STABLE
	RETURN EXISTS (SELECT FROM tasks t WHERE t.id = p_task_id AND t.type = 'relay' AND t.status IN ('failed', 'cancelled'));
COMMENT ON FUNCTION key_is_free(uuid) IS
	'May an Idempotency-Key be used anew that opened this task? A call of the relay that failed or was stopped gives its key free: clients try again with the same.';

CREATE OR REPLACE FUNCTION key_find(p_user_id uuid, p_key text, p_route text, p_hash bytea) RETURNS key_claimed
	LANGUAGE plpgsql STABLE SET search_path = public, pg_temp
AS $$
DECLARE
	v key_claimed;
BEGIN
	SELECT CASE WHEN k.route = p_route AND k.body_hash = p_hash THEN 'replay' ELSE 'mismatch' END, k.task_id, k.status, k.response
	INTO v
	FROM idempotency_keys k
	WHERE k.user_id = p_user_id AND k.key = p_key AND k.created_at >= now() - interval '24 hours' AND NOT key_is_free(k.task_id);
	v.outcome := coalesce(v.outcome, 'new');
	RETURN v;
END
$$;
COMMENT ON FUNCTION key_find(uuid, text, text, bytea) IS
	'Was this Idempotency-Key used? outcome: new (never, or more than a day ago, or by a call that key_is_free() of); replay, with the task it opened or the answer it got; mismatch (on another route or with another body).';

CREATE OR REPLACE FUNCTION key_claim(p_user_id uuid, p_key text, p_route text, p_hash bytea, p_task_id uuid) RETURNS key_claimed
	LANGUAGE plpgsql
AS $$
DECLARE
	v key_claimed;
BEGIN
	LOOP
		-- waits for a rival with the same key; a key older than a day counts as new
		INSERT INTO idempotency_keys AS k (user_id, key, route, body_hash, task_id)
		VALUES (p_user_id, p_key, p_route, p_hash, p_task_id)
		ON CONFLICT (user_id, key) DO UPDATE
		SET route = excluded.route, body_hash = excluded.body_hash, task_id = excluded.task_id,
			status = NULL, response = NULL, created_at = now()
		WHERE k.created_at < now() - interval '24 hours' OR key_is_free(k.task_id);
		IF FOUND THEN
			v.outcome := 'new';
			RETURN v;
		END IF;
		v := key_find(p_user_id, p_key, p_route, p_hash);
		IF v.outcome <> 'new' THEN
			RETURN v;
		END IF;
	END LOOP;
END
$$;
COMMENT ON FUNCTION key_claim(uuid, text, text, bytea, uuid) IS
	'The one way to claim an Idempotency-Key for what this transaction does. outcome: new (it is the caller''s), else as key_find().';

CREATE OR REPLACE FUNCTION cost_type(p_task_type text) RETURNS credits_change_type
	LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
BEGIN
	-- no ELSE: what a kind of task that is not listed costs is not known
	CASE p_task_type
		WHEN 'chat' THEN RETURN 'chat_cost';
		WHEN 'image' THEN RETURN 'image_generation_cost';
		WHEN 'video' THEN RETURN 'video_generation_cost';
		WHEN 'relay' THEN RETURN 'relay_cost';
		WHEN 'embed' THEN RETURN 'embed_cost';
	END CASE;
END
$$;
COMMENT ON FUNCTION cost_type(text) IS 'As what the history shows the cost of a task of this type. Raises case_not_found for a type that it does not know.';

CREATE OR REPLACE FUNCTION task_open(p task_ask) RETURNS task_opened
	LANGUAGE plpgsql
AS $$
DECLARE
	v_hold numeric := round(p.hold, 6);
	v_cost_type credits_change_type;
	v_group text;
	v_budget text;
	v_status text;
	v_key key_claimed;
	v_live record;
	v_taken hold_taken;
	v task_opened;
BEGIN
	IF v_hold IS NULL OR v_hold < 0 OR v_hold IN ('NaN', 'Infinity') THEN
		RAISE EXCEPTION 'task_open: bad hold %', p.hold USING ERRCODE = 'invalid_parameter_value';
	END IF;
	v_cost_type := cost_type(p.type); -- what could not be charged is not begun
	v_group := coalesce(p.user_group, quota_group(p.user_id, p.key_id));
	v_budget := quota_refusal(p.user_id, v_group, v_hold);

	SELECT u.status, u.credits INTO v_status, v.balance FROM users u WHERE u.id = p.user_id;
	IF p.key IS NOT NULL THEN
		v_key := key_claim(p.user_id, p.key, p.route, p.body_hash, p.task_id);
		IF v_key.outcome = 'replay' THEN
			v.outcome := 'idempotent_replay';
			v.existing_task_id := v_key.task_id;
			RETURN v;
		ELSIF v_key.outcome <> 'new' THEN
			v.outcome := 'idempotency_mismatch';
			RETURN v;
		END IF;
	END IF;

	<<attempt>>
	BEGIN
		v.outcome := CASE WHEN v_status = 'active' THEN coalesce(p.refusal, v_budget) ELSE 'user_disabled' END;
		EXIT attempt WHEN v.outcome IS NOT NULL;

		IF p.user_limit IS NOT NULL OR p.conv_limit IS NOT NULL OR p.agent_conv_limit IS NOT NULL THEN
			-- counting is exact only while nobody else can open a task for this user
			PERFORM FROM users u WHERE u.id = p.user_id FOR NO KEY UPDATE;
			SELECT count(*) AS for_user,
				count(*) FILTER (WHERE t.conversation_id = p.conversation_id) AS in_conversation,
				count(DISTINCT t.conversation_id) FILTER (WHERE t.agent_run
					AND t.conversation_id IS DISTINCT FROM p.conversation_id) AS agent_conversations,
				-- a dead run does not lock its conversation until it is settled
				p.agent_conv_limit IS NOT NULL AND coalesce(bool_or(t.agent_run AND t.conversation_id = p.conversation_id
					AND process_is_alive(t.owner)), false) AS busy
			INTO v_live
			FROM tasks t WHERE t.user_id = p.user_id AND t.completed_at IS NULL AND t.type <> 'embed';
			v.outcome := CASE
				WHEN v_live.for_user >= p.user_limit THEN 'user_queue_full'
				WHEN v_live.in_conversation >= p.conv_limit THEN 'conversation_queue_full'
				WHEN v_live.busy THEN 'conversation_busy'
				WHEN v_live.agent_conversations >= p.agent_conv_limit THEN 'conversation_limit' END;
			EXIT attempt WHEN v.outcome IS NOT NULL;
		END IF;

		IF v_hold > 0 THEN
			v_taken := credits_take(p.task_id, p.transaction_id, p.user_id, v_hold, p.reason, p.lease_s);
			v.balance := v_taken.balance;
			IF v_taken.outcome = 'insufficient' THEN
				v.outcome := CASE WHEN allowances_pending(p.user_id, NULL) THEN 'allowances' ELSE 'insufficient' END;
				EXIT attempt;
			ELSIF v_taken.outcome <> 'ok' THEN
				RAISE EXCEPTION 'task_open: hold for task %: %', p.task_id, v_taken.outcome;
			END IF;
		END IF;

		INSERT INTO tasks (id, user_id, conversation_id, type, status, credits_locked, owner, model_id, message_id,
			user_message_id, agent_run, prev_message, idempotency_key, key_id, prompt_tokens, prices, user_group, started_at)
		VALUES (p.task_id, p.user_id, p.conversation_id, p.type, CASE WHEN p.owner IS NULL THEN 'pending' ELSE 'running' END,
			v_hold, p.owner, p.model_id, p.message_id, p.user_message_id, p.agent_conv_limit IS NOT NULL, p.prev_message,
			p.key, p.key_id, p.prompt_tokens, p.prices, v_group, CASE WHEN p.owner IS NOT NULL THEN now() END);
		v.outcome := 'ok';
		RETURN v;
	END attempt;

	IF p.key IS NOT NULL THEN
		DELETE FROM idempotency_keys k WHERE k.user_id = p.user_id AND k.key = p.key;
	END IF;
	RETURN v;
END
$$;
COMMENT ON FUNCTION task_open(task_ask) IS
	'Opens a task of any kind: idempotency key, limits, hold and task, all or nothing. The limits are NULL when Redis holds the slots, else live tasks are counted here, exactly; of agent runs a conversation has one at a time. outcome: ok, insufficient, allowances (the same, but processes hold some for relayed calls and are asked for it: try again), user_queue_full, conversation_queue_full, conversation_busy, conversation_limit, idempotent_replay (existing_task_id), idempotency_mismatch, user_budget, group_budget, user_disabled, or the refusal it was told; unless ok nothing is changed. balance is after the hold.';

CREATE OR REPLACE FUNCTION tasks_end(p_owner uuid, p_ends task_end[]) RETURNS task_ended[]
	LANGUAGE plpgsql
AS $$
DECLARE
	v_mine uuid[];
	v_holds hold_end[];
	v_ended hold_ended[];
	v_done task_ended[];
	v_budgets boolean;
BEGIN
	SELECT quota_lock(array_agg(DISTINCT t.user_id), array_agg(DISTINCT t.user_group)) INTO v_budgets
	FROM tasks t WHERE t.id = ANY (ARRAY(SELECT e.task_id FROM unnest(p_ends) AS e));
	-- the live tasks that are the caller's to end
	SELECT array_agg(s.id), array_agg(ROW(s.id, CASE WHEN s.cost > 0 THEN 'confirmed' ELSE 'refunded' END, coalesce(s.cost, 0),
			cost_type(s.type), CASE WHEN s.cost > 0 THEN NULL ELSE coalesce(s.error_code, s.outcome) END)::hold_end)
			FILTER (WHERE s.credits_locked > 0)
	INTO v_mine, v_holds
	FROM (
		SELECT t.id, t.type, t.credits_locked, e.cost, e.error_code, e.outcome
		FROM (SELECT * FROM unnest(p_ends) AS e ORDER BY e.task_id) AS e, LATERAL (
			SELECT t.id, t.type, t.credits_locked FROM tasks t
			WHERE t.id = e.task_id AND t.status NOT IN ('completed', 'failed', 'cancelled') -- never by an index on status
				AND CASE WHEN p_owner IS NULL THEN NOT process_is_alive(t.owner) ELSE t.owner = p_owner END
			FOR NO KEY UPDATE) AS t) AS s;
	IF v_holds IS NOT NULL THEN
		v_ended := credits_end_holds(v_holds);
	END IF;
	IF v_mine IS NOT NULL THEN
		WITH task AS (
			UPDATE tasks t
			-- of a hold that was ended by other means already, what it kept then
			SET status = e.outcome, completed_at = now(), credits_used = coalesce(h.charged, 0),
				model_id = coalesce(e.model_id, t.model_id),
				progress = CASE e.outcome WHEN 'completed' THEN 100 ELSE t.progress END,
				error_code = e.error_code, error_message = e.error_message
			FROM unnest(p_ends) AS e LEFT JOIN unnest(v_ended) AS h ON h.task_id = e.task_id
			WHERE t.id = e.task_id AND t.id = ANY (v_mine)
			RETURNING e.*, t.user_id, t.key_id, t.conversation_id, t.message_id, t.prev_message, t.credits_used, t.model_id AS used_id,
				(SELECT l.name FROM llm_models l WHERE l.id = coalesce(e.model_id, t.model_id)) AS model
		), used AS (
			INSERT INTO usage (request_id, task_id, user_id, key_id, channel_id, channel, provider, model_id, model,
				request_tokens, response_tokens, cached_tokens, cache_write_tokens, reasoning_tokens,
				estimated, cost, overrun, latency_ms, first_token_ms, status, error_code, op, metadata)
			SELECT e.request_id, e.task_id, e.user_id, e.key_id, e.channel_id, c.name, c.provider, e.used_id, e.model,
				coalesce(e.input_tokens, 0), coalesce(e.output_tokens, 0), coalesce(e.cached_tokens, 0),
				coalesce(e.cache_write_tokens, 0), coalesce(e.reasoning_tokens, 0), coalesce(e.estimated, false), e.credits_used,
				greatest(e.cost - e.credits_used, 0), e.latency_ms, e.first_token_ms, e.outcome, e.error_code, e.op, coalesce(e.details, '{}')
			FROM task e LEFT JOIN channels c ON c.id = e.channel_id
		)
		-- the user by a query of its own: a join may be planned to read all users
		SELECT array_agg(ROW(e.task_id, true, e.user_id, e.conversation_id, e.message_id, e.prev_message, e.credits_used,
			(SELECT u.credits FROM users u WHERE u.id = e.user_id), NULL, e.model, e.outcome)::task_ended)
		INTO v_done FROM task e;
		FOR i IN 1..cardinality(v_done) LOOP
			v_done[i].held := credits_held(v_done[i].user_id); -- once they have all ended
		END LOOP;
		IF v_budgets THEN
			PERFORM quota_spend(s.user_id, s.user_group, s.charged)
			FROM (SELECT t.user_id, t.user_group, sum(e.charged) AS charged FROM unnest(v_done) AS e JOIN tasks t ON t.id = e.task_id
				WHERE e.charged > 0 GROUP BY t.user_id, t.user_group) AS s;
		END IF;
	END IF;
	IF v_mine IS NULL OR cardinality(v_mine) < cardinality(p_ends) THEN
		v_done := v_done || ARRAY(
			SELECT ROW(e.task_id, false, t.user_id, t.conversation_id, t.message_id, t.prev_message, t.credits_used,
				(SELECT u.credits FROM users u WHERE u.id = t.user_id),
				CASE WHEN t.id IS NOT NULL THEN credits_held(t.user_id) END,
				(SELECT l.name FROM llm_models l WHERE l.id = t.model_id), t.status)::task_ended
			FROM unnest(p_ends) AS e LEFT JOIN LATERAL (SELECT * FROM tasks t WHERE t.id = e.task_id OFFSET 0) AS t ON true
			WHERE v_mine IS NULL OR e.task_id <> ALL (v_mine));
	END IF;
	RETURN v_done;
END
$$;
COMMENT ON FUNCTION tasks_end(uuid, task_end[]) IS
	'Ends tasks of any kind exactly once each: task, hold and usage together, for all in one transaction. Only the owner may, or anybody (p_owner NULL) once the owner is dead. charged = min(cost, held), the excess goes on record as usage.overrun; cost 0 refunds. A task that has ended already, or is somebody else''s, is told as it is, with settled = false, and nothing changes.';

CREATE OR REPLACE FUNCTION task_is_alive(t tasks) RETURNS boolean
	LANGUAGE sql STABLE
	RETURN CASE WHEN t.job_id IS NULL THEN process_is_alive(t.owner)
		ELSE EXISTS (SELECT FROM jobs j WHERE j.id = t.job_id AND j.status IN ('waiting', 'running')) END;
COMMENT ON FUNCTION task_is_alive(tasks) IS 'Is there somebody to end it: the process that owns it, or the job that carries it?';

CREATE OR REPLACE FUNCTION task_cancel_request(p_task_id uuid, p_user_id uuid) RETURNS SETOF tasks
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
BEGIN
	RETURN QUERY
		UPDATE tasks SET cancel_requested_at = coalesce(cancel_requested_at, now())
		WHERE id = p_task_id AND user_id = p_user_id AND status NOT IN ('completed', 'failed', 'cancelled') -- never by an index on status
		RETURNING *;
	IF FOUND THEN
		PERFORM job_wake(t.job_id) FROM tasks t WHERE t.id = p_task_id AND t.job_id IS NOT NULL;
	ELSE
		RETURN QUERY SELECT * FROM tasks WHERE id = p_task_id AND user_id = p_user_id;
	END IF;
END
$$;
COMMENT ON FUNCTION task_cancel_request(uuid, uuid) IS
	'Marks a live task of this user for cancelling, wakes the job that carries it, if one does, and returns its row; an ended one is returned as it is; no row when there is none or it is somebody else''s. Idempotent.';

CREATE OR REPLACE FUNCTION turn_dead(p_limit int)
	RETURNS TABLE (task_id uuid, user_id uuid, conversation_id uuid, message_id uuid, user_message_id uuid, type text,
		model_id bigint, model text, prices jsonb,
		credits_locked numeric, user_content text, journal text, cancel_requested boolean, started_at timestamptz, prompt_tokens int)
	LANGUAGE plpgsql STABLE SET search_path = public, pg_temp
AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY
	SELECT t.id, t.user_id, t.conversation_id, t.message_id, t.user_message_id, t.type::text,
		t.model_id, l.name::text, coalesce(t.prices, model_base_prices(t.model_id)),
		t.credits_locked::numeric, q.content,
		(SELECT string_agg(j.text, '' ORDER BY j.seq) FROM task_journal j WHERE j.task_id = t.id),
		t.cancel_requested_at IS NOT NULL, t.started_at, t.prompt_tokens
	FROM tasks t
		LEFT JOIN processes p ON p.id = t.owner
		LEFT JOIN llm_models l ON l.id = t.model_id
		LEFT JOIN conversation_messages q ON q.id = t.user_message_id
	WHERE t.completed_at IS NULL
		AND (t.owner IS NOT NULL OR t.status = 'running')
		AND t.job_id IS NULL -- another worker takes up the job
		AND CASE WHEN p.id IS NULL
			-- no row: removed after its death, or not yet written at the very start
			THEN coalesce(t.started_at, t.created_at) <= now() - interval '20 seconds'
			ELSE p.heartbeat_at <= now() - interval '20 seconds' END
	ORDER BY t.created_at
	LIMIT p_limit;
END
$$;
COMMENT ON FUNCTION turn_dead(int) IS
	'Live tasks whose owner is dead, oldest first, with what a sweeper needs to settle them by turns_settle(NULL, ...): prices, the question, and the journal kept here while Redis was away (NULL: none; look in Redis). Takes no lock: turns_settle() decides between sweepers.';

CREATE OR REPLACE FUNCTION credits_expire(p_limit int) RETURNS int
	LANGUAGE plpgsql SET search_path = public, pg_temp SET plan_cache_mode = force_generic_plan SET enable_seqscan = off
AS $$
DECLARE
	v_due uuid[];
	v_locked uuid[];
	v_dead tasks[];
	v_task tasks;
	v_ended hold_ended[];
BEGIN
	v_due := ARRAY(SELECT c.task_id FROM credit_transactions c
		WHERE c.status = 'pending' AND c.expires_at < now() ORDER BY c.expires_at LIMIT p_limit);
	-- a task that is locked is being ended
	v_locked := ARRAY(SELECT t.id FROM tasks t WHERE t.id = ANY (v_due) ORDER BY t.id FOR NO KEY UPDATE SKIP LOCKED);
	v_due := ARRAY(
		SELECT d.id FROM unnest(v_due) AS d (id) LEFT JOIN tasks t ON t.id = d.id
		WHERE t.id IS NULL OR (t.id = ANY (v_locked) AND NOT (t.completed_at IS NULL AND task_is_alive(t)))
		ORDER BY d.id);
	IF cardinality(v_due) = 0 THEN
		RETURN 0;
	END IF;
	WITH dead AS (
		UPDATE tasks t SET status = 'failed', completed_at = now(), error_code = 'expired', error_message = 'the hold expired'
		WHERE t.id = ANY (v_due) AND t.status NOT IN ('completed', 'failed', 'cancelled')
		RETURNING t
	)
	SELECT array_agg(d.t) INTO v_dead FROM dead d;
	v_ended := credits_end_holds(ARRAY(SELECT ROW(d.id, 'expired', 0, 'refund', 'expired')::hold_end FROM unnest(v_due) AS d (id)));
	FOR v_task IN SELECT * FROM unnest(v_dead) LOOP
		IF v_task.prev_message IS NOT NULL THEN
			PERFORM message_restore(v_task.message_id, v_task.id, v_task.prev_message);
		ELSE
			UPDATE conversation_messages SET status = 'error', error_message = 'the hold expired', updated_at = now()
			WHERE id = v_task.message_id AND task_id = v_task.id AND status IN ('pending', 'processing');
		END IF;
	END LOOP;
	RETURN (SELECT count(*) FROM unnest(v_ended) AS e WHERE e.ended);
END
$$;
COMMENT ON FUNCTION credits_expire(int) IS
	'Returns holds whose lease ran out and whose task is not alive, and ends the task and its message with them. The last net: a dead task is normally settled from its journal within 35 s, long before its lease ends. Any number of sweeps may run at once. Returns how many holds it ended.';
