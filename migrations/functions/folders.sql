-- Conversations in order: folders, what is done with many at once, temporary ones, and titles that a model makes.
--
-- Order of locks: folder, conversation, then as in task.sql, the user among the last. A turn locks no folder.

CREATE OR REPLACE FUNCTION folder_create(p_id uuid, p_user_id uuid, p_name text, p_most int) RETURNS text
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
BEGIN
	-- one after the other, so that two at once cannot both be the last
	PERFORM FROM users u WHERE u.id = p_user_id FOR NO KEY UPDATE;
	IF (SELECT count(*) FROM conversation_folders f WHERE f.user_id = p_user_id) >= p_most THEN
		RETURN 'too_many';
	END IF;
	INSERT INTO conversation_folders (id, user_id, name, position)
	SELECT p_id, p_user_id, btrim(p_name), coalesce(max(f.position) + 1, 0) FROM conversation_folders f WHERE f.user_id = p_user_id;
	RETURN 'ok';
END
$$;
COMMENT ON FUNCTION folder_create(uuid, uuid, text, int) IS
	'Adds a folder behind the others of a user. ok, or too_many: there are p_most.';

CREATE OR REPLACE FUNCTION folder_change(p_user_id uuid, p_id uuid, p_name text, p_position int) RETURNS boolean
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
BEGIN
	PERFORM FROM conversation_folders f WHERE f.user_id = p_user_id ORDER BY f.id FOR NO KEY UPDATE;
	UPDATE conversation_folders f SET name = coalesce(btrim(p_name), f.name) WHERE f.id = p_id AND f.user_id = p_user_id;
	IF NOT FOUND THEN
		RETURN false;
	END IF;
	IF p_position IS NOT NULL THEN
		-- the others in their order, and it before the one that is to follow it
		UPDATE conversation_folders f SET position = n.position
		FROM (SELECT o.id, row_number() OVER (ORDER BY o.place, o.id = p_id DESC) - 1 AS position
			FROM (SELECT s.id, CASE WHEN s.id = p_id THEN p_position
					ELSE row_number() OVER (PARTITION BY s.id = p_id ORDER BY s.position, s.id) - 1 END AS place
				FROM conversation_folders s WHERE s.user_id = p_user_id) AS o) AS n
		WHERE f.id = n.id AND f.position <> n.position;
	END IF;
	RETURN true;
END
$$;
COMMENT ON FUNCTION folder_change(uuid, uuid, text, int) IS
	'Renames a folder (p_name NULL: not) and moves it to a place, the first being 0 (p_position NULL: not). False: not there or not theirs.';

CREATE OR REPLACE FUNCTION conversations_arrange(
	p_user_id uuid, p_ids uuid[], p_action text, p_folder_id uuid, p_most_pinned int)
	RETURNS TABLE (outcome text, live_tasks uuid[])
	LANGUAGE plpgsql SET search_path = public, pg_temp SET enable_seqscan = off
AS $$
DECLARE
	v_ids uuid[] := ARRAY(SELECT DISTINCT i FROM unnest(p_ids) AS i ORDER BY i);
	v_deleted boolean;
