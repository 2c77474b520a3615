-- Assistants that users make and share, and the prompts they keep.

CREATE OR REPLACE FUNCTION assistant_may_use(p_id uuid, p_user_id uuid) RETURNS boolean
	LANGUAGE sql STABLE SET search_path = public, pg_temp
AS $$
	SELECT EXISTS (SELECT FROM assistants a WHERE a.id = p_id AND (a.user_id = p_user_id
		OR NOT a.is_barred
			AND (a.share = 'house' OR a.share = 'link' AND EXISTS (
				SELECT FROM assistant_keeps k WHERE k.assistant_id = a.id AND k.user_id = p_user_id))
			AND EXISTS (SELECT FROM users u WHERE u.id = a.user_id AND u.status = 'active')))
$$;
COMMENT ON FUNCTION assistant_may_use(uuid, uuid) IS
	'May this user talk to it? Its owner; of a shared one, while no admin has taken it back and its owner''s account is active, everybody or who has taken it by its link.';

DROP FUNCTION IF EXISTS assistant_put(uuid, uuid, boolean, jsonb, bigint, uuid[], text, int);
CREATE OR REPLACE FUNCTION assistant_put(p_id uuid, p_user_id uuid, p_new boolean, p_in jsonb, p_model_id bigint, p_knowledge_ids uuid[],
	p_token text, p_most int, p_tool_servers uuid[] DEFAULT NULL) RETURNS text
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
	v_openers text[] := ARRAY(SELECT btrim(o.text) FROM jsonb_array_elements_text(CASE jsonb_typeof(p_in->'openers')
		WHEN 'array' THEN p_in->'openers' ELSE '[]' END) WITH ORDINALITY AS o (text, n) WHERE btrim(o.text) <> '' ORDER BY o.n);
	v_picture uuid := (p_in->>'picture_id')::uuid;
	v_share text;
BEGIN
	-- one after the other, so that two at once cannot both be the last
	PERFORM FROM users u WHERE u.id = p_user_id FOR NO KEY UPDATE;
	IF v_picture IS NOT NULL THEN
		PERFORM FROM uploads u WHERE u.id = v_picture AND u.user_id = p_user_id AND u.content_type LIKE 'image/%';
		IF NOT FOUND THEN
			RETURN 'no_picture';
		END IF;
	END IF;
	IF p_new THEN
		IF (SELECT count(*) FROM assistants a WHERE a.user_id = p_user_id) >= p_most THEN
			RETURN 'too_many';
		END IF;
		INSERT INTO assistants (id, user_id, name) VALUES (p_id, p_user_id, '');
	END IF;
	UPDATE assistants a SET name = coalesce(btrim(p_in->>'name'), a.name), description = coalesce(p_in->>'description', a.description),
		avatar = coalesce(btrim(p_in->>'avatar'), a.avatar),
		picture_id = CASE WHEN p_in ? 'picture_id' THEN v_picture ELSE a.picture_id END,
		prompt = coalesce(p_in->>'prompt', a.prompt),
		model_id = CASE WHEN p_in ? 'model' THEN p_model_id ELSE a.model_id END,
		temperature = CASE WHEN p_in ? 'temperature' THEN (p_in->>'temperature')::real ELSE a.temperature END,
		top_p = CASE WHEN p_in ? 'top_p' THEN (p_in->>'top_p')::real ELSE a.top_p END,
		max_tokens = CASE WHEN p_in ? 'max_tokens' THEN (p_in->>'max_tokens')::int ELSE a.max_tokens END,
		context_messages = CASE WHEN p_in ? 'context_messages' THEN (p_in->>'context_messages')::int ELSE a.context_messages END,
		openers = CASE WHEN jsonb_typeof(p_in->'openers') = 'array' THEN v_openers ELSE a.openers END,
		knowledge_ids = coalesce(p_knowledge_ids, a.knowledge_ids),
		knowledge_mode = coalesce(p_in->>'knowledge_mode', a.knowledge_mode),
		knowledge_rewrite = coalesce((p_in->>'knowledge_rewrite')::boolean, a.knowledge_rewrite),
		tool_servers = nullif(coalesce(p_tool_servers, a.tool_servers), '{}'),
		share = coalesce(p_in->>'share', a.share),
		token = CASE WHEN coalesce(p_in->>'share', a.share) <> 'private' THEN coalesce(a.token, p_token) END,
		updated_at = now()
	WHERE a.id = p_id AND a.user_id = p_user_id
	RETURNING a.share INTO v_share;
	IF NOT FOUND THEN
		RETURN 'not_found';
	END IF;
	IF v_share = 'private' THEN
		DELETE FROM assistant_keeps k WHERE k.assistant_id = p_id;
	END IF;
	RETURN 'ok';
