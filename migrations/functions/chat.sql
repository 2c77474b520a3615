-- Messages, and the turns that write them: opening and settling, one call, one transaction each.

CREATE OR REPLACE FUNCTION message_is_error(p_status varchar) RETURNS boolean
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN p_status IN ('error', 'insufficient_balance', 'content_violation', 'llm_error');
COMMENT ON FUNCTION message_is_error(varchar) IS 'Is this message status one of the four failures?';

CREATE OR REPLACE FUNCTION message_json(m conversation_messages) RETURNS jsonb
	LANGUAGE sql STABLE PARALLEL SAFE
	RETURN jsonb_build_object(
		'id', m.id, 'conversation_id', m.conversation_id, 'sequence', m.sequence, 'role', m.role,
		'content', m.content, 'status', m.status, 'is_error', message_is_error(m.status),
		'error_message', m.error_message, 'model', m.model,
		'input_tokens', m.input_tokens, 'output_tokens', m.output_tokens,
		'credits_cost', trim_scale(m.credits_cost), 'attachments', m.attachments, 'task_id', m.task_id,
		'created_at', json_time(m.created_at), 'updated_at', json_time(m.updated_at));
COMMENT ON FUNCTION message_json(conversation_messages) IS
	'The API''s Message without error_display, which depends on the reader''s language. Inlined by the planner; the body is parsed at definition, so no search_path applies.';

CREATE OR REPLACE FUNCTION message_restore(p_message_id uuid, p_task_id uuid, p_prev jsonb) RETURNS SETOF conversation_messages
	LANGUAGE sql SET search_path = public, pg_temp
AS $$
	UPDATE conversation_messages SET
		status = p_prev->>'status', content = p_prev->>'content', reasoning = p_prev->>'reasoning',
		error_message = p_prev->>'error_message', model = p_prev->>'model',
		input_tokens = (p_prev->>'input_tokens')::int, output_tokens = (p_prev->>'output_tokens')::int,
		credits_cost = (p_prev->>'credits_cost')::numeric, task_id = (p_prev->>'task_id')::uuid,
		updated_at = now()
	WHERE id = p_message_id AND task_id = p_task_id
	RETURNING *
$$;
COMMENT ON FUNCTION message_restore(uuid, uuid, jsonb) IS
	'Puts a message that was being regenerated in place back to what tasks.prev_message remembers.';

CREATE OR REPLACE FUNCTION turn_open(
	p_task_id uuid, p_transaction_id uuid, p_user_id uuid, p_conversation_id uuid,
	p_user_message_id uuid, p_assistant_message_id uuid, p_content text, p_attachments jsonb,
	p_model_id bigint, p_hold numeric, p_lease_s int, p_owner uuid,
	p_user_limit int, p_conv_limit int, p_agent_conv_limit int,
	p_mode text, p_target_message_id uuid, p_title text,
	p_idem_key text, p_idem_route text, p_idem_hash bytea)
	RETURNS TABLE (outcome text, balance numeric, required numeric, user_message jsonb, assistant_message jsonb,
		existing_task_id uuid, title text, held numeric, user_sequence bigint, opened_at text)
	LANGUAGE plpgsql SET search_path = public, pg_temp SET plan_cache_mode = force_generic_plan SET enable_seqscan = off
AS $$
DECLARE
	v_hold_amount numeric := round(p_hold, 6);
	v_claimed boolean := false;
	v_ctx record;
	v_key record;
	v_live record;
	v_target conversation_messages;
	v_question conversation_messages;
	v_hold hold_taken;
	v_new_messages int := CASE p_mode WHEN 'send' THEN 2 WHEN 'regenerate_new' THEN 1 ELSE 0 END;
	v_message_id uuid := CASE p_mode WHEN 'regenerate_in_place' THEN p_target_message_id ELSE p_assistant_message_id END;
	v_refused boolean := false;
	v_task_id uuid;
	v_before jsonb;
