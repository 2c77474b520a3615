-- Back to one turn at a time: the functions as they were in 0007 and 0011.

DROP FUNCTION turn_open(uuid, uuid, uuid, uuid, uuid, uuid, text, jsonb, bigint, numeric, int, uuid, int, int, int, text, uuid, text, text, text, bytea);
DROP FUNCTION turn_settle(uuid, uuid, text, text, text, text, text, text, int, int, boolean, numeric, bigint, bigint, int, int, text);
DROP FUNCTION turns_settle(uuid, json);
DROP TYPE settlement;
DROP FUNCTION credits_end_holds(hold_end[]);
DROP TYPE hold_ended;
DROP TYPE hold_end;

DROP FUNCTION credits_hold(uuid, uuid, uuid, numeric, text, int);
DROP FUNCTION credits_take(uuid, uuid, uuid, numeric, text, int);
DROP TYPE hold_taken;

ALTER TABLE tasks
	DROP CONSTRAINT tasks_sound,
	ADD CONSTRAINT tasks_ended_has_time CHECK ((status IN ('completed', 'failed', 'cancelled')) = (completed_at IS NOT NULL)),
	ADD CONSTRAINT tasks_used_within_locked CHECK (credits_used <= credits_locked);
ALTER TABLE credit_transactions
	DROP CONSTRAINT credit_tx_sound,
	ADD CONSTRAINT credit_tx_used_within_held CHECK (used <= amount),
	ADD CONSTRAINT credit_tx_only_confirmed_uses CHECK (used = 0 OR status = 'confirmed'),
	ADD CONSTRAINT credit_tx_ended_has_time CHECK ((status = 'pending') = (settled_at IS NULL)),
	ADD CONSTRAINT credit_tx_confirmed_has_time CHECK ((status = 'confirmed') = (confirmed_at IS NOT NULL));
DROP FUNCTION task_is_sound(varchar, timestamptz, numeric, numeric);
DROP FUNCTION hold_is_sound(varchar, numeric, numeric, timestamptz, timestamptz);

CREATE FUNCTION credits_hold(p_task_id uuid, p_transaction_id uuid, p_user_id uuid, p_amount numeric, p_reason text, p_lease_s int)
	RETURNS TABLE (outcome text, balance numeric)
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
	v_amount numeric := round(p_amount, 6);
	v_inserted boolean;
BEGIN
	IF v_amount IS NULL OR v_amount <= 0 OR v_amount IN ('NaN', 'Infinity') THEN
		RAISE EXCEPTION 'credits_hold: bad amount %', p_amount USING ERRCODE = 'invalid_parameter_value';
	END IF;
	WITH debit AS (
		UPDATE users u SET credits = u.credits - v_amount, updated_at = now()
		WHERE u.id = p_user_id AND u.credits >= v_amount
			AND NOT EXISTS (SELECT FROM credit_transactions t WHERE t.task_id = p_task_id)
		RETURNING u.credits
	), tx AS (
		INSERT INTO credit_transactions AS t (id, task_id, user_id, amount, reason, expires_at)
		SELECT p_transaction_id, p_task_id, p_user_id, v_amount, left(p_reason, 100), now() + make_interval(secs => p_lease_s)
		FROM debit
		ON CONFLICT (task_id) DO NOTHING
		RETURNING t.id
	), history AS (
		INSERT INTO credits_history (user_id, change_type, change_amount, balance_after, description, task_id)
		SELECT p_user_id, 'hold', -v_amount, d.credits, coalesce(p_reason, ''), p_task_id FROM debit d, tx
	)
	SELECT d.credits, EXISTS (SELECT FROM tx) INTO balance, v_inserted FROM debit d;
	IF v_inserted THEN
		outcome := 'ok';
	ELSIF balance IS NOT NULL THEN
		-- a rival made the same hold just now: give back the debit nobody saw
		UPDATE users u SET credits = u.credits + v_amount WHERE u.id = p_user_id RETURNING u.credits INTO balance;
		outcome := 'duplicate';
	ELSE
		SELECT u.credits INTO balance FROM users u WHERE u.id = p_user_id;
		outcome := CASE
			WHEN balance IS NULL THEN 'no_user'
			WHEN EXISTS (SELECT FROM credit_transactions t WHERE t.task_id = p_task_id) THEN 'duplicate'
			ELSE 'insufficient' END;
	END IF;
	RETURN NEXT;
