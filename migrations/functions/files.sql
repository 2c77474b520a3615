-- Files people attach to their messages, and what pictures and films look like.

CREATE OR REPLACE FUNCTION upload_add(p_id uuid, p_user_id uuid, p_content_type text, p_size_bytes bigint, p_quota_bytes bigint)
	RETURNS TABLE (outcome text, used_bytes bigint, added uploads)
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
BEGIN
	PERFORM FROM users u WHERE u.id = p_user_id FOR NO KEY UPDATE;
	SELECT coalesce(sum(u.size_bytes), 0) INTO used_bytes FROM uploads u WHERE u.user_id = p_user_id AND u.id <> p_id;
	IF p_quota_bytes > 0 AND used_bytes + p_size_bytes > p_quota_bytes THEN
		outcome := 'quota';
		RETURN NEXT;
		RETURN;
	END IF;
	INSERT INTO uploads (id, user_id, content_type, size_bytes)
		VALUES (p_id, p_user_id, p_content_type, p_size_bytes) ON CONFLICT DO NOTHING;
	SELECT u.* INTO added FROM uploads u WHERE u.id = p_id AND u.user_id = p_user_id;
	outcome := 'ok';
	RETURN NEXT;
END
$$;
COMMENT ON FUNCTION upload_add(uuid, uuid, text, bigint, bigint) IS
	'For programs of the release before. Adds a file unless the user''s files would take more than p_quota_bytes (0: no bound). Outcome: ok with the row, or quota with what is used. Locks the user, so that two files at once cannot both take the last room. Asked again with the same id it answers the same.';

CREATE OR REPLACE FUNCTION upload_text_want(p_upload_id uuid, p_content_type text, p_filename text, p_lang text) RETURNS void
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
BEGIN
	IF p_content_type IN ('application/pdf', 'application/octet-stream') THEN
		INSERT INTO upload_texts (upload_id, filename, lang)
			VALUES (p_upload_id, left(coalesce(p_filename, ''), 255), CASE p_lang WHEN 'zh' THEN 'zh' ELSE 'en' END)
			ON CONFLICT DO NOTHING;
		PERFORM job_submit(gen_random_uuid(), 'upload_text', jsonb_build_object('upload_id', p_upload_id), NULL, p_upload_id::text,
			NULL, 0, 0);
	END IF;
END
$$;
COMMENT ON FUNCTION upload_text_want(uuid, text, text, text) IS 'Has weir-worker read an upload, if it is a document.';

DROP FUNCTION IF EXISTS upload_put(uuid, uuid, text, bigint, bigint, text, bytea);
CREATE OR REPLACE FUNCTION upload_put(
	p_id uuid, p_user_id uuid, p_content_type text, p_size_bytes bigint, p_quota_bytes bigint, p_name text, p_sha256 bytea,
	p_filename text DEFAULT NULL, p_lang text DEFAULT NULL)
	RETURNS TABLE (outcome text, used_bytes bigint, object_name text, added uploads)
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
	kept objects;
BEGIN
	PERFORM FROM users u WHERE u.id = p_user_id FOR NO KEY UPDATE;
	used_bytes := storage_used(p_user_id, p_id);
	IF p_quota_bytes > 0 AND used_bytes + p_size_bytes > p_quota_bytes THEN
		outcome := 'quota';
		RETURN NEXT;
		RETURN;
	END IF;
	kept := object_put(p_id, p_name, p_sha256, p_size_bytes);
	INSERT INTO uploads (id, user_id, content_type, size_bytes, object_id)
		VALUES (p_id, p_user_id, p_content_type, p_size_bytes, kept.id) ON CONFLICT (id) DO NOTHING;
	PERFORM preview_want(kept.id, p_content_type);
	PERFORM upload_text_want(p_id, p_content_type, p_filename, p_lang);
	SELECT u.* INTO added FROM uploads u WHERE u.id = p_id AND u.user_id = p_user_id;
	outcome := 'ok';
	object_name := kept.name;
	RETURN NEXT;
END
$$;
COMMENT ON FUNCTION upload_put(uuid, uuid, text, bigint, bigint, text, bytea, text, text) IS
	'Adds a file whose bytes stand under p_name, and has it read if it is a document, unless what the user keeps would take more than p_quota_bytes (0: no bound). Outcome: quota with what is used, or ok with the row and the name of the object that has these bytes, which is p_name or one that was there. Locks the user, so that two files at once cannot both take the last room. Asked again with the same id it answers the same.';

CREATE OR REPLACE FUNCTION preview_json(
	p_content_type text, p_url text, p_width int, p_height int, p_duration_ms bigint, p_has_small boolean) RETURNS jsonb
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN jsonb_build_object('width', p_width, 'height', p_height, 'duration_ms', p_duration_ms,
		'thumbnail_url', CASE WHEN p_has_small OR p_content_type LIKE 'image/%' THEN p_url || '/thumbnail' END,
		'poster_url', CASE WHEN p_has_small AND p_content_type LIKE 'video/%' THEN p_url || '/thumbnail' END);