BEGIN
	IF p_mode NOT IN ('send', 'regenerate_new', 'regenerate_in_place') OR p_mode IS NULL THEN
		RAISE EXCEPTION 'turn_open: bad mode %', p_mode USING ERRCODE = 'invalid_parameter_value';
	END IF;
	IF v_hold_amount IS NULL OR v_hold_amount < 0 OR v_hold_amount IN ('NaN', 'Infinity') THEN
		RAISE EXCEPTION 'turn_open: bad hold %', p_hold USING ERRCODE = 'invalid_parameter_value';
	END IF;

	-- the conversation's lock orders everything that happens in it, sequences and its own limit included
	SELECT c.last_sequence, c.title, c.title_is_custom, u.status, u.credits,
		(SELECT m.name FROM llm_models m WHERE m.id = p_model_id) AS model
	INTO v_ctx
	FROM conversations c JOIN users u ON u.id = c.user_id
	WHERE c.id = p_conversation_id AND c.user_id = p_user_id
	FOR NO KEY UPDATE OF c;
	IF NOT FOUND THEN
		outcome := 'not_found';
		RETURN NEXT;
		RETURN;
	END IF;
	balance := v_ctx.credits;
	required := v_hold_amount;
	title := v_ctx.title;

	IF p_idem_key IS NOT NULL THEN
		-- waits for a rival with the same key; a key older than a day counts as new
		INSERT INTO idempotency_keys AS k (user_id, key, route, body_hash, task_id)
		VALUES (p_user_id, p_idem_key, p_idem_route, p_idem_hash, p_task_id)
		ON CONFLICT (user_id, key) DO UPDATE
		SET route = excluded.route, body_hash = excluded.body_hash, task_id = excluded.task_id,
			status = NULL, response = NULL, created_at = now()
		WHERE k.created_at < now() - interval '24 hours';
		v_claimed := FOUND;
		IF NOT v_claimed THEN
			SELECT k.task_id, k.route = p_idem_route AND k.body_hash = p_idem_hash AS same
			INTO v_key
			FROM idempotency_keys k WHERE k.user_id = p_user_id AND k.key = p_idem_key;
			IF v_key.same THEN
				outcome := 'idempotent_replay';
				existing_task_id := v_key.task_id;
			ELSE
				outcome := 'idempotency_mismatch';
			END IF;
			RETURN NEXT;
			RETURN;
		END IF;
	END IF;

	<<attempt>>
	BEGIN
		IF v_ctx.status <> 'active' THEN
			outcome := 'user_disabled';
			EXIT attempt;
		END IF;

		IF p_mode <> 'send' THEN
			SELECT * INTO v_target FROM conversation_messages m
			WHERE m.id = p_target_message_id AND m.conversation_id = p_conversation_id;
			IF NOT FOUND THEN
				outcome := 'not_found';
				EXIT attempt;
			END IF;
			-- the question its task answered: an answer made again later does not stand beside it
			SELECT m.* INTO v_question
			FROM conversation_messages m LEFT JOIN tasks t ON t.id = v_target.task_id
			WHERE m.conversation_id = p_conversation_id AND m.sequence < v_target.sequence AND m.role = 'user'
				AND (t.user_message_id IS NULL OR m.id = t.user_message_id)
			ORDER BY m.sequence DESC LIMIT 1;
			IF NOT FOUND OR v_target.role <> 'assistant'
				OR (p_mode = 'regenerate_new' AND v_target.status <> 'success')
				OR (p_mode = 'regenerate_in_place' AND NOT message_is_error(v_target.status)) THEN
				outcome := 'invalid_target';
				EXIT attempt;
			END IF;
			IF p_mode = 'regenerate_in_place' THEN
				v_before := jsonb_build_object(
					'status', v_target.status, 'content', v_target.content, 'reasoning', v_target.reasoning,
					'error_message', v_target.error_message, 'model', v_target.model,
					'input_tokens', v_target.input_tokens, 'output_tokens', v_target.output_tokens,
					'credits_cost', v_target.credits_cost, 'task_id', v_target.task_id);
			END IF;
		END IF;

		IF p_user_limit IS NOT NULL OR p_conv_limit IS NOT NULL OR p_agent_conv_limit IS NOT NULL THEN
			-- counting is exact only while nobody else can open a turn for this user
			PERFORM FROM users u WHERE u.id = p_user_id FOR NO KEY UPDATE;
			SELECT count(*) AS for_user,
				count(*) FILTER (WHERE t.conversation_id = p_conversation_id) AS in_conversation,
				count(DISTINCT t.conversation_id) FILTER (WHERE t.agent_run AND t.conversation_id <> p_conversation_id) AS agent_conversations,
				-- a dead run does not lock its conversation until it is settled
				p_agent_conv_limit IS NOT NULL AND coalesce(bool_or(t.agent_run AND t.conversation_id = p_conversation_id
					AND process_is_alive(t.owner)), false) AS busy
			INTO v_live
			FROM tasks t WHERE t.user_id = p_user_id AND t.completed_at IS NULL;
			outcome := CASE
				WHEN v_live.for_user >= p_user_limit THEN 'user_queue_full'
				WHEN v_live.in_conversation >= p_conv_limit THEN 'conversation_queue_full'
				WHEN v_live.busy THEN 'conversation_busy'
				WHEN v_live.agent_conversations >= p_agent_conv_limit THEN 'conversation_limit' END;
			EXIT attempt WHEN outcome IS NOT NULL;
		END IF;

		IF v_hold_amount > 0 THEN
			v_hold := credits_take(p_task_id, p_transaction_id, p_user_id, v_hold_amount,
				left('chat: ' || coalesce(v_ctx.model, ''), 100), p_lease_s);
			balance := v_hold.balance;
			IF v_hold.outcome = 'insufficient' THEN
				outcome := 'insufficient';
				v_refused := true;
				EXIT attempt WHEN p_mode <> 'send';
			ELSIF v_hold.outcome <> 'ok' THEN
				RAISE EXCEPTION 'turn_open: hold for task %: %', p_task_id, v_hold.outcome;
			END IF;
		END IF;

		-- from here on nothing is refused; a question without credit is kept, to be answered once there is some
		IF NOT v_ctx.title_is_custom AND v_ctx.last_sequence = 0 AND p_title IS NOT NULL THEN
			title := left(p_title, 500);
		END IF;
		IF NOT v_refused THEN
			INSERT INTO tasks (id, user_id, conversation_id, type, status, credits_locked, owner, model_id, message_id,
				user_message_id, agent_run, prev_message, idempotency_key, started_at)
			VALUES (p_task_id, p_user_id, p_conversation_id, 'chat', 'running', v_hold_amount, p_owner, p_model_id, v_message_id,
				CASE p_mode WHEN 'send' THEN p_user_message_id ELSE v_question.id END,
				p_agent_conv_limit IS NOT NULL, v_before, p_idem_key, now());
		END IF;
		UPDATE conversations c
		SET last_sequence = v_ctx.last_sequence + v_new_messages,
			message_count = c.message_count + v_new_messages,
			title = turn_open.title, updated_at = now()
		WHERE c.id = p_conversation_id;
		v_task_id := CASE WHEN NOT v_refused THEN p_task_id END;
		IF p_mode = 'send' THEN
			user_sequence := v_ctx.last_sequence + 1;
			INSERT INTO conversation_messages (id, conversation_id, user_id, sequence, role, content, status, model, attachments, task_id)
			VALUES (p_user_message_id, p_conversation_id, p_user_id, user_sequence, 'user', p_content, 'success', NULL,
					coalesce(p_attachments, '[]'), v_task_id),
				(v_message_id, p_conversation_id, p_user_id, user_sequence + 1, 'assistant', '',
					CASE WHEN v_refused THEN 'insufficient_balance' ELSE 'processing' END, v_ctx.model, '[]', v_task_id);
		ELSIF p_mode = 'regenerate_new' THEN
			INSERT INTO conversation_messages (id, conversation_id, user_id, sequence, role, content, status, model, task_id)
			VALUES (v_message_id, p_conversation_id, p_user_id, v_ctx.last_sequence + 1, 'assistant', '', 'processing', v_ctx.model, p_task_id);
		ELSE
			UPDATE conversation_messages m
			SET status = 'processing', content = '', reasoning = NULL, error_message = NULL, model = v_ctx.model,
				input_tokens = 0, output_tokens = 0, credits_cost = 0, task_id = p_task_id, updated_at = now()
			WHERE m.id = v_message_id;
		END IF;
		IF p_mode <> 'send' THEN
			user_message := message_json(v_question);
		ELSIF v_refused THEN
			user_message := (SELECT message_json(m) FROM conversation_messages m WHERE m.id = p_user_message_id);
			assistant_message := (SELECT message_json(m) FROM conversation_messages m WHERE m.id = v_message_id);
		END IF;
		opened_at := json_time(now());
		held := coalesce((SELECT sum(t.credits_locked) FROM tasks t
			WHERE t.user_id = p_user_id AND t.completed_at IS NULL), 0);
		EXIT attempt WHEN v_refused;
		outcome := 'ok';
		RETURN NEXT;
		RETURN;
	END attempt;

	IF v_claimed THEN
		DELETE FROM idempotency_keys k WHERE k.user_id = p_user_id AND k.key = p_idem_key;
	END IF;
	RETURN NEXT;
