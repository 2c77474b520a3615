-- Files people attach to their messages.

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

CREATE OR REPLACE FUNCTION upload_put(
	p_id uuid, p_user_id uuid, p_content_type text, p_size_bytes bigint, p_quota_bytes bigint, p_name text, p_sha256 bytea)
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
	SELECT u.* INTO added FROM uploads u WHERE u.id = p_id AND u.user_id = p_user_id;
	outcome := 'ok';
	object_name := kept.name;
	RETURN NEXT;
END
$$;
COMMENT ON FUNCTION upload_put(uuid, uuid, text, bigint, bigint, text, bytea) IS
	'Adds a file whose bytes stand under p_name, unless what the user keeps would take more than p_quota_bytes (0: no bound). Outcome: quota with what is used, or ok with the row and the name of the object that has these bytes, which is p_name or one that was there. Locks the user, so that two files at once cannot both take the last room. Asked again with the same id it answers the same.';