COMMENT ON FUNCTION preview_json(text, text, int, int, bigint, boolean) IS
	'What the API says of how a file looks. A picture always has a thumbnail_url: where there is no small one, the picture itself is answered there.';

CREATE OR REPLACE FUNCTION upload_json(u uploads, p_prefix text) RETURNS jsonb
	LANGUAGE sql VOLATILE SET search_path = public, pg_temp
AS $$
	SELECT jsonb_build_object('id', u.id, 'url', p_prefix || u.id, 'content_type', u.content_type, 'size_bytes', u.size_bytes,
			'is_ai_made', u.is_ai_made, 'created_at', json_time(u.created_at))
		|| preview_json(u.content_type, p_prefix || u.id, p.width, p.height, p.duration_ms, p.object_id IS NOT NULL)
		|| jsonb_build_object('filename', nullif(t.filename, ''), 'document', CASE WHEN t.upload_id IS NOT NULL THEN jsonb_build_object(
			'state', t.state, 'code', t.code, 'kind', t.kind, 'pages', nullif(t.pages, 0), 'chars', t.chars, 'tokens', t.tokens) END)
	FROM (VALUES (u.object_id)) AS o(id) LEFT JOIN previews p ON p.of_id = o.id LEFT JOIN upload_texts t ON t.upload_id = u.id;
$$;
COMMENT ON FUNCTION upload_json(uploads, text) IS 'The API''s Upload; p_prefix stands before its id in its address. Volatile, to see what the same statement has just added.';

CREATE OR REPLACE FUNCTION preview_put(
	p_of_id uuid, p_small_id uuid, p_small_bytes bigint, p_width int, p_height int, p_duration_ms bigint) RETURNS boolean
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
BEGIN
	PERFORM FROM objects o WHERE o.id = p_of_id FOR KEY SHARE;
	IF NOT FOUND OR EXISTS (SELECT FROM previews p WHERE p.of_id = p_of_id) THEN
		RETURN false;
	END IF;
	IF p_small_id IS NOT NULL THEN
		INSERT INTO objects (id, name, size_bytes)
			VALUES (p_small_id, right(p_small_id::text, 2) || '/' || p_small_id::text, p_small_bytes);
	END IF;
	INSERT INTO previews (of_id, object_id, width, height, duration_ms)
		VALUES (p_of_id, p_small_id, nullif(p_width, 0), nullif(p_height, 0), nullif(p_duration_ms, 0));
	RETURN true;
END
$$;
COMMENT ON FUNCTION preview_put(uuid, uuid, bigint, int, int, bigint) IS
	'Notes what an object looks like (0: not known), and that its small picture stands under p_small_id (NULL: there is none). False: the object is gone, or has been noted; the small picture is nobody''s.';

CREATE OR REPLACE FUNCTION preview_want(p_object_id uuid, p_content_type text) RETURNS void
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
BEGIN
	IF p_content_type ~ '^(image|video)/' AND NOT EXISTS (SELECT FROM previews p WHERE p.of_id = p_object_id) THEN
		PERFORM job_submit(gen_random_uuid(), 'preview', jsonb_build_object('object_id', p_object_id, 'content_type', p_content_type),
			NULL, p_object_id::text, NULL, 0, 0);
	END IF;
END
$$;
COMMENT ON FUNCTION preview_want(uuid, text) IS 'Has weir-worker look at an object, unless it has.';

CREATE OR REPLACE FUNCTION previews_want(p_pictures boolean, p_films boolean, p_limit int) RETURNS bigint
	LANGUAGE sql SET search_path = public, pg_temp
AS $$
	SELECT count(preview_want(w.object_id, w.content_type)::text) FROM (
		SELECT DISTINCT ON (u.object_id) u.object_id, u.content_type FROM uploads u
		WHERE ((p_pictures AND u.content_type LIKE 'image/%') OR (p_films AND u.content_type LIKE 'video/%'))
			AND NOT EXISTS (SELECT FROM previews p WHERE p.of_id = u.object_id)
		ORDER BY u.object_id DESC LIMIT p_limit) AS w;
$$;
COMMENT ON FUNCTION previews_want(boolean, boolean, int) IS
	'Has those objects looked at that nobody has looked at, the newest first: they came while there was no program for it.';

CREATE OR REPLACE FUNCTION upload_ticket(
	p_id uuid, p_user_id uuid, p_content_type text, p_size_bytes bigint, p_quota_bytes bigint, p_ttl_s int)
	RETURNS TABLE (outcome text, used_bytes bigint)
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
BEGIN
	PERFORM FROM users u WHERE u.id = p_user_id FOR NO KEY UPDATE;
	DELETE FROM upload_tickets t WHERE t.id = ANY (ARRAY(
		SELECT e.id FROM upload_tickets e WHERE e.expires_at < now() LIMIT 100 FOR UPDATE SKIP LOCKED));
	-- who begins a hundred and completes none has forgotten the first
	DELETE FROM upload_tickets t WHERE t.id IN (
		SELECT o.id FROM upload_tickets o WHERE o.user_id = p_user_id AND o.id <> p_id ORDER BY o.id DESC OFFSET 99);
	used_bytes := storage_used(p_user_id) + (SELECT coalesce(sum(t.size_bytes), 0) FROM upload_tickets t
		WHERE t.user_id = p_user_id AND t.id <> p_id);
	IF p_quota_bytes > 0 AND used_bytes + p_size_bytes > p_quota_bytes THEN
		outcome := 'quota';
	ELSE
		INSERT INTO upload_tickets (id, user_id, content_type, size_bytes, expires_at)
			VALUES (p_id, p_user_id, p_content_type, p_size_bytes, now() + p_ttl_s * interval '1 second') ON CONFLICT DO NOTHING;
		outcome := 'ok';
	END IF;
	RETURN NEXT;