END
$$;
COMMENT ON FUNCTION turn_open(uuid, uuid, uuid, uuid, uuid, uuid, text, jsonb, bigint, numeric, int, uuid, int, int, int, text, uuid, text, text, text, bytea) IS
	'Opens a chat turn: messages, task, hold, idempotency key, all or nothing. p_mode: send makes a user and an assistant message with adjacent sequences; regenerate_new makes another answer to the question before the target; regenerate_in_place refills the failed target. p_hold 0: free. The limits are NULL when Redis holds the slots, else live tasks are counted here, exactly; p_agent_conv_limit marks an agent run, of which a conversation has one at a time. outcome: ok, insufficient, not_found, user_queue_full, conversation_queue_full, conversation_busy, conversation_limit, idempotent_replay (existing_task_id), idempotency_mismatch, invalid_target, user_disabled; nothing is changed unless ok, but that a question refused for want of credits (send, insufficient) is kept with an answer of status insufficient_balance, without task or key. balance is after the hold; held is what all live tasks of the user hold. The question as it is stored is in user_message, but of a new one that was not refused only user_sequence and opened_at are told: the rest the caller knows. assistant_message is told only of a question that was refused.';

CREATE OR REPLACE FUNCTION turns_settle(p_owner uuid, p_turns json)
	RETURNS TABLE (task_id uuid, settled boolean, charged numeric, balance numeric, held numeric, message jsonb, task_status text,
		sequence bigint, model text, attachments jsonb, created_at text, updated_at text)
	LANGUAGE plpgsql SET search_path = public, pg_temp SET plan_cache_mode = force_generic_plan SET enable_seqscan = off
