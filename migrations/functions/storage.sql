-- What is kept, who uses it, and what nobody uses any more.
-- Lock order: whoever brings or gives up an object locks its row after all others (functions/task.sql).

CREATE OR REPLACE FUNCTION count_object() RETURNS trigger
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
BEGIN
	IF TG_OP = 'UPDATE' AND NEW.object_id IS NOT DISTINCT FROM OLD.object_id THEN
		RETURN NULL;
	END IF;
	IF TG_OP <> 'DELETE' AND NEW.object_id IS NOT NULL THEN
		UPDATE objects SET uses = uses + 1 WHERE id = NEW.object_id;
	END IF;
	IF TG_OP <> 'INSERT' AND OLD.object_id IS NOT NULL THEN
		UPDATE objects SET uses = uses - 1 WHERE id = OLD.object_id;
	END IF;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION count_object() IS
	'Trigger, AFTER INSERT OR DELETE OR UPDATE OF object_id, of each table whose rows keep an object. What nobody uses after that may go at once.';

CREATE OR REPLACE FUNCTION file_upload() RETURNS trigger
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
BEGIN
	IF NEW.object_id IS NULL THEN
		INSERT INTO objects (id, name, size_bytes)
			VALUES (NEW.id, right(NEW.id::text, 2) || '/' || NEW.id::text, NEW.size_bytes);
		NEW.object_id := NEW.id;
	END IF;
	RETURN NEW;
END
$$;
COMMENT ON FUNCTION file_upload() IS 'Trigger: a row without an object is of a file that stands under its id: upload_place(), and programs of the release before.';

CREATE OR REPLACE TRIGGER uploads_file BEFORE INSERT ON uploads
	FOR EACH ROW EXECUTE FUNCTION file_upload();
CREATE OR REPLACE TRIGGER uploads_count AFTER INSERT OR DELETE OR UPDATE OF object_id ON uploads
	FOR EACH ROW EXECUTE FUNCTION count_object();
CREATE OR REPLACE TRIGGER previews_count AFTER INSERT OR DELETE OR UPDATE OF object_id ON previews
	FOR EACH ROW EXECUTE FUNCTION count_object();
CREATE OR REPLACE TRIGGER upload_texts_count AFTER INSERT OR DELETE OR UPDATE OF object_id ON upload_texts
	FOR EACH ROW EXECUTE FUNCTION count_object();

CREATE OR REPLACE FUNCTION object_put(p_id uuid, p_name text, p_sha256 bytea, p_size_bytes bigint)
	RETURNS objects
	LANGUAGE sql SET search_path = public, pg_temp
AS $$
	INSERT INTO objects AS o (id, name, sha256, size_bytes) VALUES (p_id, p_name, p_sha256, p_size_bytes)
	ON CONFLICT (sha256) DO UPDATE SET sha256 = EXCLUDED.sha256
	RETURNING o.*
$$;
COMMENT ON FUNCTION object_put(uuid, text, bytea, bigint) IS
	'Adds an object, or finds the one with the same bytes, and locks its row: whoever calls this uses it before the transaction ends, or it may go. Asked again with the same bytes it answers the same.';

CREATE OR REPLACE FUNCTION objects_drop(p_id uuid, p_place text, p_limit int)
	RETURNS TABLE (name text, place text)
	LANGUAGE sql SET search_path = public, pg_temp
AS $$
	DELETE FROM objects o WHERE o.id = ANY (ARRAY(
		SELECT f.id FROM objects f WHERE f.uses = 0 AND (p_id IS NULL OR f.id = p_id) AND (p_place IS NULL OR f.place = p_place)
		ORDER BY f.id LIMIT p_limit FOR UPDATE SKIP LOCKED)) AND o.uses = 0
	RETURNING o.name, o.place
$$;
COMMENT ON FUNCTION objects_drop(uuid, text, int) IS
	'Removes the rows of objects (or of one, or of one place) that nobody uses; the bytes are the caller''s to remove. A name is never used again, so that may come later.';

CREATE OR REPLACE FUNCTION storage_used(p_user_id uuid, p_but_id uuid DEFAULT NULL) RETURNS bigint
	LANGUAGE sql STABLE SET search_path = public, pg_temp
AS $$
	SELECT (coalesce((SELECT sum(u.size_bytes) FROM uploads u WHERE u.user_id = p_user_id AND u.id IS DISTINCT FROM p_but_id), 0)
		+ coalesce((SELECT sum(v.size_bytes) FROM kb_version v WHERE v.user_id = p_user_id), 0))::bigint
$$;
COMMENT ON FUNCTION storage_used(uuid, uuid) IS
	'Bytes that count against a user''s quota, those of one row left out: each of what they keep, uploads and documents of knowledge, in full, though others may keep the same.';
