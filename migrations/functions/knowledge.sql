-- Knowledge: who may read a base, documents and how far they are, vectors and what they cost.
--
-- Order of locks: kb, kb_document, kb_version, kb_space, kb_run, then as in task.sql; jobs and objects last.

CREATE OR REPLACE FUNCTION kb_lexeme(p_kb_id uuid) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN '=' || p_kb_id::text;
COMMENT ON FUNCTION kb_lexeme(uuid) IS 'The word that stands in kb_chunk.tsv of all chunks of a base, and in no text.';

CREATE OR REPLACE FUNCTION kb_may_read(p_kb_id uuid, p_user_id uuid) RETURNS boolean
	LANGUAGE sql STABLE PARALLEL SAFE SET search_path = public, pg_temp
AS $$
	SELECT EXISTS (SELECT FROM kb k WHERE k.id = p_kb_id AND k.deleted_at IS NULL AND (k.user_id = p_user_id OR k.is_shared OR EXISTS (
		SELECT FROM kb_share s WHERE s.kb_id = k.id AND (s.user_id = p_user_id
			OR s.user_group = (SELECT u.user_group FROM users u WHERE u.id = p_user_id)))));
$$;
COMMENT ON FUNCTION kb_may_read(uuid, uuid) IS 'May this user search the base and read its documents? Changing it is its owner''s alone.';

CREATE OR REPLACE FUNCTION kb_readable(p_user_id uuid, p_kb_ids uuid[]) RETURNS uuid[]
	LANGUAGE sql STABLE PARALLEL SAFE SET search_path = public, pg_temp
AS $$
	SELECT coalesce(array_agg(w.id ORDER BY w.n), '{}') FROM unnest(p_kb_ids) WITH ORDINALITY AS w (id, n) WHERE kb_may_read(w.id, p_user_id);
$$;
COMMENT ON FUNCTION kb_readable(uuid, uuid[]) IS 'Those of the bases that this user may read.';

CREATE OR REPLACE TRIGGER kb_version_count AFTER INSERT OR DELETE OR UPDATE OF object_id ON kb_version
	FOR EACH ROW EXECUTE FUNCTION count_object();
CREATE OR REPLACE TRIGGER kb_text_count AFTER INSERT OR DELETE OR UPDATE OF object_id ON kb_text
	FOR EACH ROW EXECUTE FUNCTION count_object();