AS $$
#variable_conflict use_column
DECLARE
	v_turns settlement[];
	v_conversations uuid[];
	v_ended hold_ended[];
	v_turn settlement;
	v_settled int;
BEGIN
	-- the live tasks that are the caller's to end, with what is told of them
	SELECT array_agg(ROW(s.id, s.user_id, s.conversation_id, s.message_id, s.type, s.prev_message, s.credits_locked,
			s.outcome, s.message_status, coalesce(s.content, ''), s.reasoning, s.error_code, s.error_message,
			coalesce(s.input_tokens, 0), coalesce(s.output_tokens, 0), coalesce(s.estimated, false),
			coalesce(s.cost, 0), coalesce(s.told_model_id, s.model_id), s.channel_id,
			s.latency_ms, s.first_token_ms, s.request_id)::settlement),
		array_agg(DISTINCT s.conversation_id ORDER BY s.conversation_id)
	INTO v_turns, v_conversations
	FROM (
		SELECT t.id, t.user_id, t.conversation_id, t.message_id, t.type, t.prev_message, t.credits_locked, t.model_id,
			j.outcome, j.message_status, j.content, j.reasoning, j.error_code, j.error_message, j.input_tokens,
			j.output_tokens, j.estimated, j.cost, j.model_id AS told_model_id, j.channel_id, j.latency_ms,
			j.first_token_ms, j.request_id
		FROM json_to_recordset(p_turns) AS j (task_id uuid, outcome text, message_status text, content text,
				reasoning text, error_code text, error_message text, input_tokens int, output_tokens int,
				estimated boolean, cost numeric, model_id bigint, channel_id bigint, latency_ms int,
				first_token_ms int, request_id text)
			JOIN tasks t ON t.id = j.task_id
		WHERE t.status NOT IN ('completed', 'failed', 'cancelled') -- never by an index on status
			AND CASE WHEN p_owner IS NULL THEN NOT process_is_alive(t.owner) ELSE t.owner = p_owner END
		ORDER BY t.id
		FOR NO KEY UPDATE OF t) AS s;

	IF cardinality(v_conversations) > 1 THEN
		PERFORM FROM conversations c WHERE c.id = ANY (v_conversations) ORDER BY c.id FOR NO KEY UPDATE;
	END IF;
	UPDATE conversations c
	SET total_tokens = c.total_tokens + s.tokens
	FROM (SELECT s.conversation_id, sum(s.input_tokens::bigint + s.output_tokens) AS tokens FROM unnest(v_turns) AS s
		WHERE s.message_status = 'success' AND s.input_tokens + s.output_tokens > 0 GROUP BY s.conversation_id) AS s
	WHERE c.id = s.conversation_id;

	v_ended := credits_end_holds(ARRAY(
		SELECT ROW(s.task_id, CASE WHEN s.cost > 0 THEN 'confirmed' ELSE 'refunded' END, s.cost::numeric,
			CASE s.type
				WHEN 'image' THEN 'image_generation_cost'
				WHEN 'video' THEN 'video_generation_cost'
				ELSE 'chat_cost' END,
			CASE WHEN s.cost > 0 THEN NULL ELSE coalesce(s.error_code, s.outcome) END)::hold_end
		FROM unnest(v_turns) AS s WHERE s.locked > 0));

	-- a failed regeneration in place puts back what was there
	FOR v_turn IN SELECT s.* FROM unnest(v_turns) AS s WHERE s.prev_message IS NOT NULL AND message_is_error(s.message_status) LOOP
		PERFORM message_restore(v_turn.message_id, v_turn.task_id, v_turn.prev_message);
	END LOOP;

	RETURN QUERY
		WITH turn AS MATERIALIZED (
			-- of a hold that was ended by other means already, what it kept then
			SELECT s.*, l.name AS model, coalesce(e.charged, 0) AS charged
			FROM unnest(v_turns) AS s
				LEFT JOIN unnest(v_ended) AS e ON e.task_id = s.task_id
				LEFT JOIN llm_models l ON l.id = s.model_id
		), task AS (
			UPDATE tasks t
			SET status = s.outcome, completed_at = now(), credits_used = s.charged, model_id = s.model_id,
				progress = CASE s.outcome WHEN 'completed' THEN 100 ELSE t.progress END,
				error_code = s.error_code, error_message = s.error_message
			FROM turn s WHERE t.id = s.task_id
		), filled AS (
			UPDATE conversation_messages m
			SET status = s.message_status, content = s.content, reasoning = s.reasoning, error_message = s.error_message,
				model = coalesce(s.model, m.model), input_tokens = s.input_tokens, output_tokens = s.output_tokens,
				credits_cost = s.charged, updated_at = now()
			FROM turn s
			WHERE m.id = s.message_id AND m.task_id = s.task_id
				AND NOT (s.prev_message IS NOT NULL AND message_is_error(s.message_status))
			RETURNING s.task_id, m.sequence, m.model, m.attachments, m.created_at
		), used AS (
			INSERT INTO usage (request_id, task_id, user_id, channel_id, channel, provider, model_id, model,
				request_tokens, response_tokens, estimated, cost, overrun, latency_ms, first_token_ms, status, error_code)
			SELECT s.request_id, s.task_id, s.user_id, s.channel_id, c.name, c.provider, s.model_id, s.model,
				s.input_tokens, s.output_tokens, s.estimated, s.charged, greatest(s.cost - s.charged, 0),
				s.latency_ms, s.first_token_ms, s.outcome, s.error_code
			FROM turn s LEFT JOIN channels c ON c.id = s.channel_id
		)
		SELECT s.task_id, true, s.charged::numeric, u.credits::numeric,
			-- the tasks of this call are live to this statement
			coalesce((SELECT sum(t.credits_locked) FROM tasks t WHERE t.user_id = s.user_id
				AND t.completed_at IS NULL AND t.id NOT IN (SELECT x.task_id FROM turn x)), 0),
			CASE WHEN f.task_id IS NULL AND s.prev_message IS NOT NULL THEN
				(SELECT message_json(m) FROM conversation_messages m WHERE m.id = s.message_id) END,
			s.outcome::text, f.sequence, f.model::text, f.attachments, json_time(f.created_at),
			CASE WHEN f.task_id IS NOT NULL THEN json_time(now()) END
		FROM turn s JOIN users u ON u.id = s.user_id LEFT JOIN filled f ON f.task_id = s.task_id;
	GET DIAGNOSTICS v_settled = ROW_COUNT;

	IF v_settled < json_array_length(p_turns) THEN
		-- what has ended already, or is somebody else's, as it is
		RETURN QUERY
			SELECT j.task_id, false, t.credits_used::numeric, u.credits::numeric, credits_held(t.user_id),
				CASE WHEN m.id IS NOT NULL THEN message_json(m) END, t.status::text,
				NULL::bigint, NULL::text, NULL::jsonb, NULL::text, NULL::text
			FROM json_to_recordset(p_turns) AS j (task_id uuid)
				LEFT JOIN tasks t ON t.id = j.task_id
				LEFT JOIN users u ON u.id = t.user_id
				LEFT JOIN conversation_messages m ON m.id = t.message_id
			WHERE j.task_id NOT IN (SELECT s.task_id FROM unnest(v_turns) AS s);
	END IF;
