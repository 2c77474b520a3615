-- Pictures and films: a task with a hold, the job that carries it, and what was asked of a provider.
--
-- Order of locks: conversation, then as in task.sql; media_submits after the task, jobs last.
--
--	intent --claim--> sent --accepted--> accepted --end--> over
--	   ^               | not delivered, refused   |
--	   +---------------+                          |
--	                   | unclear --> unknown -----+ (a callback or an operator names it, or its time is over)
--	                   | made in the answer ------+
--
-- Only intent is ever sent. Whoever claims it alone sends it; from there no way leads back to intent but the sure knowledge
-- that nothing was made.

CREATE OR REPLACE FUNCTION media_pictures(p_asked jsonb) RETURNS jsonb
	LANGUAGE sql IMMUTABLE
AS $$
	SELECT coalesce(jsonb_agg(jsonb_build_object('type', 'image', 'url', p.url)), '[]')
	FROM jsonb_array_elements_text(coalesce(p_asked->'image_urls', p_asked->'storyboard_images',
		CASE WHEN p_asked ? 'image_url' THEN jsonb_build_array(p_asked->'image_url') END, '[]')) AS p (url);
$$;
COMMENT ON FUNCTION media_pictures(jsonb) IS 'The pictures that go with what is asked, as attachments of a message.';

DROP FUNCTION IF EXISTS media_open(uuid, uuid, uuid, uuid, uuid, text, bigint, numeric, int, int, int, text, text, bytea, jsonb, text, text, jsonb, jsonb, int, uuid, uuid, text);
CREATE OR REPLACE FUNCTION media_open(
	p_task_id uuid, p_transaction_id uuid, p_job_id uuid, p_user_id uuid, p_conversation_id uuid, p_type text, p_model_id bigint,
	p_hold numeric, p_lease_s int, p_user_limit int, p_conv_limit int, p_key text, p_route text, p_hash bytea,
	p_prices jsonb, p_group text, p_op text, p_input jsonb, p_units jsonb, p_typical_s int,
	p_user_message_id uuid, p_message_id uuid, p_prompt text, p_asked jsonb)
	RETURNS TABLE (outcome text, balance numeric, required numeric, existing_task_id uuid, held numeric)
	LANGUAGE plpgsql SET search_path = public, pg_temp SET plan_cache_mode = force_generic_plan SET enable_seqscan = off
AS $$
DECLARE
	v_refusal text;
	v_sequence bigint;
	v_temporary boolean;
	v_model text := (SELECT m.name FROM llm_models m WHERE m.id = p_model_id);
	v task_opened;
BEGIN
	IF p_conversation_id IS NOT NULL THEN
		SELECT c.last_sequence, c.temporary_until IS NOT NULL INTO v_sequence, v_temporary FROM conversations c
		WHERE c.id = p_conversation_id AND c.user_id = p_user_id FOR NO KEY UPDATE;
		v_refusal := CASE WHEN NOT FOUND THEN 'not_found' WHEN v_temporary THEN 'temporary' END;
	END IF;
	v := task_open(ROW(p_task_id, p_transaction_id, p_user_id, p_type, p_conversation_id, NULL, p_model_id, p_hold, p_lease_s,
		left(p_op || ': ' || coalesce(v_model, ''), 100), p_user_limit, p_conv_limit, NULL, p_key, p_route, p_hash, v_refusal,
		CASE WHEN p_conversation_id IS NOT NULL THEN p_message_id END,
		CASE WHEN p_conversation_id IS NOT NULL THEN p_user_message_id END, NULL, NULL, NULL, p_prices, p_group)::task_ask);
	IF v.outcome = 'ok' THEN
		UPDATE tasks t SET job_id = p_job_id, asked = p_asked WHERE t.id = p_task_id;
		INSERT INTO media_submits (task_id, op, input, units, typical_s) VALUES (p_task_id, p_op, p_input, p_units, p_typical_s);
		PERFORM job_submit(p_job_id, 'media', jsonb_build_object('task_id', p_task_id), NULL, p_task_id::text, p_user_id, 0, 0);
	END IF;
	IF v.outcome = 'ok' AND p_conversation_id IS NOT NULL THEN
		UPDATE conversations c SET last_sequence = v_sequence + 2, message_count = c.message_count + 2, updated_at = now(),
			title = CASE WHEN NOT c.title_is_custom AND v_sequence = 0 THEN left(split_part(p_prompt, E'\n', 1), 40) ELSE c.title END
		WHERE c.id = p_conversation_id;
		INSERT INTO conversation_messages (id, conversation_id, user_id, parent_id, sequence, role, content, status, model, task_id, attachments)
		VALUES (p_user_message_id, p_conversation_id, p_user_id, conversation_leaf(p_conversation_id), v_sequence + 1, 'user', p_prompt,
				'success', NULL, p_task_id, media_pictures(p_asked)),
			(p_message_id, p_conversation_id, p_user_id, p_user_message_id, v_sequence + 2, 'assistant', '', 'processing', v_model, p_task_id, '[]');
	END IF;
	RETURN QUERY SELECT v.outcome, v.balance, round(p_hold, 6), v.existing_task_id, credits_held(p_user_id);
