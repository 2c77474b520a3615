-- Conversations that leave by a link or a file, and that come from one.

CREATE OR REPLACE FUNCTION conversation_text(p_conversation_id uuid, p_user_id uuid) RETURNS jsonb
	LANGUAGE sql STABLE SET search_path = public, pg_temp
AS $$
	SELECT coalesce(jsonb_agg(jsonb_build_object('role', m.role, 'content', m.content, 'model', m.model,
		'created_at', json_time(m.created_at), 'attachments', m.attachments) ORDER BY m.sequence), '[]')
	FROM conversation_messages m
	WHERE m.conversation_id = p_conversation_id AND m.user_id = p_user_id AND m.role IN ('user', 'assistant')
		AND m.status = 'success' AND m.active AND NOT (m.content = '' AND m.has_calls IS TRUE)
$$;
COMMENT ON FUNCTION conversation_text(uuid, uuid) IS
	'What was said in a conversation as it is shown, in order: questions and finished answers but for those that only call tools, without what they cost or how often they were tried.';

CREATE OR REPLACE FUNCTION conversation_share(
	p_id uuid, p_token text, p_user_id uuid, p_conversation_id uuid, p_upload_prefix text, p_most int, p_most_bytes int)
	RETURNS TABLE (outcome text, share conversation_shares)
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
	v_title text;
	v_messages jsonb;
	v_temporary boolean;
BEGIN
	-- one after the other, so that two at once cannot both be the last
	PERFORM FROM users u WHERE u.id = p_user_id FOR NO KEY UPDATE;
	SELECT c.title, conversation_text(c.id, c.user_id), c.temporary_until IS NOT NULL INTO v_title, v_messages, v_temporary
	FROM conversations c WHERE c.id = p_conversation_id AND c.user_id = p_user_id FOR KEY SHARE;
	outcome := CASE
		WHEN NOT FOUND THEN 'not_found'
		WHEN v_temporary THEN 'temporary'
		WHEN v_messages = '[]' THEN 'empty'
		WHEN octet_length(v_messages::text) > p_most_bytes THEN 'too_large'
		WHEN (SELECT count(*) FROM conversation_shares s WHERE s.user_id = p_user_id) >= p_most THEN 'too_many'
		ELSE 'ok' END;
	IF outcome = 'ok' THEN
		INSERT INTO conversation_shares (id, token, user_id, conversation_id, title, messages, uploads)
		VALUES (p_id, p_token, p_user_id, p_conversation_id, v_title, v_messages, ARRAY(
			SELECT DISTINCT u.id FROM jsonb_array_elements(v_messages) m, jsonb_array_elements(m->'attachments') a
			JOIN uploads u ON u.user_id = p_user_id AND a->>'url' = p_upload_prefix || u.id::text))
		RETURNING * INTO share;
	END IF;
	RETURN NEXT;
END
$$;
COMMENT ON FUNCTION conversation_share(uuid, text, uuid, uuid, text, int, int) IS
	'Keeps a conversation as it is now for whoever has the link. p_upload_prefix: what stands before an upload''s id in its address. Outcomes: ok with the row, not_found, temporary (those are never shared), empty (nothing was answered), too_large (over p_most_bytes), too_many (the user has p_most).';

CREATE OR REPLACE FUNCTION conversation_import(p_id uuid, p_user_id uuid, p_title text, p_messages jsonb, p_at timestamptz)
	RETURNS void
	LANGUAGE sql SET search_path = public, pg_temp
AS $$
	WITH c AS (
		INSERT INTO conversations (id, user_id, title, title_is_custom, last_sequence, message_count, created_at, updated_at)
		SELECT p_id, p_user_id, p_title, p_title <> '', jsonb_array_length(p_messages), jsonb_array_length(p_messages), p_at, p_at
	)
	INSERT INTO conversation_messages (id, conversation_id, user_id, parent_id, sequence, role, content, status, model, created_at, updated_at)
	SELECT (m->>'id')::uuid, p_id, p_user_id, (lag(m->>'id') OVER (ORDER BY n))::uuid, n, m->>'role', m->>'content', 'success', m->>'model', t.at, t.at
	FROM jsonb_array_elements(p_messages) WITH ORDINALITY AS e(m, n),
		LATERAL (SELECT least(coalesce((m->>'created_at')::timestamptz, p_at), now()) AS at) AS t
$$;
COMMENT ON FUNCTION conversation_import(uuid, uuid, text, jsonb, timestamptz) IS
	'Adds a conversation that was held elsewhere: p_messages is [{id, role, content, model?, created_at?}], checked, in order. It costs nothing and moves nothing.';
