-- Messages, and the turns that write them: opening and settling, one call, one transaction each.

CREATE OR REPLACE FUNCTION message_is_error(p_status varchar) RETURNS boolean
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN p_status IN ('error', 'insufficient_balance', 'content_violation', 'llm_error');
COMMENT ON FUNCTION message_is_error(varchar) IS 'Is this message status one of the four failures?';

CREATE OR REPLACE FUNCTION tool_calls_json(p_message_id uuid, p_sealed boolean DEFAULT false) RETURNS jsonb
	LANGUAGE sql STABLE PARALLEL SAFE SET search_path = public, pg_temp
AS $$
	SELECT jsonb_agg(jsonb_build_object('position', t.position, 'call_id', t.call_id, 'called', t.called, 'server', t.server,
		'tool', t.tool, 'arguments', t.arguments, 'result', t.result, 'is_cut', t.is_cut,
		'status', CASE WHEN t.status = 'running' AND NOT (process_is_alive(t.owner) AND t.started_at > now() - interval '15 minutes')
			THEN 'unclear' ELSE t.status END,
		'started_at', json_time(t.started_at), 'ended_at', json_time(t.ended_at))
		|| CASE WHEN p_sealed THEN jsonb_build_object('signature', t.signature) ELSE '{}' END ORDER BY t.position)
	FROM tool_calls t WHERE t.message_id = p_message_id
$$;
COMMENT ON FUNCTION tool_calls_json(uuid, boolean) IS 'The calls of an answer as the API tells them; p_sealed: with the seals of their provider, for the next prompt. One whose process died while it was made is unclear.';