END
$$;
COMMENT ON FUNCTION credits_hold(uuid, uuid, uuid, numeric, text, int) IS
	'Sets credits aside for a task: debits the balance, inserts the hold and its history row, or does nothing. outcome: ok, insufficient, no_user, duplicate (the task has a hold already, in whatever state). The lease is in seconds.';

CREATE FUNCTION turn_open(
	p_task_id uuid, p_transaction_id uuid, p_user_id uuid, p_conversation_id uuid,
	p_user_message_id uuid, p_assistant_message_id uuid, p_content text, p_attachments jsonb,
	p_model_id bigint, p_hold numeric, p_lease_s int, p_owner uuid,
	p_user_limit int, p_conv_limit int, p_agent_conv_limit int,
	p_mode text, p_target_message_id uuid, p_title text,
	p_idem_key text, p_idem_route text, p_idem_hash bytea)
	RETURNS TABLE (outcome text, balance numeric, required numeric, user_message jsonb, assistant_message jsonb,
		existing_task_id uuid, title text)
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
	v_hold_amount numeric := round(p_hold, 6);
	v_claimed boolean := false;
	v_ctx record;
	v_key record;
	v_live record;
	v_target conversation_messages;
	v_question conversation_messages;
	v_hold record;
	v_new_messages int := CASE p_mode WHEN 'send' THEN 2 WHEN 'regenerate_new' THEN 1 ELSE 0 END;
	v_message_id uuid := CASE p_mode WHEN 'regenerate_in_place' THEN p_target_message_id ELSE p_assistant_message_id END;
	v_refused boolean := false;
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
			FROM tasks t WHERE t.user_id = p_user_id AND t.status IN ('pending', 'running');
			outcome := CASE
				WHEN v_live.for_user >= p_user_limit THEN 'user_queue_full'
				WHEN v_live.in_conversation >= p_conv_limit THEN 'conversation_queue_full'
				WHEN v_live.busy THEN 'conversation_busy'
				WHEN v_live.agent_conversations >= p_agent_conv_limit THEN 'conversation_limit' END;
			EXIT attempt WHEN outcome IS NOT NULL;
		END IF;

		IF v_hold_amount > 0 THEN
			SELECT * INTO v_hold FROM credits_hold(p_task_id, p_transaction_id, p_user_id, v_hold_amount,
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
		INSERT INTO tasks (id, user_id, conversation_id, type, status, credits_locked, owner, model_id, message_id,
			user_message_id, agent_run, prev_message, idempotency_key, started_at)
		SELECT p_task_id, p_user_id, p_conversation_id, 'chat', 'running', v_hold_amount, p_owner, p_model_id, v_message_id,
			CASE p_mode WHEN 'send' THEN p_user_message_id ELSE v_question.id END,
			p_agent_conv_limit IS NOT NULL,
			CASE p_mode WHEN 'regenerate_in_place' THEN jsonb_build_object(
				'status', v_target.status, 'content', v_target.content, 'reasoning', v_target.reasoning,
				'error_message', v_target.error_message, 'model', v_target.model,
				'input_tokens', v_target.input_tokens, 'output_tokens', v_target.output_tokens,
				'credits_cost', v_target.credits_cost, 'task_id', v_target.task_id) END,
			p_idem_key, now()
		WHERE NOT v_refused;

		IF NOT v_ctx.title_is_custom AND v_ctx.last_sequence = 0 AND p_title IS NOT NULL THEN
			title := left(p_title, 500);
		END IF;
		UPDATE conversations c
		SET last_sequence = v_ctx.last_sequence + v_new_messages,
			message_count = c.message_count + v_new_messages,
			title = turn_open.title, updated_at = now()
		WHERE c.id = p_conversation_id;

		IF p_mode = 'send' THEN
			WITH pair AS (
				INSERT INTO conversation_messages AS m (id, conversation_id, user_id, sequence, role, content, status, model, attachments, task_id)
				VALUES (p_user_message_id, p_conversation_id, p_user_id, v_ctx.last_sequence + 1, 'user',
						p_content, 'success', NULL, coalesce(p_attachments, '[]'),
						CASE WHEN NOT v_refused THEN p_task_id END),
					(v_message_id, p_conversation_id, p_user_id, v_ctx.last_sequence + 2, 'assistant',
						'', CASE WHEN v_refused THEN 'insufficient_balance' ELSE 'processing' END, v_ctx.model, '[]',
						CASE WHEN NOT v_refused THEN p_task_id END)
				RETURNING m.role, message_json(m) AS json
			)
			SELECT u.json, a.json INTO user_message, assistant_message
			FROM pair u, pair a WHERE u.role = 'user' AND a.role = 'assistant';
		ELSIF p_mode = 'regenerate_new' THEN
			user_message := message_json(v_question);
			INSERT INTO conversation_messages AS m (id, conversation_id, user_id, sequence, role, status, model, task_id)
			VALUES (v_message_id, p_conversation_id, p_user_id, v_ctx.last_sequence + 1, 'assistant',
				'processing', v_ctx.model, p_task_id)
			RETURNING message_json(m) INTO assistant_message;
		ELSE
			user_message := message_json(v_question);
			UPDATE conversation_messages m
			SET status = 'processing', content = '', reasoning = NULL, error_message = NULL, model = v_ctx.model,
				input_tokens = 0, output_tokens = 0, credits_cost = 0, task_id = p_task_id, updated_at = now()
			WHERE m.id = v_message_id
			RETURNING message_json(m) INTO assistant_message;
		END IF;
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
	'Opens a chat turn: messages, task, hold, idempotency key, all or nothing. p_mode: send makes a user and an assistant message with adjacent sequences; regenerate_new makes another answer to the question before the target; regenerate_in_place refills the failed target. p_hold 0: free. The limits are NULL when Redis holds the slots, else live tasks are counted here, exactly; p_agent_conv_limit marks an agent run, of which a conversation has one at a time. outcome: ok, insufficient, not_found, user_queue_full, conversation_queue_full, conversation_busy, conversation_limit, idempotent_replay (existing_task_id), idempotency_mismatch, invalid_target, user_disabled; nothing is changed unless ok, but that a question refused for want of credits (send, insufficient) is kept with an answer of status insufficient_balance, without task or key. balance is after the hold.';

CREATE FUNCTION turn_settle(
	p_task_id uuid, p_owner uuid, p_outcome text, p_message_status text, p_content text, p_reasoning text,
	p_error_code text, p_error_message text, p_input_tokens int, p_output_tokens int, p_estimated boolean,
	p_cost numeric, p_model_id bigint, p_channel_id bigint, p_latency_ms int, p_first_token_ms int, p_request_id text)
	RETURNS TABLE (settled boolean, charged numeric, balance numeric, message jsonb, task_status text)
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
	v_cost numeric := round(coalesce(p_cost, 0), 6);
	v_task tasks;
	v_end record;
BEGIN
	IF p_outcome NOT IN ('completed', 'failed', 'cancelled') OR p_outcome IS NULL THEN
		RAISE EXCEPTION 'turn_settle: bad outcome %', p_outcome USING ERRCODE = 'invalid_parameter_value';
	END IF;
	IF v_cost < 0 OR v_cost IN ('NaN', 'Infinity') THEN
		RAISE EXCEPTION 'turn_settle: bad cost %', p_cost USING ERRCODE = 'invalid_parameter_value';
	END IF;

	UPDATE tasks t
	SET status = p_outcome, completed_at = now(),
		progress = CASE p_outcome WHEN 'completed' THEN 100 ELSE t.progress END,
		-- of a hold that was ended by other means already, only what it kept then
		credits_used = coalesce((
			SELECT CASE c.status WHEN 'pending' THEN least(v_cost, c.amount) ELSE c.used END
			FROM credit_transactions c WHERE c.task_id = t.id), 0),
		model_id = coalesce(p_model_id, t.model_id),
		error_code = p_error_code, error_message = p_error_message
	WHERE t.id = p_task_id AND t.status NOT IN ('completed', 'failed', 'cancelled') -- never by an index on status
		AND CASE WHEN p_owner IS NULL THEN NOT process_is_alive(t.owner) ELSE t.owner = p_owner END
	RETURNING * INTO v_task;
	settled := FOUND;
	IF NOT settled THEN
		SELECT t.credits_used, u.credits, t.status, message_json(m)
		INTO charged, balance, task_status, message
		FROM tasks t JOIN users u ON u.id = t.user_id
			LEFT JOIN conversation_messages m ON m.id = t.message_id
		WHERE t.id = p_task_id;
		IF message->>'id' IS NULL THEN
			message := NULL;	-- message_json of no row
		END IF;
		RETURN NEXT;
		RETURN;
	END IF;
	task_status := p_outcome;
	charged := v_task.credits_used;

	IF p_message_status = 'success' AND coalesce(p_input_tokens, 0) + coalesce(p_output_tokens, 0) > 0 THEN
		UPDATE conversations c
		SET total_tokens = c.total_tokens + coalesce(p_input_tokens, 0) + coalesce(p_output_tokens, 0)
		WHERE c.id = v_task.conversation_id;
	END IF;

	IF v_task.prev_message IS NOT NULL AND message_is_error(p_message_status) THEN
		SELECT message_json(m) INTO message FROM message_restore(v_task.message_id, p_task_id, v_task.prev_message) AS m;
	ELSE
		UPDATE conversation_messages m
		SET status = p_message_status, content = coalesce(p_content, ''), reasoning = p_reasoning,
			error_message = p_error_message,
			model = coalesce((SELECT l.name FROM llm_models l WHERE l.id = v_task.model_id), m.model),
			input_tokens = coalesce(p_input_tokens, 0), output_tokens = coalesce(p_output_tokens, 0),
			credits_cost = turn_settle.charged, updated_at = now()
		WHERE m.id = v_task.message_id AND m.task_id = p_task_id
		RETURNING message_json(m) INTO message;
	END IF;

	INSERT INTO usage (request_id, task_id, user_id, channel_id, channel, provider, model_id, model,
		request_tokens, response_tokens, estimated, cost, overrun, latency_ms, first_token_ms, status, error_code)
	SELECT p_request_id, p_task_id, v_task.user_id, p_channel_id, c.name, c.provider, v_task.model_id, l.name,
		coalesce(p_input_tokens, 0), coalesce(p_output_tokens, 0), coalesce(p_estimated, false),
		charged, greatest(v_cost - charged, 0), p_latency_ms, p_first_token_ms, p_outcome, p_error_code
	FROM (VALUES (1)) AS one
		LEFT JOIN channels c ON c.id = p_channel_id
		LEFT JOIN llm_models l ON l.id = v_task.model_id;

	IF v_task.credits_locked > 0 THEN
		SELECT * INTO v_end FROM credits_end_hold(p_task_id,
			CASE WHEN v_cost > 0 THEN 'confirmed' ELSE 'refunded' END, v_cost,
			CASE v_task.type
				WHEN 'image' THEN 'image_generation_cost'
				WHEN 'video' THEN 'video_generation_cost'
				ELSE 'chat_cost' END::credits_change_type,
			CASE WHEN v_cost > 0 THEN NULL ELSE coalesce(p_error_code, p_outcome) END);
		IF v_end.charged <> charged THEN
			-- its hold was ended by other means at this very moment: the next attempt will see it
			RAISE EXCEPTION 'turn_settle: the hold of task % ended elsewhere', p_task_id USING ERRCODE = 'serialization_failure';
		END IF;
		balance := v_end.balance;
	ELSE
		SELECT u.credits INTO balance FROM users u WHERE u.id = v_task.user_id;
	END IF;
	RETURN NEXT;
END
$$;
COMMENT ON FUNCTION turn_settle(uuid, uuid, text, text, text, text, text, text, int, int, boolean, numeric, bigint, bigint, int, int, text) IS
	'Ends a task exactly once: task, message, hold, usage and conversation statistics together. Only the owner may, or anybody (p_owner NULL) once the owner is dead. charged = min(cost, held), the excess goes on record as usage.overrun; cost 0 refunds. A failed regeneration in place restores the message. A conversation or message deleted meanwhile does not matter. When the task has ended already, or is somebody else''s: settled = false with the stored state, and nothing changes; an unknown task has task_status NULL.';