END
$$;
COMMENT ON FUNCTION upload_ticket(uuid, uuid, text, bigint, bigint, int) IS
	'Notes that a browser is about to put a file into the bucket, unless what the user keeps, and is about to, would take more than p_quota_bytes (0: no bound). Of a user the newest hundred are kept. Asked again with the same id it answers the same.';

CREATE OR REPLACE FUNCTION upload_complete(p_id uuid, p_user_id uuid, p_name text) RETURNS SETOF uploads
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
	v upload_tickets;
BEGIN
	DELETE FROM upload_tickets t WHERE t.id = p_id AND t.user_id = p_user_id RETURNING t.* INTO v;
	IF FOUND THEN
		INSERT INTO objects (id, name, size_bytes, place) VALUES (v.id, p_name, v.size_bytes, 's3');
		INSERT INTO uploads (id, user_id, content_type, size_bytes, object_id)
			VALUES (v.id, v.user_id, v.content_type, v.size_bytes, v.id);
		PERFORM preview_want(v.id, v.content_type);
		PERFORM upload_text_want(v.id, v.content_type, NULL, NULL);
	END IF;
	RETURN QUERY SELECT u.* FROM uploads u WHERE u.id = p_id AND u.user_id = p_user_id;
END
$$;
COMMENT ON FUNCTION upload_complete(uuid, uuid, text) IS
	'The file of a ticket is in the bucket, and is what it was said to be: it is the user''s from now on. The upload; none: no such ticket. Asked again it answers the same.';

CREATE OR REPLACE FUNCTION upload_text_take(p_upload_id uuid, p_tries int)
	RETURNS TABLE (filename text, lang text, object_name text, object_bytes bigint, object_place text)
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
#variable_conflict use_column
BEGIN
	UPDATE upload_texts t SET attempts = t.attempts + 1, updated_at = now(),
		state = CASE WHEN t.attempts >= p_tries THEN 'failed' ELSE t.state END,
		code = CASE WHEN t.attempts >= p_tries THEN 'parser_failed' END
	WHERE t.upload_id = p_upload_id AND t.state = 'reading';
	RETURN QUERY SELECT t.filename::text, t.lang::text, o.name::text, o.size_bytes, o.place::text
	FROM upload_texts t JOIN uploads u ON u.id = t.upload_id JOIN objects o ON o.id = u.object_id
	WHERE t.upload_id = p_upload_id AND t.state = 'reading';
END
$$;
COMMENT ON FUNCTION upload_text_take(uuid, int) IS
	'Begins to read a document; none: nobody wants it, or it is done. What was begun p_tries times and never ended has failed.';

CREATE OR REPLACE FUNCTION upload_text_ready(p_upload_id uuid, p_kind text, p_pages int, p_chars bigint, p_tokens bigint, p_object_id uuid,
	p_object_name text, p_sha256 bytea, p_size_bytes bigint)
	RETURNS text
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
	v_object objects;
BEGIN
	PERFORM FROM upload_texts t WHERE t.upload_id = p_upload_id AND t.state = 'reading' FOR NO KEY UPDATE;
	IF NOT FOUND THEN
		RETURN NULL;
	END IF;
	v_object := object_put(p_object_id, p_object_name, p_sha256, p_size_bytes);
	UPDATE upload_texts t SET state = 'ready', kind = p_kind, pages = p_pages, chars = p_chars, tokens = p_tokens, object_id = v_object.id,
		updated_at = now()
	WHERE t.upload_id = p_upload_id;
	RETURN v_object.name;
END
$$;
COMMENT ON FUNCTION upload_text_ready(uuid, text, int, bigint, bigint, uuid, text, bytea, bigint) IS
	'Keeps the text of a document: the name of the object that has it, the new one or one that was there; NULL: nobody wants it any more.';

CREATE OR REPLACE FUNCTION upload_text_failed(p_upload_id uuid, p_code text, p_kind text, p_pages int) RETURNS boolean
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
BEGIN
	UPDATE upload_texts t SET state = 'failed', code = p_code, kind = p_kind, pages = p_pages, updated_at = now()
	WHERE t.upload_id = p_upload_id AND t.state = 'reading';
	RETURN FOUND;
END
$$;
COMMENT ON FUNCTION upload_text_failed(uuid, text, text, int) IS 'A document has no text, and this is why. False: nobody wants it any more.';
