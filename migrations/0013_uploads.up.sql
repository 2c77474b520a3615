-- Files people attach to their messages; the bytes are in [uploads] folder.

CREATE TABLE uploads (
	id uuid PRIMARY KEY,
	user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
	content_type varchar(100) NOT NULL,
	size_bytes bigint NOT NULL CHECK (size_bytes > 0),
	created_at timestamptz NOT NULL DEFAULT now()
);
-- pages of a user's files, and the sum of their sizes, from the index alone
CREATE INDEX uploads_user ON uploads (user_id, id DESC) INCLUDE (size_bytes);
COMMENT ON TABLE uploads IS
	'Files that belong to somebody. Inserted and deleted, never changed; about 120 bytes and two index entries each. A file on disk without a row is removed by weir-worker.';
COMMENT ON COLUMN uploads.id IS 'UUIDv7; also the name of the file.';
COMMENT ON COLUMN uploads.user_id IS 'Whose file; nobody else gets it.';
COMMENT ON COLUMN uploads.content_type IS 'Told by its content, not by the sender.';
COMMENT ON COLUMN uploads.size_bytes IS 'Its length.';
COMMENT ON COLUMN uploads.created_at IS 'When it came.';
GRANT SELECT, INSERT, DELETE ON uploads TO weir_service;

CREATE FUNCTION upload_add(p_id uuid, p_user_id uuid, p_content_type text, p_size_bytes bigint, p_quota_bytes bigint)
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
	'Adds a file unless the user''s files would take more than p_quota_bytes (0: no bound). Outcome: ok with the row, or quota with what is used. Locks the user, so that two files at once cannot both take the last room. Asked again with the same id it answers the same.';