END
$$;
COMMENT ON FUNCTION assistant_put(uuid, uuid, boolean, jsonb, bigint, uuid[], text, int, uuid[]) IS
	'Makes a user''s assistant, or changes of it what p_in (checked) has. p_knowledge_ids, p_tool_servers NULL: as they are. p_token: the end of its link, if it has none and needs one. Made private it loses its link and all who took it. Outcomes: ok, not_found (also another user''s), no_picture (picture_id is no picture of theirs), too_many (the user has p_most).';

CREATE OR REPLACE FUNCTION assistant_by_token(p_token text) RETURNS uuid
	LANGUAGE sql STABLE SET search_path = public, pg_temp
AS $$
	SELECT a.id FROM assistants a JOIN users u ON u.id = a.user_id AND u.status = 'active'
	WHERE a.token = p_token AND a.share <> 'private' AND NOT a.is_barred
$$;
COMMENT ON FUNCTION assistant_by_token(text) IS 'The assistant that a link leads to; NULL: nowhere, or not any more.';

CREATE OR REPLACE FUNCTION assistant_keep(p_token text, p_user_id uuid, p_most int) RETURNS TABLE (outcome text, kept uuid)
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
	v_owner uuid;
BEGIN
	PERFORM FROM users u WHERE u.id = p_user_id FOR NO KEY UPDATE;
	-- it waits for who makes it private, and is seen by who does so later
	SELECT a.id, a.user_id INTO kept, v_owner FROM assistants a
	WHERE a.id = assistant_by_token(p_token) AND a.token = p_token AND NOT a.is_barred FOR SHARE;
	outcome := CASE
		WHEN kept IS NULL THEN 'not_found'
		WHEN v_owner = p_user_id
			OR EXISTS (SELECT FROM assistant_keeps k WHERE k.user_id = p_user_id AND k.assistant_id = kept) THEN 'ok'
		WHEN (SELECT count(*) FROM assistant_keeps k WHERE k.user_id = p_user_id) >= p_most THEN 'too_many'
		ELSE 'new' END;
	IF outcome = 'new' THEN
		INSERT INTO assistant_keeps (assistant_id, user_id) VALUES (kept, p_user_id);
		outcome := 'ok';
	END IF;
	RETURN NEXT;
END
$$;
COMMENT ON FUNCTION assistant_keep(text, uuid, int) IS
	'Takes the assistant that a link leads to, so that the user may go on using it. Again is no mistake, nor one''s own. Outcomes: ok with its id, not_found, too_many (the user has taken p_most).';

CREATE OR REPLACE FUNCTION prompts_add(p_user_id uuid, p_prompts jsonb, p_most int) RETURNS TABLE (outcome text, added int)
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
BEGIN
	PERFORM FROM users u WHERE u.id = p_user_id FOR NO KEY UPDATE;
	WITH new AS (
		SELECT DISTINCT ON (i.name, i.text) i.id, i.name, i.text
		FROM (SELECT (e.p->>'id')::uuid AS id, btrim(e.p->>'name') AS name, e.p->>'text' AS text
			FROM jsonb_array_elements(p_prompts) AS e (p)) AS i
		WHERE NOT EXISTS (SELECT FROM prompts o WHERE o.user_id = p_user_id AND o.name = i.name AND o.text = i.text)
		ORDER BY i.name, i.text, i.id
	), ins AS (
		INSERT INTO prompts (id, user_id, name, text)
		SELECT n.id, p_user_id, n.name, n.text FROM new n
		WHERE (SELECT count(*) FROM prompts o WHERE o.user_id = p_user_id) + (SELECT count(*) FROM new) <= p_most
		RETURNING 1
	)
	SELECT CASE WHEN (SELECT count(*) FROM new) > (SELECT count(*) FROM ins) THEN 'too_many' ELSE 'ok' END, (SELECT count(*) FROM ins)::int
	INTO outcome, added;
	RETURN NEXT;
END
$$;
COMMENT ON FUNCTION prompts_add(uuid, jsonb, int) IS
	'Keeps prompts of a user, [{id, name, text}], all of them or none; those that the user has already, name and text, are passed over. Outcomes: ok, too_many (there would be more than p_most).';