CREATE OR REPLACE FUNCTION message_json(m conversation_messages) RETURNS jsonb
	LANGUAGE sql STABLE PARALLEL SAFE
	RETURN jsonb_build_object(
		'id', m.id, 'conversation_id', m.conversation_id, 'sequence', m.sequence, 'role', m.role,
		'content', m.content, 'status', m.status, 'is_error', message_is_error(m.status),
		'error_message', m.error_message, 'model', m.model,
		'input_tokens', m.input_tokens, 'output_tokens', m.output_tokens,
		'credits_cost', trim_scale(m.credits_cost), 'attachments', m.attachments, 'citations', m.citations, 'searched', m.searched, 'task_id', m.task_id,
		'calls', CASE WHEN m.has_calls THEN tool_calls_json(m.id) END,
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
		credits_cost = (p_prev->>'credits_cost')::numeric, task_id = (p_prev->>'task_id')::uuid, finish = p_prev->>'finish',
		first_token_ms = (p_prev->>'first_token_ms')::int, left_out = nullif(p_prev->'left_out', 'null'),
		updated_at = now()
	WHERE id = p_message_id AND task_id = p_task_id
	RETURNING *
$$;
COMMENT ON FUNCTION message_restore(uuid, uuid, jsonb) IS
	'Puts a message that was being regenerated in place back to what tasks.prev_message remembers.';

CREATE OR REPLACE FUNCTION conversation_leaf(p_conversation_id uuid) RETURNS uuid
	LANGUAGE sql STABLE SET search_path = public, pg_temp
AS $$
	SELECT m.id FROM conversation_messages m
	WHERE m.conversation_id = p_conversation_id AND m.active ORDER BY m.sequence DESC LIMIT 1
$$;
COMMENT ON FUNCTION conversation_leaf(uuid) IS 'The last message of a conversation as it is shown: what the next question follows; NULL: none.';

CREATE OR REPLACE FUNCTION branch_choose(p_conversation_id uuid, p_message_id uuid) RETURNS void
	LANGUAGE plpgsql SET search_path = public, pg_temp SET enable_seqscan = off
AS $$
DECLARE
	v_path uuid[];
	v_last uuid := p_message_id;
	v_next record;
BEGIN
	WITH RECURSIVE up AS (
		SELECT m.id, m.parent_id FROM conversation_messages m WHERE m.id = p_message_id AND m.conversation_id = p_conversation_id
		UNION ALL
		SELECT m.id, m.parent_id FROM up u JOIN conversation_messages m ON m.id = u.parent_id
	)
	SELECT array_agg(u.id) INTO v_path FROM up u;
	UPDATE conversation_messages m SET chosen = m.id = p.id
	FROM conversation_messages p
	WHERE p.id = ANY (v_path) AND p.conversation_id = p_conversation_id AND m.conversation_id = p_conversation_id
		AND m.parent_id IS NOT DISTINCT FROM p.parent_id AND m.role = p.role AND m.chosen <> (m.id = p.id);
	-- what follows it, as it was chosen last: whatever follows is later
	FOR v_next IN
		SELECT m.id, m.parent_id FROM conversation_messages m
		WHERE m.conversation_id = p_conversation_id AND m.chosen
			AND m.sequence > (SELECT o.sequence FROM conversation_messages o WHERE o.id = p_message_id)
		ORDER BY m.sequence
	LOOP
		IF v_next.parent_id = v_last THEN
			v_last := v_next.id;
			v_path := v_path || v_last;
		END IF;
	END LOOP;
	UPDATE conversation_messages m SET active = m.id = ANY (v_path)
	WHERE m.conversation_id = p_conversation_id AND m.active <> (m.id = ANY (v_path));
END
$$;
COMMENT ON FUNCTION branch_choose(uuid, uuid) IS
	'Makes a message, all before it, and what was chosen behind it, the conversation as it is shown. The caller has locked the conversation.';

CREATE OR REPLACE FUNCTION message_activate(p_user_id uuid, p_conversation_id uuid, p_message_id uuid) RETURNS boolean
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
BEGIN
	PERFORM FROM conversations c WHERE c.id = p_conversation_id AND c.user_id = p_user_id FOR NO KEY UPDATE;
	IF NOT FOUND OR NOT EXISTS (SELECT FROM conversation_messages m
			WHERE m.id = p_message_id AND m.conversation_id = p_conversation_id) THEN
		RETURN false;
	END IF;
	PERFORM branch_choose(p_conversation_id, p_message_id);
	RETURN true;
END
$$;
COMMENT ON FUNCTION message_activate(uuid, uuid, uuid) IS
	'branch_choose() for a user''s own conversation. False: not there or not theirs.';

CREATE OR REPLACE FUNCTION comparison_has_room(p_target conversation_messages) RETURNS boolean
	LANGUAGE sql STABLE SET search_path = public, pg_temp
AS $$
	SELECT count(*) < 3 FROM conversation_messages m
	WHERE m.conversation_id = p_target.conversation_id AND m.parent_id = p_target.parent_id AND m.role = 'assistant' AND m.compared
$$;
COMMENT ON FUNCTION comparison_has_room(conversation_messages) IS
	'May another answer stand beside this one, which is compared already? Three are compared at most.';

CREATE OR REPLACE FUNCTION comparison_begin(p_target conversation_messages) RETURNS void
	LANGUAGE sql SET search_path = public, pg_temp
AS $$
	UPDATE conversation_messages m SET compared = m.id = p_target.id
	WHERE m.conversation_id = p_target.conversation_id AND m.parent_id = p_target.parent_id AND m.role = 'assistant'
		AND m.compared <> (m.id = p_target.id)
$$;
COMMENT ON FUNCTION comparison_begin(conversation_messages) IS
	'Makes an answer the first of those that are compared; an earlier comparison of the same question is one no more. The caller has locked the conversation.';

CREATE OR REPLACE FUNCTION turn_question(p_message_id uuid) RETURNS conversation_messages
	LANGUAGE plpgsql STABLE SET search_path = public, pg_temp SET enable_seqscan = off
AS $$
DECLARE
	v_message conversation_messages;
BEGIN
	LOOP
		SELECT * INTO v_message FROM conversation_messages m WHERE m.id = p_message_id;
		IF v_message.role = 'user' THEN
			RETURN v_message;
		END IF;
		IF v_message.has_calls IS NOT TRUE THEN
			RETURN NULL;
		END IF;
		p_message_id := v_message.parent_id;
	END LOOP;
END
$$;
COMMENT ON FUNCTION turn_question(uuid) IS
	'The question that stands before an answer whose parent is given: it, or what is before the answers that called tools for it; NULL: there is none.';

DROP FUNCTION IF EXISTS turn_open(uuid, uuid, uuid, uuid, uuid, uuid, text, jsonb, bigint, numeric, int, uuid, int, int, int, text,
	uuid, text, text, text, bytea);
DROP FUNCTION IF EXISTS turn_open(uuid, uuid, uuid, uuid, uuid, uuid, text, jsonb, bigint, numeric, int, uuid, int, int, int, text,
	uuid, text, text, text, bytea, jsonb, text);
CREATE OR REPLACE FUNCTION turn_open(
	p_task_id uuid, p_transaction_id uuid, p_user_id uuid, p_conversation_id uuid,
	p_user_message_id uuid, p_assistant_message_id uuid, p_content text, p_attachments jsonb,
	p_model_id bigint, p_hold numeric, p_lease_s int, p_owner uuid,
	p_user_limit int, p_conv_limit int, p_agent_conv_limit int,
	p_mode text, p_target_message_id uuid, p_title text,
	p_idem_key text, p_idem_route text, p_idem_hash bytea, p_prices jsonb DEFAULT NULL, p_group text DEFAULT NULL,
	p_left_out jsonb DEFAULT NULL)
	RETURNS TABLE (outcome text, balance numeric, required numeric, user_message jsonb, assistant_message jsonb,
		existing_task_id uuid, title text, held numeric, user_sequence bigint, opened_at text)
	LANGUAGE plpgsql SET search_path = public, pg_temp SET plan_cache_mode = force_generic_plan SET enable_seqscan = off
AS $$
DECLARE
	v_ctx record;
	v_target conversation_messages;
	v_question conversation_messages;
	v_refusal text;
	v_before jsonb;
	v_task task_opened;
	v_task_id uuid;
	v_refused boolean;
	v_asks boolean := p_mode IN ('send', 'edit');
	v_parent uuid;
	v_new_messages int := CASE p_mode WHEN 'regenerate_new' THEN 1 WHEN 'compare' THEN 1 WHEN 'continue' THEN 1 WHEN 'regenerate_in_place' THEN 0 ELSE 2 END;
	v_message_id uuid := CASE p_mode WHEN 'regenerate_in_place' THEN p_target_message_id ELSE p_assistant_message_id END;
BEGIN
	IF p_mode NOT IN ('send', 'edit', 'regenerate_new', 'regenerate_in_place', 'compare', 'continue') OR p_mode IS NULL THEN
		RAISE EXCEPTION 'turn_open: bad mode %', p_mode USING ERRCODE = 'invalid_parameter_value';
	END IF;

	-- the conversation's lock orders everything that happens in it, sequences and its own limit included
	SELECT c.last_sequence, c.title, c.title_is_custom, (SELECT m.name FROM llm_models m WHERE m.id = p_model_id) AS model
	INTO v_ctx
	FROM conversations c
	WHERE c.id = p_conversation_id AND c.user_id = p_user_id
	FOR NO KEY UPDATE;
	IF NOT FOUND THEN
		outcome := 'not_found';
		RETURN NEXT;
		RETURN;
	END IF;
	required := round(p_hold, 6);
	title := v_ctx.title;

	IF p_mode <> 'send' THEN
		SELECT * INTO v_target FROM conversation_messages m
		WHERE m.id = p_target_message_id AND m.conversation_id = p_conversation_id;
		v_question := turn_question(CASE WHEN p_mode = 'continue' THEN v_target.id ELSE v_target.parent_id END);
		v_refusal := CASE
			WHEN v_target.id IS NULL THEN 'not_found'
			WHEN p_mode = 'edit' AND v_target.role = 'user' THEN NULL
			WHEN p_mode = 'continue' AND (v_target.role <> 'assistant' OR v_question.id IS NULL OR EXISTS (
				SELECT FROM conversation_messages m WHERE m.conversation_id = p_conversation_id AND m.parent_id = v_target.id)) THEN 'invalid_target'
			WHEN p_mode = 'edit' OR v_question.id IS NULL OR v_target.role <> 'assistant'
				OR (p_mode = 'regenerate_new' AND v_target.status <> 'success')
				OR (p_mode = 'regenerate_in_place' AND NOT message_is_error(v_target.status)) THEN 'invalid_target'
			WHEN p_mode = 'compare' AND v_target.compared AND NOT comparison_has_room(v_target) THEN 'comparison_full' END;
		IF p_mode = 'regenerate_in_place' THEN
			v_before := jsonb_build_object(
				'status', v_target.status, 'content', v_target.content, 'reasoning', v_target.reasoning,
				'error_message', v_target.error_message, 'model', v_target.model,
				'input_tokens', v_target.input_tokens, 'output_tokens', v_target.output_tokens,
				'credits_cost', v_target.credits_cost, 'task_id', v_target.task_id, 'finish', v_target.finish,
				'first_token_ms', v_target.first_token_ms, 'left_out', v_target.left_out);
		END IF;
	END IF;

	v_task := task_open(ROW(p_task_id, p_transaction_id, p_user_id, 'chat', p_conversation_id, p_owner, p_model_id,
		p_hold, p_lease_s, left('chat: ' || coalesce(v_ctx.model, ''), 100), p_user_limit, p_conv_limit, p_agent_conv_limit,
		p_idem_key, p_idem_route, p_idem_hash, v_refusal,
		v_message_id, CASE WHEN v_asks THEN p_user_message_id ELSE v_question.id END, v_before, NULL, NULL,
		p_prices, p_group)::task_ask);
	outcome := v_task.outcome;
	balance := v_task.balance;
	existing_task_id := v_task.existing_task_id;
	v_refused := outcome = 'insufficient' AND v_asks;
	IF outcome <> 'ok' AND NOT v_refused THEN
		RETURN NEXT;
		RETURN;
	END IF;

	-- from here on nothing is refused; a question without credit is kept, to be answered once there is some
	IF NOT v_ctx.title_is_custom AND v_ctx.last_sequence = 0 AND p_title IS NOT NULL THEN
		title := left(p_title, 500);
	END IF;
	UPDATE conversations c
	SET last_sequence = v_ctx.last_sequence + v_new_messages,
		message_count = c.message_count + v_new_messages,
		title = turn_open.title, updated_at = now()
	WHERE c.id = p_conversation_id;
	v_task_id := CASE WHEN NOT v_refused THEN p_task_id END;
	IF p_mode IN ('edit', 'regenerate_new') THEN
		-- another version takes the place of the target and of all that follows it
		IF NOT v_target.active THEN
			PERFORM branch_choose(p_conversation_id, v_target.id);
		END IF;
		UPDATE conversation_messages m SET active = false, chosen = m.chosen AND m.id <> v_target.id
		WHERE m.conversation_id = p_conversation_id AND m.active AND m.sequence >= v_target.sequence;
		v_parent := v_target.parent_id;
	ELSIF p_mode = 'send' THEN
		v_parent := conversation_leaf(p_conversation_id);
	ELSIF p_mode = 'compare' THEN
		IF NOT v_target.compared THEN
			PERFORM comparison_begin(v_target);
		END IF;
		v_parent := v_target.parent_id;
	ELSIF p_mode = 'continue' THEN
		PERFORM branch_choose(p_conversation_id, v_target.id);
		v_parent := v_target.id;
	END IF;
	IF v_asks THEN
		user_sequence := v_ctx.last_sequence + 1;
		INSERT INTO conversation_messages (id, conversation_id, user_id, parent_id, sequence, role, content, status, model, attachments, task_id, left_out)
		VALUES (p_user_message_id, p_conversation_id, p_user_id, v_parent, user_sequence, 'user', p_content, 'success', NULL,
				coalesce(p_attachments, '[]'), v_task_id, NULL),
			(v_message_id, p_conversation_id, p_user_id, p_user_message_id, user_sequence + 1, 'assistant', '',
				CASE WHEN v_refused THEN 'insufficient_balance' ELSE 'processing' END, v_ctx.model, '[]', v_task_id, p_left_out);
	ELSIF p_mode IN ('regenerate_new', 'compare', 'continue') THEN
		INSERT INTO conversation_messages (id, conversation_id, user_id, parent_id, sequence, role, content, status, model, task_id,
			left_out, compared, chosen, active)
		VALUES (v_message_id, p_conversation_id, p_user_id, v_parent, v_ctx.last_sequence + 1, 'assistant', '', 'processing', v_ctx.model,
			p_task_id, p_left_out, p_mode = 'compare', p_mode <> 'compare', p_mode <> 'compare');
	ELSE
		UPDATE conversation_messages m
		SET status = 'processing', content = '', reasoning = NULL, error_message = NULL, model = v_ctx.model,
			input_tokens = 0, output_tokens = 0, credits_cost = 0, task_id = p_task_id, finish = NULL, first_token_ms = NULL,
			left_out = p_left_out, updated_at = now()
		WHERE m.id = v_message_id;
	END IF;
	IF NOT v_asks THEN
		user_message := message_json(v_question);
	ELSIF v_refused THEN
		user_message := (SELECT message_json(m) FROM conversation_messages m WHERE m.id = p_user_message_id);
		assistant_message := (SELECT message_json(m) FROM conversation_messages m WHERE m.id = v_message_id);
	END IF;
	opened_at := json_time(now());
	held := credits_held(p_user_id);
	RETURN NEXT;
END
$$;
COMMENT ON FUNCTION turn_open(uuid, uuid, uuid, uuid, uuid, uuid, text, jsonb, bigint, numeric, int, uuid, int, int, int, text, uuid, text, text, text, bytea, jsonb, text, jsonb) IS
	'Opens a chat turn: messages, task, hold, idempotency key, all or nothing. p_mode: send makes a user and an assistant message with adjacent sequences, behind the last that is shown; edit the same, as another version of the target, a user message, and of what follows it; regenerate_new makes another version of the target, an answer; regenerate_in_place refills the failed target; compare makes another answer beside the target, whatever state that is in, and what is shown stays; continue makes an answer behind the target, an answer whose calls of tools have ended. p_hold 0: free. The limits are NULL when Redis holds the slots, else live tasks are counted here, exactly; p_agent_conv_limit marks an agent run, of which a conversation has one at a time. outcome: ok, insufficient, not_found, user_queue_full, conversation_queue_full, conversation_busy, conversation_limit, idempotent_replay (existing_task_id), idempotency_mismatch, invalid_target, comparison_full, user_budget, group_budget, user_disabled; nothing is changed unless ok, but that a question refused for want of credits (send or edit, insufficient) is kept with an answer of status insufficient_balance, without task or key. balance is after the hold; held is what all live tasks of the user hold. The question as it is stored is in user_message, but of a new one that was not refused only user_sequence and opened_at are told: the rest the caller knows. assistant_message is told only of a question that was refused.';

CREATE OR REPLACE FUNCTION turns_settle(p_owner uuid, p_turns json)
	RETURNS TABLE (task_id uuid, settled boolean, charged numeric, balance numeric, held numeric, message jsonb, task_status text,
		sequence bigint, model text, attachments jsonb, created_at text, updated_at text)
	LANGUAGE plpgsql SET search_path = public, pg_temp SET plan_cache_mode = force_generic_plan SET enable_seqscan = off
AS $$
#variable_conflict use_column
DECLARE
	v_ended task_ended[];
BEGIN
	IF json_array_length(p_turns) = 1 THEN -- the same, in a statement that is quicker to start
		PERFORM FROM conversations c
		WHERE c.id = (SELECT t.conversation_id FROM tasks t WHERE t.id = (p_turns->0->>'task_id')::uuid) FOR NO KEY UPDATE;
	ELSE
		PERFORM FROM conversations c
		WHERE c.id = ANY (ARRAY(SELECT t.conversation_id FROM json_to_recordset(p_turns) AS j (task_id uuid)
			JOIN tasks t ON t.id = j.task_id))
		ORDER BY c.id FOR NO KEY UPDATE;
	END IF;

	v_ended := tasks_end(p_owner, ARRAY(
		SELECT ROW(j.task_id, j.outcome, j.error_code, j.error_message, j.input_tokens, j.output_tokens, j.estimated, j.cost,
			j.model_id, j.channel_id, j.latency_ms, j.first_token_ms, j.request_id,
			j.cached_tokens, j.cache_write_tokens, j.reasoning_tokens, 'chat', j.details)::task_end
		FROM json_to_recordset(p_turns) AS j (task_id uuid, outcome text, error_code text, error_message text,
			input_tokens int, output_tokens int, estimated boolean, cost numeric, model_id bigint, channel_id bigint,
			latency_ms int, first_token_ms int, request_id text,
			cached_tokens int, cache_write_tokens int, reasoning_tokens int, details jsonb)));
	IF strpos(p_turns::text, '"unread":') > 0 THEN -- it may be somebody's text: then there is no such member
		PERFORM push_note(t.user_id, 'notify_answers', 'task ' || t.id, '/c/' || c.id, jsonb_build_object('about', 'answer', 'outcome', t.status))
		FROM unnest(v_ended) AS e JOIN json_to_recordset(p_turns) AS j (task_id uuid, unread boolean) ON j.task_id = e.task_id AND j.unread
			JOIN tasks t ON t.id = e.task_id JOIN conversations c ON c.id = t.conversation_id AND c.temporary_until IS NULL
		WHERE e.settled AND t.status IN ('completed', 'failed');
	END IF;

	RETURN QUERY
		WITH turn AS MATERIALIZED (
			SELECT e.*, j.message_status::message_status, coalesce(j.content, '') AS content, j.reasoning, coalesce(j.citations, '[]') AS citations,
				j.searched, j.error_message, j.calls, coalesce(j.input_tokens, 0) AS input_tokens, coalesce(j.output_tokens, 0) AS output_tokens,
				j.finish, j.first_token_ms,
				-- a failed regeneration in place puts back what was there
				e.settled AND e.prev_message IS NOT NULL AND message_is_error(j.message_status) AS restore
			FROM unnest(v_ended) AS e
				JOIN json_to_recordset(p_turns) AS j (task_id uuid, message_status text, content text, reasoning text, citations jsonb, searched jsonb,
					error_message text, input_tokens int, output_tokens int, finish text, first_token_ms int, calls jsonb) ON j.task_id = e.task_id
		), filled AS (
			UPDATE conversation_messages m
			SET status = s.message_status, content = s.content, reasoning = s.reasoning, citations = s.citations, searched = s.searched, error_message = s.error_message,
				model = coalesce(s.model, m.model), input_tokens = s.input_tokens, output_tokens = s.output_tokens,
				credits_cost = s.charged, finish = s.finish, first_token_ms = s.first_token_ms,
				has_calls = CASE WHEN s.calls IS NOT NULL THEN true END, updated_at = now()
			FROM turn s
			WHERE m.id = s.message_id AND m.task_id = s.task_id AND s.settled AND NOT s.restore
			RETURNING s.message_id, s.calls, s.task_id, m.sequence, m.model, m.attachments, m.created_at
		), called AS (
			INSERT INTO tool_calls (message_id, position, call_id, called, server_id, server, tool, arguments, signature, status, result)
			SELECT f.message_id, c.position, c.call_id, c.called, o.id, c.server, c.tool, c.arguments, c.signature, c.status, c.result
			FROM filled f, jsonb_to_recordset(f.calls) AS c (position int, call_id text, called text, server_id uuid, server text,
				tool text, arguments text, signature text, status text, result text)
				LEFT JOIN tool_servers o ON o.id = c.server_id
			WHERE f.calls IS NOT NULL
		), counted AS (
			UPDATE conversations c
			SET total_tokens = c.total_tokens + s.tokens
			FROM (SELECT s.conversation_id, sum(s.input_tokens::bigint + s.output_tokens) AS tokens FROM turn s
				WHERE s.settled AND s.message_status = 'success' AND s.input_tokens + s.output_tokens > 0
				GROUP BY s.conversation_id) AS s
			WHERE c.id = s.conversation_id
		)
		SELECT s.task_id, s.settled, s.charged, s.balance, s.held,
			CASE
				WHEN s.restore THEN (SELECT message_json(r) FROM message_restore(s.message_id, s.task_id, s.prev_message) AS r)
				WHEN NOT s.settled THEN (SELECT message_json(m) FROM conversation_messages m WHERE m.id = s.message_id) END,
			s.status, f.sequence, f.model::text, f.attachments, json_time(f.created_at),
			CASE WHEN f.task_id IS NOT NULL THEN json_time(now()) END
		FROM turn s LEFT JOIN filled f ON f.task_id = s.task_id;
END
$$;
COMMENT ON FUNCTION turns_settle(uuid, json) IS
	'Ends tasks exactly once each: task, message, hold, usage and conversation statistics together, for all in one transaction. p_turns is an array of objects: task_id, outcome (completed, failed, cancelled), message_status, content, reasoning, error_code, error_message, input_tokens, output_tokens, estimated, cost, model_id, channel_id, latency_ms, first_token_ms, request_id, finish, unread (nobody was there to read the end: its owner is told on other ways), calls (of tools, as tool_calls has them; absent: none). Only the owner may, or anybody (p_owner NULL) once the owner is dead. charged = min(cost, held), the excess goes on record as usage.overrun; cost 0 refunds. A failed regeneration in place restores the message. A conversation or message deleted meanwhile does not matter. A task that has ended already, or is somebody else''s: settled = false with the stored state, and nothing changes; an unknown task has task_status NULL. held is what the user''s other live tasks hold. Of a message that was filled as told, sequence, model, attachments and times are told and the rest is as told; any other is in message as it is stored.';

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

CREATE OR REPLACE FUNCTION conversations_delete(p_user_id uuid, p_ids uuid[])
	RETURNS TABLE (deleted boolean, live_tasks uuid[])
	LANGUAGE plpgsql SET search_path = public, pg_temp SET enable_seqscan = off
AS $$
BEGIN
	-- once they are locked no task can open in them
	PERFORM FROM conversations c WHERE c.id = ANY (p_ids) AND c.user_id = p_user_id ORDER BY c.id FOR UPDATE;
	deleted := (SELECT count(*) FROM conversations c WHERE c.id = ANY (p_ids) AND c.user_id = p_user_id)
		= (SELECT count(DISTINCT i) FROM unnest(p_ids) AS i);
	live_tasks := '{}';
	IF deleted THEN
		-- those that have ended too: the deletion writes to all of them
		PERFORM FROM tasks t WHERE t.conversation_id = ANY (p_ids) ORDER BY t.id FOR NO KEY UPDATE;
		WITH live AS (
			UPDATE tasks t SET cancel_requested_at = coalesce(t.cancel_requested_at, now())
			WHERE t.conversation_id = ANY (p_ids) AND t.completed_at IS NULL
			RETURNING t.id
		)
		SELECT coalesce(array_agg(l.id ORDER BY l.id), '{}') INTO live_tasks FROM live l;
		PERFORM job_wake(t.job_id) FROM tasks t WHERE t.id = ANY (live_tasks) AND t.job_id IS NOT NULL;
		-- what was said before an answer was made again, too
		UPDATE tasks t SET prev_message = NULL WHERE t.conversation_id = ANY (p_ids) AND t.prev_message IS NOT NULL;
		DELETE FROM conversations c WHERE c.id = ANY (p_ids);
	END IF;
	RETURN NEXT;
END
$$;
COMMENT ON FUNCTION conversations_delete(uuid, uuid[]) IS
	'Deletes conversations of a user with their messages, all or none, and asks their live tasks to cancel (the caller publishes the abort for those returned); their money settles as usual. deleted = false: one of them is not there or not theirs.';

CREATE OR REPLACE FUNCTION conversation_delete(p_user_id uuid, p_conversation_id uuid)
	RETURNS TABLE (deleted boolean, live_tasks uuid[])
	LANGUAGE sql SET search_path = public, pg_temp
AS $$
	SELECT d.deleted, d.live_tasks FROM conversations_delete(p_user_id, ARRAY[p_conversation_id]) AS d
$$;
COMMENT ON FUNCTION conversation_delete(uuid, uuid) IS 'conversations_delete() of one.';

CREATE OR REPLACE FUNCTION messages_delete(p_user_id uuid, p_conversation_id uuid, p_message_id uuid, p_below boolean)
	RETURNS TABLE (deleted uuid[], live_tasks uuid[])
	LANGUAGE plpgsql SET search_path = public, pg_temp SET enable_seqscan = off
AS $$
DECLARE
	v_message conversation_messages;
	v_below boolean;
	v_next record;
	v_heir uuid;
BEGIN
	PERFORM FROM conversations c WHERE c.id = p_conversation_id AND c.user_id = p_user_id FOR NO KEY UPDATE;
	IF FOUND THEN
		SELECT * INTO v_message FROM conversation_messages m WHERE m.id = p_message_id AND m.conversation_id = p_conversation_id;
	END IF;
	deleted := '{}';
	live_tasks := '{}';
	IF v_message.id IS NULL THEN
		RETURN NEXT;
		RETURN;
	END IF;

	-- the version that takes its place, if there is one
	v_heir := (SELECT m.id FROM conversation_messages m
		WHERE m.conversation_id = p_conversation_id AND m.parent_id IS NOT DISTINCT FROM v_message.parent_id
			AND m.role = v_message.role AND m.id <> p_message_id
		ORDER BY m.sequence DESC LIMIT 1);
	v_below := p_below OR v_heir IS NOT NULL;
	deleted := ARRAY[p_message_id];
	FOR v_next IN
		SELECT m.id, m.parent_id FROM conversation_messages m
		WHERE m.conversation_id = p_conversation_id AND m.sequence > v_message.sequence
			AND (v_below OR v_message.role = 'user' AND m.role = 'assistant')
		ORDER BY m.sequence
	LOOP
		IF v_next.parent_id = ANY (deleted) THEN
			deleted := deleted || v_next.id;
		END IF;
	END LOOP;

	PERFORM FROM tasks t WHERE t.conversation_id = p_conversation_id AND t.message_id = ANY (deleted) AND t.completed_at IS NULL
	ORDER BY t.id FOR NO KEY UPDATE;
	WITH live AS (
		UPDATE tasks t SET cancel_requested_at = coalesce(t.cancel_requested_at, now())
		WHERE t.conversation_id = p_conversation_id AND t.message_id = ANY (deleted) AND t.completed_at IS NULL
		RETURNING t.id
	)
	SELECT coalesce(array_agg(l.id ORDER BY l.id), '{}') INTO live_tasks FROM live l;
	PERFORM job_wake(t.job_id) FROM tasks t WHERE t.id = ANY (live_tasks) AND t.job_id IS NOT NULL;

	DELETE FROM conversation_messages m WHERE m.id = ANY (deleted);
	UPDATE conversations c SET message_count = c.message_count - cardinality(deleted) WHERE c.id = p_conversation_id;
	IF NOT v_below THEN
		-- what followed moves up; of several the one that is shown
		UPDATE conversation_messages m SET parent_id = v_message.parent_id
		WHERE m.conversation_id = p_conversation_id AND m.parent_id = ANY (deleted);
		v_heir := (SELECT m.id FROM conversation_messages m
			WHERE m.conversation_id = p_conversation_id AND m.parent_id IS NOT DISTINCT FROM v_message.parent_id
				AND m.role = 'user' AND m.sequence > v_message.sequence
			ORDER BY m.active DESC, m.sequence DESC LIMIT 1);
	END IF;
	IF v_message.active AND v_heir IS NOT NULL THEN
		PERFORM branch_choose(p_conversation_id, v_heir);
	ELSIF v_message.chosen AND v_heir IS NOT NULL THEN
		UPDATE conversation_messages m SET chosen = m.id = v_heir
		FROM conversation_messages h
		WHERE h.id = v_heir AND m.conversation_id = p_conversation_id AND m.parent_id IS NOT DISTINCT FROM h.parent_id AND m.role = h.role;
	END IF;
	RETURN NEXT;
END
$$;
COMMENT ON FUNCTION messages_delete(uuid, uuid, uuid, boolean) IS
	'Physically deletes a message: a question with its answers, and what follows moves up; with p_below, and where there is another version, with all that follows, and the newest other version is shown. What is being written is asked to stop (the caller publishes the abort for live_tasks); what it delivered is charged. Sequences are not given again. deleted empty: not there or not theirs.';

-- The release before asks for one by this.
CREATE OR REPLACE FUNCTION message_delete(p_user_id uuid, p_conversation_id uuid, p_message_id uuid) RETURNS boolean
	LANGUAGE sql SET search_path = public, pg_temp
AS $$
	SELECT cardinality(d.deleted) > 0 FROM messages_delete(p_user_id, p_conversation_id, p_message_id, false) AS d
$$;
COMMENT ON FUNCTION message_delete(uuid, uuid, uuid) IS 'messages_delete() of one, for programs of the release before: false: not there or not theirs.';