END
$$;
COMMENT ON FUNCTION turns_settle(uuid, json) IS
	'Ends tasks exactly once each: task, message, hold, usage and conversation statistics together, for all in one transaction. p_turns is an array of objects: task_id, outcome (completed, failed, cancelled), message_status, content, reasoning, error_code, error_message, input_tokens, output_tokens, estimated, cost, model_id, channel_id, latency_ms, first_token_ms, request_id. Only the owner may, or anybody (p_owner NULL) once the owner is dead. charged = min(cost, held), the excess goes on record as usage.overrun; cost 0 refunds. A failed regeneration in place restores the message. A conversation or message deleted meanwhile does not matter. A task that has ended already, or is somebody else''s: settled = false with the stored state, and nothing changes; an unknown task has task_status NULL. held is what the user''s other live tasks hold. Of a message that was filled as told, sequence, model, attachments and times are told and the rest is as told; any other is in message as it is stored.';

CREATE OR REPLACE FUNCTION turn_settle(
	p_task_id uuid, p_owner uuid, p_outcome text, p_message_status text, p_content text, p_reasoning text,
	p_error_code text, p_error_message text, p_input_tokens int, p_output_tokens int, p_estimated boolean,
	p_cost numeric, p_model_id bigint, p_channel_id bigint, p_latency_ms int, p_first_token_ms int, p_request_id text)
	RETURNS TABLE (settled boolean, charged numeric, balance numeric, message jsonb, task_status text)
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
	v_done record;