END
$$;
COMMENT ON FUNCTION media_open(uuid, uuid, uuid, uuid, uuid, text, bigint, numeric, int, int, int, text, text, bytea, jsonb, text, text, jsonb, jsonb, int, uuid, uuid, text, jsonb) IS
	'Opens a task of a picture or film: task_open(), what is to be asked, the job that does it, and in a conversation the prompt and a message for the result, or nothing. outcome besides those of task_open(): not_found (no such conversation of the user), temporary (what is made stays, and such a conversation does not). held is what the user''s live tasks hold, this one included.';

DROP FUNCTION IF EXISTS media_claim(uuid, bigint, bigint, bytea);
CREATE OR REPLACE FUNCTION media_claim(
	p_task_id uuid, p_channel_id bigint, p_key_id bigint, p_token_hash bytea, p_model text, p_answers boolean) RETURNS boolean
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
BEGIN
	PERFORM FROM tasks t WHERE t.id = p_task_id FOR NO KEY UPDATE;
	UPDATE media_submits m SET state = 'sent', channel_id = p_channel_id, channel_key_id = p_key_id, token_hash = p_token_hash,
		model = left(p_model, 200), sent_at = now()
	WHERE m.task_id = p_task_id AND m.state = 'intent';
	IF NOT FOUND THEN
		RETURN false;
	END IF;
	UPDATE tasks t SET status = 'running', started_at = coalesce(t.started_at, now())
	WHERE t.id = p_task_id AND p_answers AND t.status = 'pending';
	RETURN true;
END
$$;
COMMENT ON FUNCTION media_claim(uuid, bigint, bigint, bytea, text, boolean) IS
	'From now on this may have been sent: who is told true, and nobody else, sends it, once that is committed. p_answers: its provider answers when it is made, so that it runs from now on.';

CREATE OR REPLACE FUNCTION media_unsent(p_task_id uuid, p_refused boolean) RETURNS boolean
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
BEGIN
	UPDATE media_submits m SET state = 'intent', token_hash = NULL, sent_at = NULL,
		tried = CASE WHEN p_refused THEN m.tried || jsonb_build_array(jsonb_build_array(m.channel_id, m.channel_key_id)) ELSE m.tried END
	WHERE m.task_id = p_task_id AND m.state = 'sent' AND m.external_id IS NULL;
	RETURN FOUND;
END
$$;
COMMENT ON FUNCTION media_unsent(uuid, boolean) IS
	'It is sure that nothing was made of what was sent: it may be sent again, and if it was refused, elsewhere.';

CREATE OR REPLACE FUNCTION media_accepted(p_task_id uuid, p_external_id text) RETURNS boolean
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
BEGIN
	UPDATE tasks t SET status = 'running', started_at = coalesce(t.started_at, now())
	WHERE t.id = p_task_id AND t.status = 'pending';
	UPDATE media_submits m SET state = 'accepted', external_id = p_external_id, accepted_at = now()
	WHERE m.task_id = p_task_id AND m.state IN ('sent', 'unknown') AND m.external_id IS NULL;
	RETURN FOUND OR EXISTS (SELECT FROM media_submits m WHERE m.task_id = p_task_id AND m.external_id = p_external_id);
END
$$;
COMMENT ON FUNCTION media_accepted(uuid, text) IS 'The provider has a task of that id for it. Asked again it answers the same.';

CREATE OR REPLACE FUNCTION media_unclear(p_task_id uuid) RETURNS boolean
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
BEGIN
	UPDATE media_submits m SET state = 'unknown' WHERE m.task_id = p_task_id AND m.state = 'sent';
	RETURN FOUND;
END
$$;
COMMENT ON FUNCTION media_unclear(uuid) IS 'Nobody knows whether what was sent has arrived: it is not sent again.';

CREATE OR REPLACE FUNCTION media_called(p_task_id uuid, p_provider text, p_token_hash bytea, p_external_id text) RETURNS boolean
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
	v_job uuid;
	v_state text;