BEGIN
	IF p_action NOT IN ('pin', 'unpin', 'archive', 'unarchive', 'move', 'keep', 'delete') OR p_action IS NULL THEN
		RAISE EXCEPTION 'conversations_arrange: bad action %', p_action USING ERRCODE = 'invalid_parameter_value';
	END IF;
	outcome := 'ok';
	live_tasks := '{}';
	IF p_action = 'delete' THEN
		SELECT d.deleted, d.live_tasks INTO v_deleted, live_tasks FROM conversations_delete(p_user_id, v_ids) AS d;
		outcome := CASE WHEN v_deleted THEN 'ok' ELSE 'not_found' END;
		RETURN NEXT;
		RETURN;
	END IF;
	IF p_action = 'move' AND p_folder_id IS NOT NULL THEN
		PERFORM FROM conversation_folders f WHERE f.id = p_folder_id AND f.user_id = p_user_id FOR KEY SHARE;
		IF NOT FOUND THEN
			outcome := 'no_folder';
			RETURN NEXT;
			RETURN;
		END IF;
	END IF;

	PERFORM FROM conversations c WHERE c.id = ANY (v_ids) AND c.user_id = p_user_id ORDER BY c.id FOR NO KEY UPDATE;
	IF p_action = 'pin' THEN -- so that two at once cannot both be the last
		PERFORM FROM users u WHERE u.id = p_user_id FOR NO KEY UPDATE;
	END IF;
	outcome := CASE
		WHEN (SELECT count(*) FROM conversations c WHERE c.id = ANY (v_ids) AND c.user_id = p_user_id) < cardinality(v_ids) THEN 'not_found'
		WHEN p_action <> 'keep' AND EXISTS (SELECT FROM conversations c
			WHERE c.id = ANY (v_ids) AND c.temporary_until IS NOT NULL) THEN 'temporary'
		WHEN p_action = 'pin' AND p_most_pinned < (SELECT count(*) FROM conversations c
			WHERE c.user_id = p_user_id AND (c.pinned_at IS NOT NULL OR c.id = ANY (v_ids))) THEN 'too_many'
		ELSE 'ok' END;
	IF outcome = 'ok' THEN
		-- not what happened last in them: they stay where they are in the list
		UPDATE conversations c SET
			pinned_at = CASE p_action WHEN 'pin' THEN coalesce(c.pinned_at, now()) WHEN 'unpin' THEN NULL ELSE c.pinned_at END,
			archived_at = CASE p_action WHEN 'archive' THEN coalesce(c.archived_at, now()) WHEN 'unarchive' THEN NULL ELSE c.archived_at END,
			folder_id = CASE p_action WHEN 'move' THEN p_folder_id ELSE c.folder_id END,
			temporary_until = CASE p_action WHEN 'keep' THEN NULL ELSE c.temporary_until END
		WHERE c.id = ANY (v_ids);
		-- what is kept is found from now on
		INSERT INTO message_news (message_id)
		SELECT m.id FROM conversation_messages m WHERE p_action = 'keep' AND m.conversation_id = ANY (v_ids) AND m.content <> '';
	END IF;
	RETURN NEXT;
END
$$;
COMMENT ON FUNCTION conversations_arrange(uuid, uuid[], text, uuid, int) IS
	'Does one thing with several conversations of a user, all or none: pin, unpin, archive, unarchive, move (p_folder_id NULL: into none), keep (what was temporary), delete (as conversations_delete(), whose live_tasks the caller aborts). outcome: ok, not_found (one of them is not there or not theirs), no_folder, temporary (one of them is: it can be kept or deleted), too_many (p_most_pinned are pinned).';

CREATE OR REPLACE FUNCTION conversations_expire(p_most int) RETURNS TABLE (id uuid, user_id uuid)
	LANGUAGE plpgsql SET search_path = public, pg_temp SET enable_seqscan = off
AS $$
DECLARE
	v record;
BEGIN
	FOR v IN
		SELECT c.id, c.user_id FROM conversations c
		WHERE c.temporary_until <= now()
			AND NOT EXISTS (SELECT FROM tasks t WHERE t.conversation_id = c.id AND t.completed_at IS NULL)
		ORDER BY c.temporary_until LIMIT p_most FOR UPDATE SKIP LOCKED
	LOOP
		PERFORM FROM conversations_delete(v.user_id, ARRAY[v.id]);
		id := v.id;
		user_id := v.user_id;
		RETURN NEXT;
	END LOOP;
END
$$;
COMMENT ON FUNCTION conversations_expire(int) IS
	'Deletes temporary conversations whose time is over, p_most at once, those with a live task later. Their tasks, usage and history of credits stay.';

CREATE OR REPLACE FUNCTION conversations_untitled(p_most int) RETURNS TABLE (id uuid)
	LANGUAGE sql STABLE SET search_path = public, pg_temp