BEGIN
	SELECT * INTO v_done
	FROM turns_settle(p_owner, json_build_array(json_build_object(
		'task_id', p_task_id, 'outcome', p_outcome, 'message_status', p_message_status, 'content', p_content,
		'reasoning', p_reasoning, 'error_code', p_error_code, 'error_message', p_error_message,
		'input_tokens', p_input_tokens, 'output_tokens', p_output_tokens, 'estimated', p_estimated, 'cost', p_cost,
		'model_id', p_model_id, 'channel_id', p_channel_id, 'latency_ms', p_latency_ms,
		'first_token_ms', p_first_token_ms, 'request_id', p_request_id))) AS s;
	IF v_done.sequence IS NOT NULL THEN
		v_done.message := (SELECT message_json(m) FROM conversation_messages m JOIN tasks t ON t.message_id = m.id WHERE t.id = p_task_id);
	END IF;
	RETURN QUERY SELECT v_done.settled, v_done.charged, v_done.balance, v_done.message, v_done.task_status;
END
$$;
COMMENT ON FUNCTION turn_settle(uuid, uuid, text, text, text, text, text, text, int, int, boolean, numeric, bigint, bigint, int, int, text) IS
	'turns_settle() for one, with its message as it is stored then.';

CREATE OR REPLACE FUNCTION conversation_delete(p_user_id uuid, p_conversation_id uuid)
	RETURNS TABLE (deleted boolean, live_tasks uuid[])
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
BEGIN
	deleted := false;
	-- Settlement locks the task before the conversation, so this must too; but until the conversation is locked
	-- a new task may open in it. Then let go of everything and begin again.
	FOR attempt IN 1..100 LOOP
		BEGIN
			live_tasks := ARRAY(
				SELECT t.id FROM tasks t
				WHERE t.conversation_id = p_conversation_id AND t.user_id = p_user_id AND t.status IN ('pending', 'running')
				ORDER BY t.id FOR UPDATE);
			PERFORM FROM conversations c WHERE c.id = p_conversation_id AND c.user_id = p_user_id FOR UPDATE;
			IF NOT FOUND THEN
				live_tasks := '{}';
				RETURN NEXT;
				RETURN;
			END IF;
			IF EXISTS (SELECT FROM tasks t WHERE t.conversation_id = p_conversation_id
					AND t.status IN ('pending', 'running') AND t.id <> ALL (live_tasks)) THEN
				RAISE EXCEPTION 'a turn opened meanwhile' USING ERRCODE = 'serialization_failure';
			END IF;
			UPDATE tasks t SET cancel_requested_at = coalesce(t.cancel_requested_at, now()) WHERE t.id = ANY (live_tasks);
			DELETE FROM conversations c WHERE c.id = p_conversation_id;
			deleted := true;
			RETURN NEXT;
			RETURN;
		EXCEPTION WHEN serialization_failure THEN
			IF attempt = 100 THEN
				RAISE;
			END IF;
		END;
	END LOOP;
END
$$;
COMMENT ON FUNCTION conversation_delete(uuid, uuid) IS
	'Deletes a user''s conversation with its messages and asks its live tasks to cancel (the caller publishes the abort for those returned); their money settles as usual. deleted = false: not there or not theirs.';

CREATE OR REPLACE FUNCTION message_delete(p_user_id uuid, p_conversation_id uuid, p_message_id uuid) RETURNS boolean
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
BEGIN
	-- the conversation before the message, as turn_open() and settlement lock them
	PERFORM FROM conversations c WHERE c.id = p_conversation_id AND c.user_id = p_user_id FOR NO KEY UPDATE;
	IF NOT FOUND THEN
		RETURN false;
	END IF;
	DELETE FROM conversation_messages m WHERE m.id = p_message_id AND m.conversation_id = p_conversation_id;
	IF NOT FOUND THEN
		RETURN false;
	END IF;
	UPDATE conversations c SET message_count = c.message_count - 1 WHERE c.id = p_conversation_id;
	RETURN true;
END
$$;
COMMENT ON FUNCTION message_delete(uuid, uuid, uuid) IS
	'Physically deletes one message and takes it off message_count; sequences are not given again. False: not there or not theirs.';