BEGIN
	SELECT t.job_id, m.state INTO v_job, v_state
	FROM media_submits m JOIN tasks t ON t.id = m.task_id JOIN channels c ON c.id = m.channel_id
	WHERE m.task_id = p_task_id AND m.token_hash = p_token_hash AND c.provider = p_provider FOR NO KEY UPDATE OF t, m;
	IF NOT FOUND THEN
		RETURN false;
	END IF;
	IF v_state IN ('sent', 'unknown') AND p_external_id IS NOT NULL AND NOT EXISTS (
		SELECT FROM media_submits o JOIN media_submits m ON m.channel_id = o.channel_id
		WHERE m.task_id = p_task_id AND o.external_id = p_external_id) THEN
		PERFORM media_accepted(p_task_id, p_external_id);
	END IF;
	IF v_state <> 'over' THEN
		PERFORM job_wake(v_job);
	END IF;
	RETURN true;
END
$$;
COMMENT ON FUNCTION media_called(uuid, text, bytea, text) IS
	'A callback came: it names the provider''s task where the answer to what was sent was lost, and wakes the job, which asks the provider; nothing else in it is believed. False: no such task, or another token.';

CREATE OR REPLACE FUNCTION media_progress(p_task_id uuid, p_progress int) RETURNS SETOF tasks
	LANGUAGE sql SET search_path = public, pg_temp
AS $$
	UPDATE tasks t SET progress = p_progress
	WHERE t.id = p_task_id AND t.status NOT IN ('completed', 'failed', 'cancelled') AND t.progress < p_progress
	RETURNING t.*;
$$;
COMMENT ON FUNCTION media_progress(uuid, int) IS 'Notes how far it has come; never back. Its row, if that changed.';

CREATE OR REPLACE FUNCTION media_end(
	p_task_id uuid, p_outcome text, p_cost numeric, p_error_code text, p_error_message text, p_files jsonb,
	p_provider_cost numeric, p_unconfirmed boolean)
	RETURNS TABLE (settled boolean, charged numeric, balance numeric, held numeric)
	LANGUAGE plpgsql SET search_path = public, pg_temp SET plan_cache_mode = force_generic_plan SET enable_seqscan = off
AS $$
DECLARE
	v_task tasks;
	v_submit media_submits;
	v_ended task_ended;
	v_files jsonb;
BEGIN
	SELECT t.* INTO v_task FROM tasks t WHERE t.id = p_task_id;
	PERFORM FROM conversations c WHERE c.id = v_task.conversation_id FOR NO KEY UPDATE;
	SELECT m.* INTO v_submit FROM media_submits m WHERE m.task_id = p_task_id;
	v_ended := (tasks_end(NULL, ARRAY[ROW(p_task_id, p_outcome, p_error_code, p_error_message, 0, 0, false,
		p_cost, v_task.model_id, v_submit.channel_id,
		least(extract(epoch FROM now() - v_task.created_at) * 1000, 2147483647)::int, NULL, NULL, 0, 0, 0, v_submit.op,
		CASE WHEN v_submit.units <> '{}' THEN jsonb_build_object('units', v_submit.units) ELSE '{}' END)::task_end]))[1];
	IF v_ended.settled THEN
		INSERT INTO uploads (id, user_id, content_type, size_bytes, is_ai_made)
		SELECT f.id, v_task.user_id, f.content_type, f.size_bytes, true
		FROM jsonb_to_recordset(coalesce(p_files, '[]')) AS f (id uuid, content_type text, size_bytes bigint);
		PERFORM preview_put(f.id, f.small_id, f.small_bytes, f.width, f.height, f.duration_ms)
		FROM jsonb_to_recordset(coalesce(p_files, '[]')) AS f (
			id uuid, small_id uuid, small_bytes bigint, width int, height int, duration_ms bigint)
		WHERE f.width IS NOT NULL;
		SELECT jsonb_agg(jsonb_build_object('id', f.id, 'url', f.url, 'content_type', f.content_type, 'size_bytes', f.size_bytes, 'is_ai_made', true)
			|| preview_json(f.content_type, f.url, nullif(f.width, 0), nullif(f.height, 0), nullif(f.duration_ms, 0), f.small_id IS NOT NULL))
		INTO v_files
		FROM jsonb_to_recordset(coalesce(p_files, '[]')) AS f (
			id uuid, url text, content_type text, size_bytes bigint, small_id uuid, width int, height int, duration_ms bigint);
		UPDATE tasks t SET result = CASE WHEN v_files IS NOT NULL THEN jsonb_build_object('prompt', v_submit.input->>'prompt', 'files', v_files) END
		WHERE t.id = p_task_id;
		UPDATE media_submits m SET state = 'over', provider_cost = p_provider_cost, is_unconfirmed = p_unconfirmed
		WHERE m.task_id = p_task_id;
		UPDATE conversation_messages m
		SET status = CASE p_outcome WHEN 'completed' THEN 'success' ELSE 'error' END, error_message = p_error_message,
			credits_cost = v_ended.charged, updated_at = now(),
			attachments = coalesce((SELECT jsonb_agg((f - '{id,content_type,size_bytes}'::text[])
					|| jsonb_build_object('type', split_part(f->>'content_type', '/', 1)))
				FROM jsonb_array_elements(v_files) AS f), '[]')
		WHERE m.id = v_task.message_id AND m.task_id = p_task_id;
		IF p_outcome IN ('completed', 'failed') THEN
			PERFORM push_note(v_task.user_id, 'notify_media', 'task ' || p_task_id,
				coalesce('/c/' || (SELECT c.id FROM conversations c WHERE c.id = v_task.conversation_id), '/media'),
				jsonb_build_object('about', v_task.type, 'outcome', p_outcome));
		END IF;
	END IF;
	RETURN QUERY SELECT v_ended.settled, v_ended.charged, v_ended.balance, v_ended.held;