AS $$
	SELECT c.id FROM conversations c
	WHERE c.title_wanted AND c.updated_at > now() - interval '1 day'
		AND EXISTS (SELECT FROM conversation_messages m WHERE m.conversation_id = c.id AND m.role = 'assistant' AND m.status = 'success')
	ORDER BY c.updated_at DESC LIMIT p_most
$$;
COMMENT ON FUNCTION conversations_untitled(int) IS 'Conversations that were answered and whose title a model is to make: title_submit() each.';

CREATE OR REPLACE FUNCTION title_submit(p_job_id uuid, p_conversation_id uuid) RETURNS boolean
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
	v_user_id uuid;
BEGIN
	UPDATE conversations c SET title_wanted = false WHERE c.id = p_conversation_id AND c.title_wanted RETURNING c.user_id INTO v_user_id;
	IF NOT FOUND THEN
		RETURN false;
	END IF;
	PERFORM job_submit(p_job_id, 'title', jsonb_build_object('conversation_id', p_conversation_id), NULL,
		p_conversation_id::text, v_user_id, 0, 0);
	RETURN true;
END
$$;
COMMENT ON FUNCTION title_submit(uuid, uuid) IS 'Queues the job that makes the title of a conversation, once. False: it was queued before.';

CREATE OR REPLACE FUNCTION title_asked(p_conversation_id uuid, p_question_chars int, p_answer_chars int)
	RETURNS TABLE (user_id uuid, user_group text, question text, answer text)
	LANGUAGE sql STABLE SET search_path = public, pg_temp
AS $$
	SELECT c.user_id, u.user_group::text, left(q.content, p_question_chars), left(a.content, p_answer_chars)
	FROM conversations c
		JOIN users u ON u.id = c.user_id AND u.status = 'active'
		JOIN LATERAL (SELECT m.id, m.content, m.parent_id FROM conversation_messages m
			WHERE m.conversation_id = c.id AND m.role = 'assistant' AND m.status = 'success'
			ORDER BY m.active DESC, m.sequence LIMIT 1) AS a ON true
		JOIN conversation_messages q ON q.id = a.parent_id
	WHERE c.id = p_conversation_id AND NOT c.title_is_custom AND c.temporary_until IS NULL
$$;
COMMENT ON FUNCTION title_asked(uuid, int, int) IS
	'What a title is made of: the first question with its answer, as much of them as asked for. No row: there is nothing to be done, its owner has given it one, or it is temporary.';

CREATE OR REPLACE FUNCTION title_made(p_conversation_id uuid, p_user_id uuid, p_title text, p_usage jsonb) RETURNS boolean
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
	v_changed boolean;
BEGIN
	UPDATE conversations c SET title = p_title
	WHERE c.id = p_conversation_id AND c.user_id = p_user_id AND NOT c.title_is_custom AND p_title IS NOT NULL;
	v_changed := FOUND;
	INSERT INTO usage (request_id, user_id, channel_id, channel, provider, model_id, model, request_tokens, response_tokens,
		estimated, cost, latency_ms, status, error_code, op, metadata)
	SELECT p_usage->>'request_id', p_user_id, c.id, c.name, c.provider, m.id, m.name, coalesce((p_usage->>'input_tokens')::int, 0),
		coalesce((p_usage->>'output_tokens')::int, 0), coalesce((p_usage->>'estimated')::boolean, false), 0,
		(p_usage->>'latency_ms')::int, CASE WHEN p_usage->>'error_code' IS NULL THEN 'completed' ELSE 'failed' END,
		p_usage->>'error_code', 'title', coalesce(p_usage->'details', '{}')
	FROM (SELECT) AS one
		LEFT JOIN channels c ON c.id = (p_usage->>'channel_id')::bigint
		LEFT JOIN llm_models m ON m.id = (p_usage->>'model_id')::bigint;
	RETURN v_changed;
END
$$;
COMMENT ON FUNCTION title_made(uuid, uuid, text, jsonb) IS
	'A model was asked for a title: keeps it (p_title NULL: none came) unless the user has given one, and notes the call in usage as op "title" with a cost of 0: the operator bears it, and usage.metadata.borne says how much. True: the title has changed.';