END
$$;
COMMENT ON FUNCTION media_end(uuid, text, numeric, text, text, jsonb, numeric, boolean) IS
	'Ends a task of a picture or film exactly once, by tasks_end(), with its message; p_cost 0 returns what was held. p_files, [{id, url, content_type, size_bytes, and where it was looked at: width, height, duration_ms, small_id, small_bytes}], are the user''s from then on. Unsettled: it had ended already, and nothing changed; the files are nobody''s.';

CREATE OR REPLACE FUNCTION media_adopt(p_task_id uuid, p_external_id text) RETURNS text
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
	v_job uuid;
	v_submit media_submits;
BEGIN
	SELECT t.job_id INTO v_job FROM tasks t WHERE t.id = p_task_id FOR NO KEY UPDATE;
	SELECT m.* INTO v_submit FROM media_submits m WHERE m.task_id = p_task_id FOR NO KEY UPDATE;
	IF v_submit.task_id IS NULL THEN
		RETURN 'not_found';
	ELSIF v_submit.state <> 'unknown' THEN
		RETURN v_submit.state;
	ELSIF EXISTS (SELECT FROM media_submits o WHERE o.channel_id = v_submit.channel_id AND o.external_id = p_external_id) THEN
		RETURN 'taken';
	END IF;
	PERFORM media_accepted(p_task_id, p_external_id);
	PERFORM job_wake(v_job);
	RETURN 'ok';
END
$$;
COMMENT ON FUNCTION media_adopt(uuid, text) IS
	'An operator knows the provider''s id of a task that was sent and of which nobody knew whether it arrived: from now on it is asked after. ok; taken: another task has that id; not_found; or the state it is in, which is not unknown.';

CREATE OR REPLACE FUNCTION media_disown(p_task_id uuid, p_error_code text, p_error_message text)
	RETURNS TABLE (outcome text, settled boolean, charged numeric, balance numeric, held numeric)
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
	v_state text;
BEGIN
	PERFORM FROM conversations c JOIN tasks t ON t.conversation_id = c.id WHERE t.id = p_task_id FOR NO KEY UPDATE OF c;
	PERFORM FROM tasks t WHERE t.id = p_task_id FOR NO KEY UPDATE;
	SELECT m.state INTO v_state FROM media_submits m WHERE m.task_id = p_task_id FOR NO KEY UPDATE;
	IF v_state = 'unknown' THEN
		RETURN QUERY SELECT 'ok', e.* FROM media_end(p_task_id, 'failed', 0, p_error_code, p_error_message, NULL, NULL, true) e;
	ELSE
		RETURN QUERY SELECT coalesce(v_state, 'not_found'), false, NULL::numeric, NULL::numeric, NULL::numeric;
	END IF;
END
$$;
COMMENT ON FUNCTION media_disown(uuid, text, text) IS
	'An operator gives up a task of which nobody knows whether it arrived: it fails, and what was held goes back. outcome: ok; not_found; or the state it is in, which is not unknown.';

CREATE OR REPLACE FUNCTION media_refetch(p_task_id uuid) RETURNS int
	LANGUAGE sql SET search_path = public, pg_temp
AS $$
	UPDATE media_submits m SET fetches = m.fetches + 1 WHERE m.task_id = p_task_id RETURNING m.fetches;
$$;
COMMENT ON FUNCTION media_refetch(uuid) IS 'Its results could not be fetched: how often now.';

CREATE OR REPLACE FUNCTION media_live() RETURNS TABLE (task_id uuid, user_id uuid, conversation_id uuid)
	LANGUAGE sql STABLE SET search_path = public, pg_temp
AS $$
	SELECT t.id, t.user_id, t.conversation_id FROM jobs j JOIN tasks t ON t.id = (j.payload->>'task_id')::uuid
	WHERE j.kind = 'media' AND j.status IN ('waiting', 'running') AND t.completed_at IS NULL
	LIMIT 10000;
$$;
COMMENT ON FUNCTION media_live() IS 'Tasks of pictures and films that a job carries: whose slots are to be kept.';
