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

-- ---- as the API shows them ----

CREATE OR REPLACE FUNCTION kb_version_json(v kb_version) RETURNS jsonb
	LANGUAGE sql STABLE SET search_path = public, pg_temp
AS $$
	SELECT jsonb_build_object('version', v.version, 'state', v.state, 'code', v.code, 'filename', v.filename, 'title', v.title,
		'source_url', v.source_url, 'kind', v.kind, 'size_bytes', v.size_bytes, 'pages', v.pages, 'chars', v.chars, 'chunks', v.chunks,
		'vectors', coalesce(r.vectors, 0), 'skipped', coalesce(r.skipped, 0), 'cached', coalesce(r.cached, 0),
		'progress', CASE v.state WHEN 'pending' THEN 0 WHEN 'parsing' THEN 5 WHEN 'chunking' THEN 10 WHEN 'ready' THEN 100
			ELSE CASE WHEN v.chunks = 0 THEN 0 ELSE 15 + 84 * coalesce(r.vectors + r.skipped, 0) / v.chunks END END,
		'created_at', json_time(v.created_at), 'updated_at', json_time(v.updated_at), 'ready_at', json_time(v.ready_at))
	FROM (SELECT) AS one LEFT JOIN LATERAL (
		SELECT r.vectors, r.skipped, r.cached FROM kb_run r JOIN kb_space s ON s.id = r.space_id
		WHERE r.document_id = v.document_id AND r.version = v.version AND s.state <> 'retired'
		ORDER BY s.state = 'active' DESC LIMIT 1) AS r ON true;
$$;
COMMENT ON FUNCTION kb_version_json(kb_version) IS 'What of the API''s KnowledgeDocument changes with each version.';

CREATE OR REPLACE FUNCTION kb_document_json(d kb_document) RETURNS jsonb
	LANGUAGE sql STABLE SET search_path = public, pg_temp
AS $$
	SELECT jsonb_build_object('id', d.id, 'knowledge_id', d.kb_id,
			'next', (SELECT kb_version_json(n) FROM kb_version n WHERE n.document_id = d.id AND n.version = d.next_version))
		|| kb_version_json(v) || jsonb_build_object('created_at', json_time(d.created_at))
	FROM kb_version v WHERE v.document_id = d.id AND v.version = d.version;
$$;
COMMENT ON FUNCTION kb_document_json(kb_document) IS 'The API''s KnowledgeDocument; next: the version that will take the place of the one that is shown.';

CREATE OR REPLACE FUNCTION kb_json(k kb, p_user_id uuid) RETURNS jsonb
	LANGUAGE sql STABLE SET search_path = public, pg_temp
AS $$
	SELECT jsonb_build_object('id', k.id, 'name', k.name, 'description', k.description,
		'embedding_model', (SELECT m.name FROM llm_models m WHERE m.id = k.model_id),
		'mode', CASE WHEN a.state IS NULL THEN 'text' ELSE 'hybrid' END,
		'chunk', jsonb_build_object('tokens', k.chunk_tokens, 'overlap', k.chunk_overlap),
		'is_owner', k.user_id = p_user_id,
		'owner', (SELECT coalesce(u.nickname, u.email, u.phone) FROM users u WHERE u.id = k.user_id),
		'share', CASE WHEN k.user_id = p_user_id THEN jsonb_build_object('everyone', k.is_shared,
			'groups', coalesce((SELECT jsonb_agg(s.user_group ORDER BY s.user_group) FROM kb_share s WHERE s.kb_id = k.id AND s.user_group IS NOT NULL), '[]'),
			'users', coalesce((SELECT jsonb_agg(coalesce(u.email, u.phone) ORDER BY 1) FROM kb_share s JOIN users u ON u.id = s.user_id WHERE s.kb_id = k.id), '[]')) END,
		'documents', n.documents, 'ready', n.ready, 'failed', n.failed, 'chunks', n.chunks, 'size_bytes', n.size_bytes,
		'index', (SELECT jsonb_build_object('model', b.model, 'documents', n.with_chunks,
				'done', (SELECT count(*) FROM kb_document d JOIN kb_run r ON r.document_id = d.id AND r.version = d.version
					WHERE d.kb_id = k.id AND r.space_id = b.id AND r.state = 'done'),
				'failed', (SELECT count(*) FROM kb_run r WHERE r.space_id = b.id AND r.state IN ('failed', 'cancelled')))
			FROM kb_space b WHERE b.kb_id = k.id AND b.state = 'building'),
		'created_at', json_time(k.created_at), 'updated_at', json_time(k.updated_at))
	FROM (SELECT count(*) AS documents, count(*) FILTER (WHERE v.state = 'ready') AS ready, count(*) FILTER (WHERE v.state = 'failed') AS failed,
			coalesce(sum(v.chunks), 0) AS chunks, coalesce(sum(v.size_bytes), 0) AS size_bytes, count(*) FILTER (WHERE v.chunks > 0) AS with_chunks
		FROM kb_document d JOIN kb_version v ON v.document_id = d.id AND v.version = d.version WHERE d.kb_id = k.id) AS n
		LEFT JOIN LATERAL (SELECT s.state FROM kb_space s WHERE s.kb_id = k.id AND s.state = 'active') AS a ON true;
$$;
COMMENT ON FUNCTION kb_json(kb, uuid) IS 'The API''s Knowledge, as this user sees it. index: of the vectors of another model, which are being made.';

-- ---- bases ----

CREATE OR REPLACE FUNCTION kb_create(p_id uuid, p_user_id uuid, p_name text, p_description text, p_model_id bigint,
	p_tokens int, p_overlap int, p_limit int) RETURNS text
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
BEGIN
	PERFORM FROM users u WHERE u.id = p_user_id FOR NO KEY UPDATE;
	IF EXISTS (SELECT FROM kb k WHERE k.id = p_id) THEN
		RETURN 'ok';
	ELSIF (SELECT count(*) FROM kb k WHERE k.user_id = p_user_id AND k.deleted_at IS NULL) >= p_limit THEN
		RETURN 'limit';
	END IF;
	INSERT INTO kb (id, user_id, name, description, model_id, chunk_tokens, chunk_overlap)
		VALUES (p_id, p_user_id, p_name, p_description, p_model_id, p_tokens, p_overlap);
	INSERT INTO kb_space (kb_id, model_id, model, state) SELECT p_id, m.id, m.name, 'active' FROM llm_models m WHERE m.id = p_model_id;
	RETURN 'ok';
END
$$;
COMMENT ON FUNCTION kb_create(uuid, uuid, text, text, bigint, int, int, int) IS
	'Makes a base: ok, or limit (the user has as many as may be). Asked again with the same id it answers the same.';

CREATE OR REPLACE FUNCTION kb_job(p_id uuid, p_kind text, p_user_id uuid) RETURNS uuid
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
	v_id uuid := job_submit(p_id, p_kind, jsonb_build_object('user_id', p_user_id), NULL, p_user_id::text, p_user_id, 0, 0);
BEGIN
	IF v_id <> p_id THEN
		PERFORM job_wake(v_id);
	END IF;
	RETURN v_id;
END
$$;
COMMENT ON FUNCTION kb_job(uuid, text, uuid) IS
	'Something is to be parsed, or embedded, for this user: wakes the one job that does it all, a piece at a time, so that many documents of one user do not keep others waiting.';

CREATE OR REPLACE FUNCTION kb_run_stop(p_run kb_run, p_outcome text, p_code text) RETURNS void
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
BEGIN
	IF p_run.task_id IS NOT NULL THEN
		PERFORM tasks_end(NULL, ARRAY[ROW(p_run.task_id, p_outcome, CASE p_outcome WHEN 'completed' THEN NULL ELSE p_code END,
			CASE p_outcome WHEN 'completed' THEN NULL ELSE p_code END, least(p_run.tokens, 2147483647)::int, 0, false, p_run.cost, t.model_id, p_run.channel_id,
			least(extract(epoch FROM now() - t.created_at) * 1000, 2147483647)::int, NULL, NULL, 0, 0, 0, 'embeddings',
			jsonb_build_object('document_id', p_run.document_id, 'version', p_run.version, 'vectors', p_run.vectors, 'cached', p_run.cached))::task_end])
		FROM tasks t WHERE t.id = p_run.task_id AND t.completed_at IS NULL;
	END IF;
END
$$;
COMMENT ON FUNCTION kb_run_stop(kb_run, text, text) IS
	'Ends the task of a run, if it has one that lives, by tasks_end(): what was embedded so far is charged, once, the rest returns. The caller has locked the run.';

CREATE OR REPLACE FUNCTION kb_space_drop(p_space_id bigint) RETURNS void
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
	v kb_run;
BEGIN
	UPDATE kb_space SET state = 'retired', updated_at = now() WHERE id = p_space_id;
	FOR v IN SELECT r.* FROM kb_run r WHERE r.space_id = p_space_id AND r.state IN ('waiting', 'running') ORDER BY r.task_id FOR NO KEY UPDATE LOOP
		UPDATE kb_run r SET state = 'cancelled', code = 'cancelled', updated_at = now()
		WHERE r.document_id = v.document_id AND r.version = v.version AND r.space_id = p_space_id;
		PERFORM kb_run_stop(v, 'cancelled', 'cancelled');
	END LOOP;
END
$$;
COMMENT ON FUNCTION kb_space_drop(bigint) IS 'A space is not wanted any more: what is being made for it stops, and kb_sweep() removes it. The caller has locked the base.';

CREATE OR REPLACE FUNCTION kb_set_model(p_kb_id uuid, p_model_id bigint, p_again boolean) RETURNS boolean
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
	v_active kb_space;
	v_building kb_space;
	v_space bigint;
	v_state text;
BEGIN
	PERFORM FROM kb k WHERE k.id = p_kb_id FOR NO KEY UPDATE;
	SELECT s.* INTO v_active FROM kb_space s WHERE s.kb_id = p_kb_id AND s.state = 'active' FOR NO KEY UPDATE;
	SELECT s.* INTO v_building FROM kb_space s WHERE s.kb_id = p_kb_id AND s.state = 'building' FOR NO KEY UPDATE;
	UPDATE kb k SET model_id = p_model_id, updated_at = now() WHERE k.id = p_kb_id;
	IF NOT p_again AND v_building.id IS NOT NULL AND v_building.model_id = p_model_id THEN
		RETURN false;
	END IF;
	IF v_building.id IS NOT NULL THEN
		PERFORM kb_space_drop(v_building.id);
	END IF;
	IF p_model_id IS NULL THEN
		IF v_active.id IS NOT NULL THEN
			PERFORM kb_space_drop(v_active.id);
		END IF;
		-- what waited for vectors alone waits no more
		PERFORM kb_settle(v.document_id, v.version) FROM kb_version v WHERE v.kb_id = p_kb_id AND v.state = 'embedding' ORDER BY v.document_id;
		RETURN false;
	ELSIF NOT p_again AND v_active.model_id = p_model_id THEN
		RETURN false;
	END IF;
	v_state := CASE WHEN EXISTS (SELECT FROM kb_version v WHERE v.kb_id = p_kb_id AND v.chunks > 0) THEN 'building' ELSE 'active' END;
	IF v_state = 'active' AND v_active.id IS NOT NULL THEN
		PERFORM kb_space_drop(v_active.id);
	END IF;
	INSERT INTO kb_space (kb_id, model_id, model, state) SELECT p_kb_id, m.id, m.name, v_state FROM llm_models m WHERE m.id = p_model_id
	RETURNING id INTO v_space;
	INSERT INTO kb_run (document_id, version, space_id)
		SELECT v.document_id, v.version, v_space FROM kb_version v JOIN kb_document d ON d.id = v.document_id
		WHERE v.kb_id = p_kb_id AND v.chunks > 0 AND v.state IN ('embedding', 'ready', 'failed') AND v.version >= d.version;
	IF p_again THEN -- what the model gave before is not believed any more
		DELETE FROM kb_embed_cache e USING kb_chunk c, kb_space s
		WHERE c.kb_id = p_kb_id AND s.id = v_space AND e.hash = kb_cache_key(s.model, c.text_hash);
		RETURN v_state = 'building';
	END IF;
	RETURN FOUND;
END
$$;
COMMENT ON FUNCTION kb_set_model(uuid, bigint, boolean) IS
	'The base''s vectors are to be of this model (NULL: of none): builds a space beside the one that is searched, unless that has the model and p_again is not set, for which the cache forgets its passages. True: there is something to embed.';

CREATE OR REPLACE FUNCTION kb_set_share(p_kb_id uuid, p_share jsonb) RETURNS TABLE (field text, name text)
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
BEGIN
	UPDATE kb k SET is_shared = coalesce((p_share->>'everyone')::boolean, k.is_shared) WHERE k.id = p_kb_id;
	IF p_share ? 'groups' THEN
		DELETE FROM kb_share s WHERE s.kb_id = p_kb_id AND s.user_group IS NOT NULL;
		INSERT INTO kb_share (kb_id, user_group) SELECT DISTINCT p_kb_id, g.name
			FROM jsonb_array_elements_text(p_share->'groups') AS w (name) JOIN user_groups g ON g.name = w.name;
	END IF;
	IF p_share ? 'users' THEN
		DELETE FROM kb_share s WHERE s.kb_id = p_kb_id AND s.user_id IS NOT NULL;
		INSERT INTO kb_share (kb_id, user_id) SELECT DISTINCT p_kb_id, u.id
			FROM jsonb_array_elements_text(p_share->'users') AS w (name)
				JOIN users u ON lower(u.email) = lower(btrim(w.name)) OR u.phone = btrim(w.name) WHERE u.status = 'active';
	END IF;
	RETURN QUERY
		SELECT 'groups', w.name FROM jsonb_array_elements_text(p_share->'groups') AS w (name)
		WHERE NOT EXISTS (SELECT FROM user_groups g WHERE g.name = w.name)
		UNION ALL SELECT 'users', w.name FROM jsonb_array_elements_text(p_share->'users') AS w (name)
		WHERE NOT EXISTS (SELECT FROM users u WHERE (lower(u.email) = lower(btrim(w.name)) OR u.phone = btrim(w.name)) AND u.status = 'active');
END
$$;
COMMENT ON FUNCTION kb_set_share(uuid, jsonb) IS
	'Shares a base of the caller with {everyone, groups, users}, each as it is said, or left as it is where it is not. Returns names that there are not: the caller rolls back then.';

-- ---- documents ----

CREATE OR REPLACE FUNCTION kb_document_put(p_user_id uuid, p_kb_id uuid, p_document_id uuid, p_new boolean, p_filename text, p_title text,
	p_source_url text, p_lang text, p_object_name text, p_sha256 bytea, p_size_bytes bigint, p_upload_id uuid,
	p_documents_max int, p_quota_bytes bigint, p_job_id uuid)
	RETURNS TABLE (outcome text, document_id uuid, object_name text, used_bytes bigint)
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	v_document kb_document;
	v_object objects;
	v_version int := 1;
BEGIN
	PERFORM FROM kb k WHERE k.id = p_kb_id AND k.user_id = p_user_id AND k.deleted_at IS NULL FOR NO KEY UPDATE;
	outcome := CASE WHEN NOT FOUND THEN 'not_found' END;
	IF outcome IS NULL AND NOT p_new THEN
		SELECT d.* INTO v_document FROM kb_document d WHERE d.id = p_document_id AND d.kb_id = p_kb_id FOR NO KEY UPDATE;
		outcome := CASE WHEN NOT FOUND THEN 'not_found' END;
	ELSIF outcome IS NULL AND (SELECT count(*) FROM kb_document d WHERE d.kb_id = p_kb_id) >= p_documents_max THEN
		outcome := 'too_many';
	END IF;
	IF outcome IS NULL AND p_upload_id IS NOT NULL THEN
		SELECT o.* INTO v_object FROM uploads u JOIN objects o ON o.id = u.object_id WHERE u.id = p_upload_id AND u.user_id = p_user_id;
		outcome := CASE WHEN NOT FOUND THEN 'no_upload' END;
		p_sha256 := v_object.sha256;
		p_size_bytes := v_object.size_bytes;
	END IF;
	IF outcome IS NULL AND p_sha256 IS NOT NULL THEN
		SELECT 'duplicate', d.id INTO outcome, document_id FROM kb_version v JOIN kb_document d ON d.id = v.document_id
		WHERE v.kb_id = p_kb_id AND v.sha256 = p_sha256 AND v.version >= d.version AND v.state <> 'failed' LIMIT 1;
	END IF;
	IF outcome IS NULL AND p_quota_bytes > 0 THEN
		used_bytes := storage_used(p_user_id);
		outcome := CASE WHEN used_bytes + p_size_bytes > p_quota_bytes THEN 'quota' END;
	END IF;
	IF outcome IS NOT NULL THEN
		RETURN NEXT;
		RETURN;
	END IF;
	IF p_new THEN
		INSERT INTO kb_document (id, kb_id, user_id) VALUES (p_document_id, p_kb_id, p_user_id);
	ELSE
		v_version := 1 + (SELECT max(v.version) FROM kb_version v WHERE v.document_id = p_document_id);
		PERFORM kb_stop(p_document_id, v_document.next_version, 'replaced');
		IF EXISTS (SELECT FROM kb_version v WHERE v.document_id = p_document_id AND v.version = v_document.version AND v.state <> 'ready') THEN
			PERFORM kb_stop(p_document_id, v_document.version, 'replaced'); -- nothing is worth waiting for
		END IF;
		UPDATE kb_document d SET next_version = v_version, updated_at = now() WHERE d.id = p_document_id;
	END IF;
	IF p_object_name IS NOT NULL THEN
		v_object := object_put(p_job_id, p_object_name, p_sha256, p_size_bytes);
		object_name := v_object.name;
	END IF;
	INSERT INTO kb_version (document_id, version, kb_id, user_id, filename, title, source_url, lang, object_id, sha256, size_bytes)
	VALUES (p_document_id, v_version, p_kb_id, p_user_id, p_filename, p_title, p_source_url, p_lang, v_object.id, p_sha256,
		CASE WHEN v_object.id IS NULL THEN 0 ELSE p_size_bytes END);
	PERFORM kb_job(p_job_id, 'knowledge_parse', p_user_id);
	outcome := 'ok';
	document_id := p_document_id;
	RETURN NEXT;
END
$$;
COMMENT ON FUNCTION kb_document_put(uuid, uuid, uuid, boolean, text, text, text, text, text, bytea, bigint, uuid, int, bigint, uuid) IS
	'Adds a document (p_new), or a version of one, of bytes that stand under p_object_name, of an upload of the user, or of an address that is yet to be fetched, and has it parsed. outcome: ok; duplicate (document_id has this content already); not_found, no_upload; too_many; quota with used_bytes. object_name: where the bytes are. p_job_id is a new id.';

CREATE OR REPLACE FUNCTION kb_stop(p_document_id uuid, p_version int, p_code text) RETURNS int
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
	v kb_run;
	v_stopped int;
BEGIN
	UPDATE kb_version x SET state = 'failed', code = p_code, detail = NULL, updated_at = now()
	WHERE x.document_id = p_document_id AND x.version = p_version AND x.state NOT IN ('ready', 'failed');
	GET DIAGNOSTICS v_stopped = ROW_COUNT;
	FOR v IN SELECT r.* FROM kb_run r WHERE r.document_id = p_document_id AND r.version = p_version AND r.state IN ('waiting', 'running')
		ORDER BY r.task_id FOR NO KEY UPDATE LOOP
		UPDATE kb_run r SET state = 'cancelled', code = p_code, updated_at = now()
		WHERE r.document_id = v.document_id AND r.version = v.version AND r.space_id = v.space_id;
		PERFORM kb_run_stop(v, 'cancelled', p_code);
		v_stopped := v_stopped + 1;
	END LOOP;
	RETURN v_stopped;
END
$$;
COMMENT ON FUNCTION kb_stop(uuid, int, text) IS
	'Stops what is being done for a version (none for NULL): its tasks are ended with what they used so far, whoever works on it finds out with the next step. How much was stopped. The caller has locked the base.';

CREATE OR REPLACE FUNCTION kb_lock(p_user_id uuid, p_kb_id uuid, p_document_id uuid) RETURNS kb_document
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
	v kb_document;
BEGIN
	PERFORM FROM kb k WHERE k.id = p_kb_id AND (p_user_id IS NULL OR k.user_id = p_user_id) AND k.deleted_at IS NULL FOR NO KEY UPDATE;
	IF FOUND THEN
		SELECT d.* INTO v FROM kb_document d WHERE d.id = p_document_id AND d.kb_id = p_kb_id FOR NO KEY UPDATE;
	END IF;
	RETURN v;
END
$$;
COMMENT ON FUNCTION kb_lock(uuid, uuid, uuid) IS 'Locks a base of the user (NULL: of anybody) and a document of it, whose row it returns; all NULL: there is none.';

CREATE OR REPLACE FUNCTION kb_document_cancel(p_user_id uuid, p_kb_id uuid, p_document_id uuid) RETURNS int
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
	v kb_document := kb_lock(p_user_id, p_kb_id, p_document_id);
	v_stopped int;
BEGIN
	IF v.id IS NULL THEN
		RETURN NULL;
	END IF;
	v_stopped := kb_stop(v.id, v.version, 'cancelled');
	IF v.next_version IS NOT NULL THEN
		PERFORM kb_stop(v.id, v.next_version, 'cancelled');
		v_stopped := v_stopped + 1;
		DELETE FROM kb_version n WHERE n.document_id = v.id AND n.version = v.next_version;
		UPDATE kb_document d SET next_version = NULL, updated_at = now() WHERE d.id = v.id;
	END IF;
	RETURN v_stopped;
END
$$;
COMMENT ON FUNCTION kb_document_cancel(uuid, uuid, uuid) IS
	'Stops what is being done for a document: a new version goes, even one that has failed, and the one before it stays. How much was stopped; NULL: there is no such document of the user (NULL: of anybody).';

CREATE OR REPLACE FUNCTION kb_document_retry(p_user_id uuid, p_kb_id uuid, p_document_id uuid, p_job_id uuid, p_sealed bytea) RETURNS text
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
	d kb_document := kb_lock(p_user_id, p_kb_id, p_document_id);
	v kb_version;
	v_runs int;
BEGIN
	IF d.id IS NULL THEN
		RETURN 'not_found';
	END IF;
	SELECT x.* INTO v FROM kb_version x WHERE x.document_id = d.id AND x.version = coalesce(d.next_version, d.version) FOR NO KEY UPDATE;
	-- what has chunks goes on with the first that has no vector
	UPDATE kb_run r SET state = 'waiting', code = NULL, detail = NULL, failures = 0, run_at = now(), updated_at = now()
	FROM kb_space s
	WHERE r.document_id = d.id AND r.version = v.version AND r.state IN ('failed', 'cancelled') AND s.id = r.space_id AND s.state <> 'retired';
	GET DIAGNOSTICS v_runs = ROW_COUNT;
	IF v.state NOT IN ('ready', 'failed') OR (v.state = 'ready' AND v_runs = 0) THEN
		RETURN 'conflict';
	ELSIF v.chunks > 0 THEN
		UPDATE kb_version x SET state = CASE x.state WHEN 'failed' THEN 'embedding' ELSE x.state END, code = NULL, detail = NULL, updated_at = now()
		WHERE x.document_id = d.id AND x.version = v.version;
		PERFORM kb_settle(d.id, v.version);
		PERFORM kb_job(p_job_id, 'knowledge_embed', d.user_id);
		RETURN 'ok';
	END IF;
	UPDATE kb_version x SET state = 'pending', code = NULL, detail = NULL, attempts = 0, updated_at = now(),
		job_id = CASE WHEN p_sealed IS NOT NULL THEN p_job_id END
	WHERE x.document_id = d.id AND x.version = v.version;
	IF p_sealed IS NULL THEN
		PERFORM kb_job(p_job_id, 'knowledge_parse', d.user_id);
	ELSE
		PERFORM job_submit(p_job_id, 'knowledge_parse', jsonb_build_object('user_id', d.user_id, 'document_id', d.id), p_sealed, d.id::text, d.user_id, 0, 0);
	END IF;
	RETURN 'ok';
END
$$;
COMMENT ON FUNCTION kb_document_retry(uuid, uuid, uuid, uuid, bytea) IS
	'Has a document that failed done again from where it failed: ok, not_found, conflict (it has not failed). p_sealed: a password for it, which a job of its own keeps until it is done; p_job_id a new id.';

CREATE OR REPLACE FUNCTION kb_document_delete(p_user_id uuid, p_kb_id uuid, p_document_id uuid) RETURNS uuid[]
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
	v kb_document := kb_lock(p_user_id, p_kb_id, p_document_id);
	v_objects uuid[];
BEGIN
	IF v.id IS NULL THEN
		RETURN NULL;
	END IF;
	PERFORM kb_stop(v.id, x.version, 'deleted') FROM kb_version x WHERE x.document_id = v.id;
	SELECT coalesce(array_agg(o.id), '{}') INTO v_objects FROM (
		SELECT x.object_id AS id FROM kb_version x WHERE x.document_id = v.id AND x.object_id IS NOT NULL
		UNION SELECT t.object_id FROM kb_text t WHERE t.document_id = v.id) AS o;
	DELETE FROM kb_document d WHERE d.id = v.id;
	PERFORM kb_space_switch(p_kb_id);
	RETURN v_objects;
END
$$;
COMMENT ON FUNCTION kb_document_delete(uuid, uuid, uuid) IS
	'Removes a document with its versions, texts, chunks and vectors; what was embedded so far is charged. Returns the objects it used, NULL: there is no such document of the user (NULL: of anybody).';

CREATE OR REPLACE FUNCTION kb_delete(p_user_id uuid, p_kb_id uuid) RETURNS boolean
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
BEGIN
	PERFORM FROM kb k WHERE k.id = p_kb_id AND (p_user_id IS NULL OR k.user_id = p_user_id) AND k.deleted_at IS NULL FOR UPDATE;
	IF NOT FOUND THEN
		RETURN false;
	END IF;
	PERFORM kb_stop(v.document_id, v.version, 'deleted') FROM kb_version v WHERE v.kb_id = p_kb_id ORDER BY v.document_id, v.version;
	PERFORM kb_space_drop(s.id) FROM kb_space s WHERE s.kb_id = p_kb_id AND s.state <> 'retired' ORDER BY s.id;
	IF (SELECT coalesce(sum(v.chunks), 0) FROM kb_version v WHERE v.kb_id = p_kb_id) <= 5000 THEN
		DELETE FROM kb k WHERE k.id = p_kb_id;
	ELSE
		UPDATE kb k SET deleted_at = now() WHERE k.id = p_kb_id;
	END IF;
	RETURN true;
END
$$;
COMMENT ON FUNCTION kb_delete(uuid, uuid) IS
	'Removes a base with all that is in it: at once, or if it is large, kb_sweep() does so piece by piece while nobody sees it any more. False: there is no such base of the user (NULL: of anybody).';

-- ---- parsing ----

CREATE OR REPLACE FUNCTION kb_parse_take(p_user_id uuid, p_document_id uuid, p_job_id uuid, p_tries int)
	RETURNS TABLE (document_id uuid, version int, kb_id uuid, user_id uuid, filename text, title text, source_url text, lang text,
		chunk_tokens int, chunk_overlap int, object_name text, object_bytes bigint, object_place text)
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	v kb_version;
BEGIN
	LOOP
		SELECT x.* INTO v FROM kb_version x
		WHERE x.user_id = p_user_id AND x.state IN ('pending', 'parsing', 'chunking') AND (p_document_id IS NULL OR x.document_id = p_document_id)
			AND NOT EXISTS (SELECT FROM jobs j WHERE j.id = x.job_id AND j.id <> p_job_id AND j.status IN ('waiting', 'running'))
		ORDER BY x.created_at, x.document_id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED;
		IF NOT FOUND THEN
			RETURN;
		END IF;
		UPDATE kb_version x SET attempts = x.attempts + 1, job_id = p_job_id, updated_at = now(),
			state = CASE WHEN x.attempts >= p_tries THEN 'failed' ELSE 'parsing' END,
			code = CASE WHEN x.attempts >= p_tries THEN 'interrupted' END
		WHERE x.document_id = v.document_id AND x.version = v.version;
		EXIT WHEN v.attempts < p_tries;
	END LOOP;
	RETURN QUERY SELECT v.document_id, v.version, v.kb_id, v.user_id, v.filename::text, v.title::text, v.source_url::text, v.lang::text,
		k.chunk_tokens, k.chunk_overlap, o.name::text, o.size_bytes, o.place::text
	FROM kb k LEFT JOIN objects o ON o.id = v.object_id WHERE k.id = v.kb_id;
END
$$;
COMMENT ON FUNCTION kb_parse_take(uuid, uuid, uuid, int) IS
	'The next version of this user (of that document alone, unless NULL) that is to be parsed, begun by that job; none: there is nothing to do. What was begun p_tries times and never ended has failed.';

CREATE OR REPLACE FUNCTION kb_fetched(p_document_id uuid, p_version int, p_filename text, p_object_id uuid, p_object_name text, p_sha256 bytea,
	p_size_bytes bigint, p_quota_bytes bigint)
	RETURNS TABLE (outcome text, object_name text)
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	v kb_version;
	v_object objects;
BEGIN
	SELECT x.* INTO v FROM kb_version x WHERE x.document_id = p_document_id AND x.version = p_version FOR NO KEY UPDATE;
	outcome := CASE WHEN NOT FOUND OR v.state IN ('ready', 'failed') THEN 'gone'
		WHEN p_quota_bytes > 0 AND storage_used(v.user_id) + p_size_bytes > p_quota_bytes THEN 'storage_quota'
		WHEN EXISTS (SELECT FROM kb_version o JOIN kb_document d ON d.id = o.document_id WHERE o.kb_id = v.kb_id AND o.sha256 = p_sha256
			AND o.version >= d.version AND o.state <> 'failed' AND (o.document_id, o.version) <> (p_document_id, p_version)) THEN 'duplicate'
		ELSE 'ok' END;
	IF outcome = 'ok' THEN
		v_object := object_put(p_object_id, p_object_name, p_sha256, p_size_bytes);
		object_name := v_object.name;
		UPDATE kb_version x SET object_id = v_object.id, sha256 = p_sha256, size_bytes = p_size_bytes, updated_at = now(),
			filename = CASE x.filename WHEN '' THEN p_filename ELSE x.filename END
		WHERE x.document_id = p_document_id AND x.version = p_version;
	END IF;
	RETURN NEXT;
END
$$;
COMMENT ON FUNCTION kb_fetched(uuid, int, text, uuid, text, bytea, bigint, bigint) IS
	'The bytes of a version that stood at an address. outcome: ok with the name of the object that has them; gone (nobody wants them); duplicate, storage_quota: codes of its failure.';

CREATE OR REPLACE FUNCTION kb_parse_state(p_document_id uuid, p_version int, p_state text) RETURNS boolean
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
BEGIN
	UPDATE kb_version x SET state = p_state, updated_at = now()
	WHERE x.document_id = p_document_id AND x.version = p_version AND x.state IN ('parsing', 'chunking');
	IF NOT FOUND THEN
		RETURN false;
	END IF;
	DELETE FROM kb_chunk c WHERE c.document_id = p_document_id AND c.version = p_version; -- of a try that was interrupted
	RETURN true;
END
$$;
COMMENT ON FUNCTION kb_parse_state(uuid, int, text) IS 'How far parsing is; it begins with this. False: nobody wants it any more.';

CREATE OR REPLACE FUNCTION kb_parse_failed(p_document_id uuid, p_version int, p_code text, p_detail text, p_kind text, p_pages int) RETURNS boolean
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
BEGIN
	UPDATE kb_version x SET state = 'failed', code = p_code, detail = left(p_detail, 1000), kind = coalesce(p_kind, x.kind),
		pages = coalesce(p_pages, x.pages), updated_at = now()
	WHERE x.document_id = p_document_id AND x.version = p_version AND x.state NOT IN ('ready', 'failed');
	RETURN FOUND;
END
$$;
COMMENT ON FUNCTION kb_parse_failed(uuid, int, text, text, text, int) IS 'A version has no text, and this is why. False: nobody wants it any more.';

CREATE OR REPLACE FUNCTION kb_chunks_add(p_document_id uuid, p_version int, p_chunks jsonb) RETURNS boolean
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
	v_kb uuid;
BEGIN
	SELECT x.kb_id INTO v_kb FROM kb_version x WHERE x.document_id = p_document_id AND x.version = p_version AND x.state = 'chunking' FOR NO KEY UPDATE;
	IF NOT FOUND THEN
		RETURN false;
	END IF;
	INSERT INTO kb_chunk (kb_id, document_id, version, ord, page_from, page_to, c0, c1, heading, body, ntok, tsv, text_hash)
	SELECT v_kb, p_document_id, p_version, c.ord, nullif(c.page_from, 0), nullif(c.page_to, 0), c.c0, c.c1, c.heading, c.body, c.ntok,
		c.tsv::tsvector || array_to_tsvector(ARRAY[kb_lexeme(v_kb)]), decode(c.hash, 'hex')
	FROM jsonb_to_recordset(p_chunks) AS c (ord int, page_from int, page_to int, c0 int, c1 int, heading text, body text, ntok int, tsv text, hash text)
	ON CONFLICT (document_id, version, ord) DO NOTHING;
	RETURN true;
END
$$;
COMMENT ON FUNCTION kb_chunks_add(uuid, int, jsonb) IS 'Adds chunks of a version. False: nobody wants it any more.';

CREATE OR REPLACE FUNCTION kb_parsed(p_document_id uuid, p_version int, p_kind text, p_title text, p_pages int, p_chars int, p_chunks int,
	p_object_id uuid, p_object_name text, p_sha256 bytea, p_size_bytes bigint, p_job_id uuid)
	RETURNS text
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
	v_object objects;
	v_kb uuid;
BEGIN
	SELECT x.kb_id INTO v_kb FROM kb_version x WHERE x.document_id = p_document_id AND x.version = p_version;
	PERFORM FROM kb k WHERE k.id = v_kb FOR NO KEY UPDATE;
	UPDATE kb_version x SET state = 'embedding', kind = p_kind, pages = nullif(p_pages, 0), chars = p_chars, chunks = p_chunks, job_id = NULL,
		title = CASE x.title WHEN '' THEN coalesce(nullif(left(p_title, 500), ''), x.filename) ELSE x.title END, code = NULL, detail = NULL, updated_at = now()
	WHERE x.document_id = p_document_id AND x.version = p_version AND x.state = 'chunking'
		AND p_chunks = (SELECT count(*) FROM kb_chunk c WHERE c.document_id = p_document_id AND c.version = p_version);
	IF NOT FOUND THEN
		RETURN NULL;
	END IF;
	v_object := object_put(p_object_id, p_object_name, p_sha256, p_size_bytes);
	INSERT INTO kb_text (document_id, version, object_id) VALUES (p_document_id, p_version, v_object.id)
	ON CONFLICT (document_id, version) DO UPDATE SET object_id = EXCLUDED.object_id;
	INSERT INTO kb_run (document_id, version, space_id) SELECT p_document_id, p_version, s.id FROM kb_space s
	WHERE s.kb_id = v_kb AND s.state <> 'retired' ON CONFLICT DO NOTHING;
	PERFORM kb_settle(p_document_id, p_version);
	PERFORM kb_job(p_job_id, 'knowledge_embed', x.user_id) FROM kb_version x WHERE x.document_id = p_document_id AND x.version = p_version;
	RETURN v_object.name;
END
$$;
COMMENT ON FUNCTION kb_parsed(uuid, int, text, text, int, int, int, uuid, text, bytea, bigint, uuid) IS
	'A version has its text, in bytes that stand under p_object_name, and its chunks; it wants vectors now. Returns the name of the object that has the text, NULL: nobody wants it any more.';

-- ---- how a version ends ----

CREATE OR REPLACE FUNCTION kb_settle(p_document_id uuid, p_version int) RETURNS boolean
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
	v kb_version;
	v_run kb_run;
	d kb_document;
	v_has_space boolean;
BEGIN
	SELECT x.* INTO d FROM kb_document x WHERE x.id = p_document_id FOR NO KEY UPDATE;
	SELECT x.* INTO v FROM kb_version x WHERE x.document_id = p_document_id AND x.version = p_version AND x.state = 'embedding' FOR NO KEY UPDATE;
	IF NOT FOUND THEN
		RETURN false;
	END IF;
	-- by the space that is searched; before there is one, by the first that will be
	SELECT true INTO v_has_space FROM kb_space s WHERE s.kb_id = v.kb_id AND s.state <> 'retired' LIMIT 1;
	SELECT r.* INTO v_run FROM kb_run r JOIN kb_space s ON s.id = r.space_id
	WHERE r.document_id = p_document_id AND r.version = p_version AND s.state <> 'retired' ORDER BY s.state = 'active' DESC LIMIT 1;
	IF v_has_space AND (v_run.state IS NULL OR v_run.state IN ('waiting', 'running')) THEN
		RETURN false;
	ELSIF v_has_space AND v_run.state <> 'done' THEN
		UPDATE kb_version x SET state = 'failed', code = v_run.code, detail = v_run.detail, updated_at = now()
		WHERE x.document_id = p_document_id AND x.version = p_version;
		RETURN true;
	END IF;
	UPDATE kb_version x SET state = 'ready', code = CASE WHEN v_run.skipped > 0 THEN 'some_skipped' END, detail = NULL, ready_at = now(), updated_at = now()
	WHERE x.document_id = p_document_id AND x.version = p_version;
	IF d.next_version = p_version THEN
		UPDATE kb_document x SET version = p_version, next_version = NULL, updated_at = now() WHERE x.id = p_document_id;
		PERFORM kb_stop(p_document_id, d.version, 'replaced');
		DELETE FROM kb_chunk c WHERE c.document_id = p_document_id AND c.version < p_version;
		UPDATE kb_version x SET object_id = NULL, size_bytes = 0 WHERE x.document_id = p_document_id AND x.version < p_version;
		DELETE FROM kb_version x WHERE x.document_id = p_document_id AND x.version < p_version
			AND (x.version < p_version - 20 OR NOT EXISTS (SELECT FROM kb_text t WHERE t.document_id = x.document_id AND t.version = x.version));
	END IF;
	RETURN true;
END
$$;
COMMENT ON FUNCTION kb_settle(uuid, int) IS
	'Ends a version that wants vectors, if it has them, or will have none: ready or failed. Then a new version takes the place of the one before it, whose text stays (that of the last 20) so that what was cited can be read, while file, chunks and vectors go. True: it has ended. The caller has locked the base.';

CREATE OR REPLACE FUNCTION kb_space_switch(p_kb_id uuid) RETURNS boolean
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
	v_space bigint;
	v_old bigint;
BEGIN
	SELECT s.id INTO v_space FROM kb_space s WHERE s.kb_id = p_kb_id AND s.state = 'building' FOR NO KEY UPDATE;
	IF v_space IS NULL OR EXISTS (SELECT FROM kb_document d JOIN kb_version v ON v.document_id = d.id AND v.version = d.version
		WHERE d.kb_id = p_kb_id AND v.chunks > 0 AND NOT EXISTS (SELECT FROM kb_run r
			WHERE r.document_id = d.id AND r.version = d.version AND r.space_id = v_space AND r.state = 'done')) THEN
		RETURN false;
	END IF;
	FOR v_old IN SELECT s.id FROM kb_space s WHERE s.kb_id = p_kb_id AND s.state = 'active' LOOP
		PERFORM kb_space_drop(v_old);
	END LOOP;
	UPDATE kb_space s SET state = 'active', updated_at = now() WHERE s.id = v_space;
	PERFORM kb_settle(v.document_id, v.version) FROM kb_version v WHERE v.kb_id = p_kb_id AND v.state = 'embedding';
	RETURN true;
END
$$;
COMMENT ON FUNCTION kb_space_switch(uuid) IS
	'The space that is built is searched from now on, if it has vectors of all documents; the one before it goes. True: so it is. The caller has locked the base.';

-- ---- embedding ----

CREATE OR REPLACE FUNCTION kb_cache_key(p_model text, p_text_hash bytea) RETURNS bytea
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN sha256(convert_to(p_model || '|0|', 'UTF8') || p_text_hash);
COMMENT ON FUNCTION kb_cache_key(text, bytea) IS 'Key of a text in kb_embed_cache: of the model''s name, how many numbers were asked for (0: its own), and the text.';

CREATE OR REPLACE FUNCTION kb_embed_take(p_user_id uuid, p_job_id uuid)
	RETURNS TABLE (document_id uuid, version int, space_id bigint, kb_id uuid, model_id bigint, user_group text, user_active boolean,
		task_id uuid, left_chunks bigint, left_tokens bigint, failures int, wait_ms bigint)
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	v record;
BEGIN
	SELECT r.document_id, r.version, r.space_id, r.task_id, r.failures, r.run_at INTO v
	FROM kb_run r JOIN kb_version x ON x.document_id = r.document_id AND x.version = r.version
	WHERE x.user_id = p_user_id AND r.state IN ('waiting', 'running')
	ORDER BY r.run_at > now(), r.state = 'running' DESC, r.run_at, r.created_at, r.document_id LIMIT 1 FOR NO KEY UPDATE OF r SKIP LOCKED;
	IF NOT FOUND THEN
		RETURN;
	END IF;
	IF v.run_at > now() THEN
		wait_ms := extract(epoch FROM v.run_at - now()) * 1000;
		RETURN NEXT;
		RETURN;
	END IF;
	UPDATE kb_run r SET job_id = p_job_id, updated_at = now(), task_id = t.id,
		tokens = CASE WHEN t.id IS NULL THEN 0 ELSE r.tokens END, cost = CASE WHEN t.id IS NULL THEN 0 ELSE r.cost END
	FROM (SELECT) AS one LEFT JOIN tasks t ON t.id = v.task_id AND t.completed_at IS NULL
	WHERE r.document_id = v.document_id AND r.version = v.version AND r.space_id = v.space_id;
	-- whoever carries it says so to those who look for tasks that nobody carries
	UPDATE tasks t SET job_id = p_job_id WHERE t.id = v.task_id AND t.completed_at IS NULL AND t.job_id IS DISTINCT FROM p_job_id;
	RETURN QUERY SELECT v.document_id, v.version, v.space_id, s.kb_id, s.model_id, u.user_group::text, u.status = 'active',
		t.id, n.chunks, n.tokens, v.failures, 0::bigint
	FROM kb_space s, users u LEFT JOIN tasks t ON t.id = v.task_id AND t.completed_at IS NULL, LATERAL (
		-- once there is a task nobody asks
		SELECT count(*) AS chunks, coalesce(sum(c.ntok), 0)::bigint AS tokens FROM kb_chunk c
		WHERE t.id IS NULL AND c.document_id = v.document_id AND c.version = v.version
			AND NOT EXISTS (SELECT FROM kb_embed_cache e WHERE e.hash = kb_cache_key(s.model, c.text_hash))
			AND NOT EXISTS (SELECT FROM kb_vec e WHERE e.chunk_id = c.id AND e.space_id = v.space_id)) AS n
	WHERE s.id = v.space_id AND u.id = p_user_id;
END
$$;
COMMENT ON FUNCTION kb_embed_take(uuid, uuid) IS
	'What of this user is to be embedded next, carried by that job, what was begun first; none: nothing. document_id NULL: something in wait_ms. left_: before there is a task, chunks that have no vector yet, here or in the cache, and their tokens. task_id: a live task that pays; NULL: there is none yet.';

CREATE OR REPLACE FUNCTION kb_embed_open(p_document_id uuid, p_version int, p_space_id bigint, p_task_id uuid, p_transaction_id uuid, p_job_id uuid,
	p_hold numeric, p_lease_s int, p_prices jsonb, p_group text)
	RETURNS TABLE (outcome text, balance numeric, held numeric)
	LANGUAGE plpgsql SET search_path = public, pg_temp SET plan_cache_mode = force_generic_plan SET enable_seqscan = off
AS $$
DECLARE
	v_run kb_run;
	v_version kb_version;
	v_space kb_space;
	v task_opened;
BEGIN
	SELECT x.* INTO v_version FROM kb_version x WHERE x.document_id = p_document_id AND x.version = p_version;
	SELECT s.* INTO v_space FROM kb_space s WHERE s.id = p_space_id;
	SELECT r.* INTO v_run FROM kb_run r
	WHERE r.document_id = p_document_id AND r.version = p_version AND r.space_id = p_space_id AND r.state IN ('waiting', 'running') FOR NO KEY UPDATE;
	IF v_run.document_id IS NULL THEN
		RETURN QUERY SELECT 'gone', NULL::numeric, NULL::numeric;
		RETURN;
	ELSIF EXISTS (SELECT FROM tasks t WHERE t.id = v_run.task_id AND t.completed_at IS NULL) THEN
		RETURN QUERY SELECT CASE v_run.task_id WHEN p_task_id THEN 'ok' ELSE 'open' END, u.credits::numeric, credits_held(u.id) FROM users u WHERE u.id = v_version.user_id;
		RETURN;
	END IF;
	v := task_open(ROW(p_task_id, p_transaction_id, v_version.user_id, 'embed', NULL, NULL, v_space.model_id, p_hold, p_lease_s,
		left('embeddings: ' || v_space.model, 100), NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, p_prices, p_group)::task_ask);
	IF v.outcome = 'ok' THEN
		UPDATE tasks t SET job_id = p_job_id, status = 'running', started_at = now() WHERE t.id = p_task_id;
		UPDATE kb_run r SET state = 'running', task_id = p_task_id, tokens = 0, cost = 0, updated_at = now()
		WHERE r.document_id = p_document_id AND r.version = p_version AND r.space_id = p_space_id;
	END IF;
	RETURN QUERY SELECT v.outcome, v.balance, credits_held(v_version.user_id);
END
$$;
COMMENT ON FUNCTION kb_embed_open(uuid, int, bigint, uuid, uuid, uuid, numeric, int, jsonb, text) IS
	'Holds what embedding a version can cost, as one task. outcome: as task_open(); open: a task lives already; gone: nobody wants it any more. Asked again with the same task it answers the same.';

CREATE OR REPLACE FUNCTION kb_embed_batch(p_document_id uuid, p_version int, p_space_id bigint, p_model text, p_limit int)
	RETURNS TABLE (chunk_id bigint, heading text, body text, ntok int, cached bytea, cache_key text)
	LANGUAGE sql STABLE SET search_path = public, pg_temp
AS $$
	SELECT c.id, c.heading, c.body, c.ntok, e.v, encode(k.hash, 'hex')
	FROM kb_chunk c
		CROSS JOIN LATERAL (SELECT kb_cache_key(p_model, c.text_hash) AS hash) AS k
		LEFT JOIN kb_embed_cache e ON e.hash = k.hash
	WHERE c.document_id = p_document_id AND c.version = p_version
		AND NOT EXISTS (SELECT FROM kb_vec v WHERE v.chunk_id = c.id AND v.space_id = p_space_id)
	ORDER BY c.ord LIMIT p_limit;
$$;
COMMENT ON FUNCTION kb_embed_batch(uuid, int, bigint, text, int) IS 'The first chunks of a version that have no vector, with those that the cache has of them.';

CREATE OR REPLACE FUNCTION kb_space_mean(p_space_id bigint, p_version int, p_dims int, p_mean bytea, p_count int) RETURNS SETOF kb_space
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
BEGIN
	UPDATE kb_space s SET dims = p_dims, mean = p_mean, mean_count = p_count, mean_version = s.mean_version + 1, updated_at = now()
	WHERE s.id = p_space_id AND s.mean_version = p_version AND s.mean IS NULL;
	RETURN QUERY SELECT s.* FROM kb_space s WHERE s.id = p_space_id;
END
$$;
COMMENT ON FUNCTION kb_space_mean(bigint, int, int, bytea, int) IS 'The first mean of a space, unless somebody was faster; its row, as it is then.';

CREATE OR REPLACE FUNCTION kb_space_recentre(p_space_id bigint, p_version int, p_mean bytea, p_count int, p_vectors jsonb) RETURNS boolean
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
BEGIN
	-- those who write vectors have changed it
	PERFORM FROM kb_space s WHERE s.id = p_space_id AND s.mean_version = p_version FOR UPDATE;
	IF NOT FOUND OR (SELECT count(*) FROM kb_vec e WHERE e.space_id = p_space_id AND e.v IS NOT NULL) <> jsonb_array_length(p_vectors) THEN
		RETURN false;
	END IF;
	UPDATE kb_space s SET mean = p_mean, mean_count = p_count, mean_version = s.mean_version + 1, updated_at = now() WHERE s.id = p_space_id;
	UPDATE kb_vec e SET v = decode(n.v, 'base64') FROM jsonb_to_recordset(p_vectors) AS n (c bigint, b text, v text)
	WHERE e.chunk_id = n.c AND e.space_id = p_space_id;
	UPDATE kb_code e SET code = n.b::varbit FROM jsonb_to_recordset(p_vectors) AS n (c bigint, b text, v text)
	WHERE e.chunk_id = n.c AND e.space_id = p_space_id;
	RETURN true;
END
$$;
COMMENT ON FUNCTION kb_space_recentre(bigint, int, bytea, int, jsonb) IS
	'A better mean, of more vectors, and all vectors of the space by it. False: the space has changed meanwhile.';

CREATE OR REPLACE FUNCTION kb_embed_store(p_document_id uuid, p_version int, p_space_id bigint, p_task_id uuid, p_mean_version int, p_vectors jsonb,
	p_tokens bigint, p_cost numeric, p_channel_id bigint)
	RETURNS text
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
	v_run kb_run;
	v_mean int;
	v_batch int;
BEGIN
	-- one after the other, as batches are counted; and not while kb_space_recentre() is at it
	UPDATE kb_space s SET batch = s.batch + 1 WHERE s.id = p_space_id AND s.state <> 'retired' RETURNING s.mean_version, s.batch INTO v_mean, v_batch;
	SELECT r.* INTO v_run FROM kb_run r
	WHERE r.document_id = p_document_id AND r.version = p_version AND r.space_id = p_space_id AND r.state IN ('waiting', 'running')
		AND r.task_id IS NOT DISTINCT FROM p_task_id FOR NO KEY UPDATE;
	IF v_mean IS NULL OR v_run.document_id IS NULL THEN
		RETURN 'gone';
	ELSIF v_mean <> p_mean_version THEN
		RETURN 'stale';
	END IF;
	-- a batch that was stored already, and whose answer was lost, is not counted again
	IF EXISTS (SELECT FROM jsonb_to_recordset(p_vectors) AS n (c bigint) JOIN kb_vec e ON e.chunk_id = n.c AND e.space_id = p_space_id) THEN
		RETURN 'ok';
	END IF;
	INSERT INTO kb_vec (chunk_id, space_id, v, skipped)
		SELECT n.c, p_space_id, decode(n.v, 'base64'), n.s FROM jsonb_to_recordset(p_vectors) AS n (c bigint, v text, s text);
	INSERT INTO kb_code (chunk_id, space_id, batch, code)
		SELECT n.c, p_space_id, v_batch, n.b::varbit FROM jsonb_to_recordset(p_vectors) AS n (c bigint, b text) WHERE n.b IS NOT NULL;
	INSERT INTO kb_embed_cache AS e (hash, v)
		SELECT DISTINCT ON (n.k) decode(n.k, 'hex'), decode(n.f, 'base64') FROM jsonb_to_recordset(p_vectors) AS n (k text, f text) WHERE n.f IS NOT NULL ORDER BY n.k
		ON CONFLICT (hash) DO NOTHING;
	UPDATE kb_embed_cache e SET used_at = now() FROM jsonb_to_recordset(p_vectors) AS n (k text, h boolean)
		WHERE n.h AND e.hash = decode(n.k, 'hex') AND e.used_at < now() - interval '1 day';
	UPDATE kb_run r SET tokens = r.tokens + p_tokens, cost = r.cost + p_cost, channel_id = coalesce(p_channel_id, r.channel_id), failures = 0,
		vectors = r.vectors + n.vectors, skipped = r.skipped + n.skipped, cached = r.cached + n.cached, state = 'running', updated_at = now()
	FROM (SELECT count(n.b) AS vectors, count(n.s) AS skipped, count(*) FILTER (WHERE n.h) AS cached
		FROM jsonb_to_recordset(p_vectors) AS n (b text, s text, h boolean)) AS n
	WHERE r.document_id = p_document_id AND r.version = p_version AND r.space_id = p_space_id;
	UPDATE tasks t SET progress = least(99, 100 * (v_run.vectors + v_run.skipped + jsonb_array_length(p_vectors)) / greatest(x.chunks, 1))
	FROM kb_version x WHERE t.id = p_task_id AND x.document_id = p_document_id AND x.version = p_version;
	RETURN CASE WHEN EXISTS (SELECT FROM tasks t WHERE t.id = p_task_id AND t.cancel_requested_at IS NOT NULL) THEN 'cancel' ELSE 'ok' END;
END
$$;
COMMENT ON FUNCTION kb_embed_store(uuid, int, bigint, uuid, int, jsonb, bigint, numeric, bigint) IS
	'Keeps a batch of vectors and what it cost, both or neither. p_vectors: [{c: chunk, b: bits, v: base64 of the packed vector, s: why it is skipped, k: key in the cache, f: base64 of half floats for it, h: it came from there}]. Returns ok; cancel (the same, and the task is to be stopped); stale (they were made by another mean); gone (nobody wants them any more).';

CREATE OR REPLACE FUNCTION kb_embed_later(p_document_id uuid, p_version int, p_space_id bigint, p_wait_ms bigint, p_detail text) RETURNS void
	LANGUAGE sql SET search_path = public, pg_temp
AS $$
	UPDATE kb_run r SET failures = r.failures + 1, run_at = now() + p_wait_ms * interval '1 millisecond', detail = left(p_detail, 1000), updated_at = now()
	WHERE r.document_id = p_document_id AND r.version = p_version AND r.space_id = p_space_id AND r.state IN ('waiting', 'running');
$$;
COMMENT ON FUNCTION kb_embed_later(uuid, int, bigint, bigint, text) IS 'The provider failed: it is asked again in a while.';

CREATE OR REPLACE FUNCTION kb_embed_end(p_document_id uuid, p_version int, p_space_id bigint, p_outcome text, p_code text, p_detail text)
	RETURNS TABLE (outcome text, user_id uuid, balance numeric, held numeric, charged numeric)
	LANGUAGE plpgsql SET search_path = public, pg_temp SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
DECLARE
	v_run kb_run;
	v_version kb_version;
	v_vectors int;
	v_skipped int;
BEGIN
	SELECT x.* INTO v_version FROM kb_version x WHERE x.document_id = p_document_id AND x.version = p_version;
	PERFORM FROM kb k WHERE k.id = v_version.kb_id FOR NO KEY UPDATE;
	SELECT r.* INTO v_run FROM kb_run r
	WHERE r.document_id = p_document_id AND r.version = p_version AND r.space_id = p_space_id AND r.state IN ('waiting', 'running') FOR NO KEY UPDATE;
	outcome := CASE WHEN v_run.document_id IS NULL THEN 'gone' ELSE 'ok' END;
	IF outcome = 'ok' AND p_outcome = 'completed' THEN
		SELECT count(e.v), count(e.skipped) INTO v_vectors, v_skipped FROM kb_chunk c JOIN kb_vec e ON e.chunk_id = c.id AND e.space_id = p_space_id
		WHERE c.document_id = p_document_id AND c.version = p_version;
		outcome := CASE WHEN v_vectors + v_skipped = v_version.chunks THEN 'ok' ELSE 'more' END;
	END IF;
	IF outcome <> 'ok' THEN
		RETURN NEXT;
		RETURN;
	END IF;
	UPDATE kb_run r SET state = CASE p_outcome WHEN 'completed' THEN 'done' ELSE p_outcome END, code = p_code, detail = left(p_detail, 1000), job_id = NULL, updated_at = now(),
		vectors = coalesce(v_vectors, r.vectors), skipped = coalesce(v_skipped, r.skipped)
	WHERE r.document_id = p_document_id AND r.version = p_version AND r.space_id = p_space_id;
	PERFORM kb_run_stop(v_run, p_outcome, p_code);
	PERFORM kb_settle(p_document_id, p_version);
	PERFORM kb_space_switch(v_version.kb_id);
	RETURN QUERY SELECT 'ok', u.id, u.credits::numeric, credits_held(u.id), coalesce((SELECT t.credits_used::numeric FROM tasks t WHERE t.id = v_run.task_id), 0)
	FROM users u WHERE u.id = v_version.user_id;
END
$$;
COMMENT ON FUNCTION kb_embed_end(uuid, int, bigint, text, text, text) IS
	'Ends a run (completed, failed, cancelled) with its task, once, and what follows from it for version and space. outcome: ok; more (completed, but chunks are left: nothing changed); gone.';

-- ---- by the clock ----

CREATE OR REPLACE FUNCTION kb_idle(p_limit int) RETURNS TABLE (kind text, user_id uuid)
	LANGUAGE sql STABLE SET search_path = public, pg_temp
AS $$
	SELECT * FROM (
		SELECT DISTINCT 'knowledge_parse', v.user_id FROM kb_version v
		WHERE v.state IN ('pending', 'parsing', 'chunking')
			AND NOT EXISTS (SELECT FROM jobs j WHERE j.id = v.job_id AND j.status IN ('waiting', 'running'))
			AND NOT EXISTS (SELECT FROM jobs j WHERE j.kind = 'knowledge_parse' AND j.unique_key = v.user_id::text AND j.status IN ('waiting', 'running'))
		UNION ALL
		SELECT DISTINCT 'knowledge_embed', v.user_id FROM kb_run r JOIN kb_version v ON v.document_id = r.document_id AND v.version = r.version
		WHERE r.state IN ('waiting', 'running')
			AND NOT EXISTS (SELECT FROM jobs j WHERE j.kind = 'knowledge_embed' AND j.unique_key = v.user_id::text AND j.status IN ('waiting', 'running'))) AS i
	LIMIT p_limit;
$$;
COMMENT ON FUNCTION kb_idle(int) IS 'Users for whom something is to be done that no job does: their job has died.';

CREATE OR REPLACE FUNCTION kb_sweep(p_limit int, p_cache_days int) RETURNS int
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
	v_space bigint;
	v_document uuid;
	v_rows int;
BEGIN
	SELECT s.id INTO v_space FROM kb_space s WHERE s.state = 'retired' ORDER BY s.id LIMIT 1 FOR UPDATE SKIP LOCKED;
	IF v_space IS NOT NULL THEN
		DELETE FROM kb_code c WHERE c.ctid = ANY (ARRAY(SELECT x.ctid FROM kb_code x WHERE x.space_id = v_space LIMIT p_limit));
		GET DIAGNOSTICS v_rows = ROW_COUNT;
		IF v_rows = 0 THEN
			DELETE FROM kb_vec c WHERE c.ctid = ANY (ARRAY(SELECT x.ctid FROM kb_vec x WHERE x.space_id = v_space LIMIT p_limit));
			GET DIAGNOSTICS v_rows = ROW_COUNT;
		END IF;
		IF v_rows = 0 THEN
			DELETE FROM kb_space s WHERE s.id = v_space;
		END IF;
		RETURN v_rows + 1;
	END IF;
	SELECT d.id INTO v_document FROM kb k JOIN kb_document d ON d.kb_id = k.id WHERE k.deleted_at IS NOT NULL LIMIT 1;
	IF v_document IS NOT NULL THEN
		DELETE FROM kb_document d WHERE d.id = v_document;
		RETURN 1;
	END IF;
	DELETE FROM kb k WHERE k.deleted_at IS NOT NULL;
	DELETE FROM kb_embed_cache e WHERE e.hash = ANY (ARRAY(
		SELECT x.hash FROM kb_embed_cache x WHERE x.used_at < now() - p_cache_days * interval '1 day' LIMIT p_limit));
	GET DIAGNOSTICS v_rows = ROW_COUNT;
	RETURN v_rows;
END
$$;
COMMENT ON FUNCTION kb_sweep(int, int) IS 'Removes a piece of what nobody wants any more: retired spaces, bases that were deleted, vectors that were not asked for. How much; 0: nothing is left.';

-- ---- search: which spaces, what a query costs, candidates by vectors and by words ----

DROP FUNCTION IF EXISTS kb_search_bases(uuid, uuid[]);
CREATE OR REPLACE FUNCTION kb_search_bases(p_user_id uuid, p_kb_ids uuid[], p_chunks bigint[])
	RETURNS TABLE (kb_id uuid, chunks bigint, space_id bigint, model_id bigint, model text, dims int, mean bytea, batch int)
	LANGUAGE sql STABLE SET search_path = public, pg_temp
AS $$
	-- OFFSET 0: one by one; to join them, all versions of all bases would be read
	SELECT k.id, CASE WHEN w.chunks > 0 THEN w.chunks ELSE (SELECT coalesce(sum(c.chunks), 0) FROM kb_document d CROSS JOIN LATERAL (
			SELECT v.chunks FROM kb_version v WHERE v.document_id = d.id AND v.version = d.version OFFSET 0) AS c WHERE d.kb_id = k.id) END,
		s.id, s.model_id, s.model, s.dims, s.mean, s.batch
	FROM unnest(p_kb_ids, p_chunks) WITH ORDINALITY AS w (id, chunks, n) JOIN kb k ON k.id = w.id
		LEFT JOIN kb_space s ON s.kb_id = k.id AND s.state = 'active' AND s.mean IS NOT NULL
	WHERE kb_may_read(w.id, p_user_id) ORDER BY w.n;
$$;
COMMENT ON FUNCTION kb_search_bases(uuid, uuid[], bigint[]) IS
	'Those of the bases that this user may read: how many chunks are found there (p_chunks, where that is above 0; else they are counted), and the space that is searched (NULL: there is none, or nothing in it yet).';

-- ---- what a query costs ----

CREATE OR REPLACE FUNCTION kb_query_open(p_task_id uuid, p_transaction_id uuid, p_user_id uuid, p_model_id bigint, p_hold numeric, p_lease_s int,
	p_reason text, p_prices jsonb, p_group text)
	RETURNS TABLE (outcome text, balance numeric, held numeric)
	LANGUAGE plpgsql SET search_path = public, pg_temp SET plan_cache_mode = force_generic_plan SET enable_seqscan = off
AS $$
DECLARE
	v task_opened;
BEGIN
	IF EXISTS (SELECT FROM tasks t WHERE t.id = p_task_id AND t.user_id = p_user_id) THEN
		v.outcome := 'ok';
		SELECT u.credits INTO v.balance FROM users u WHERE u.id = p_user_id;
	ELSE
		v := task_open(ROW(p_task_id, p_transaction_id, p_user_id, 'embed', NULL, NULL, p_model_id, p_hold, p_lease_s,
			left(p_reason, 100), NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, p_prices, p_group)::task_ask);
	END IF;
	RETURN QUERY SELECT v.outcome, v.balance, credits_held(p_user_id);
END
$$;
COMMENT ON FUNCTION kb_query_open(uuid, uuid, uuid, bigint, numeric, int, text, jsonb, text) IS
	'Holds what a query can cost, as a task that nobody carries: whose process dies before kb_query_end() gets its hold back when the lease ends. outcome as task_open(). Asked again with the same task it answers the same.';

DROP FUNCTION IF EXISTS kb_query_end(uuid, uuid, bigint, text, text, int, boolean, numeric, bigint, int, text, text, jsonb, text, text, bytea, bytea);
CREATE OR REPLACE FUNCTION kb_query_end(p_task_id uuid, p_user_id uuid, p_model_id bigint, p_outcome text, p_code text, p_tokens int, p_output_tokens int, p_estimated boolean, p_cost numeric,
	p_channel_id bigint, p_latency_ms int, p_request_id text, p_op text, p_prices jsonb, p_group text, p_model text, p_text_hash bytea, p_vector bytea)
	RETURNS TABLE (charged numeric, balance numeric, held numeric)
	LANGUAGE plpgsql SET search_path = public, pg_temp SET plan_cache_mode = force_generic_plan SET enable_seqscan = off
AS $$
#variable_conflict use_column
DECLARE
	v task_ended[];
BEGIN
	-- what costs nothing was not held: its task is here from beginning to end
	IF NOT EXISTS (SELECT FROM tasks t WHERE t.id = p_task_id) THEN
		PERFORM task_open(ROW(p_task_id, NULL, p_user_id, 'embed', NULL, NULL, p_model_id, 0, NULL,
			NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, p_prices, p_group)::task_ask);
	END IF;
	v := tasks_end(NULL, ARRAY[ROW(p_task_id, p_outcome, p_code, p_code, p_tokens, p_output_tokens, p_estimated, p_cost, NULL,
		p_channel_id, p_latency_ms, NULL, p_request_id, 0, 0, 0, p_op, '{}')::task_end]);
	IF p_vector IS NOT NULL THEN
		INSERT INTO kb_embed_cache (hash, v) VALUES (kb_cache_key(p_model, p_text_hash), p_vector) ON CONFLICT (hash) DO NOTHING;
	END IF;
	RETURN QUERY SELECT v[1].charged, v[1].balance, v[1].held;
END
$$;
COMMENT ON FUNCTION kb_query_end(uuid, uuid, bigint, text, text, int, int, boolean, numeric, bigint, int, text, text, jsonb, text, text, bytea, bytea) IS
	'Ends the task of a query, once, and keeps its vector (NULL: there is none): asked again it changes nothing and tells the same.';

-- ---- candidates ----

CREATE OR REPLACE FUNCTION kb_search_vectors(p_kb_ids uuid[], p_space_ids bigint[], p_codes varbit[], p_documents uuid[], p_limit int) RETURNS bigint[]
	LANGUAGE plpgsql STABLE SET search_path = public, pg_temp SET plan_cache_mode = force_generic_plan SET enable_seqscan = off
AS $$
DECLARE
	v_all bigint[] := '{}';
	v_some bigint[];
BEGIN
	FOR i IN 1..coalesce(cardinality(p_space_ids), 0) LOOP
		CONTINUE WHEN NOT EXISTS (SELECT FROM kb_space s WHERE s.id = p_space_ids[i] AND s.kb_id = ANY (p_kb_ids) AND s.dims = length(p_codes[i]));
		IF p_documents IS NULL THEN
			v_some := ARRAY(SELECT k.chunk_id FROM kb_code k WHERE k.space_id = p_space_ids[i]
				ORDER BY bit_count(k.code # p_codes[i]) LIMIT p_limit);
		ELSE
			v_some := ARRAY(SELECT k.chunk_id FROM kb_chunk c JOIN kb_code k ON k.chunk_id = c.id AND k.space_id = p_space_ids[i]
				WHERE c.document_id = ANY (p_documents) ORDER BY bit_count(k.code # p_codes[i]) LIMIT p_limit);
		END IF;
		v_all := v_all || v_some;
	END LOOP;
	RETURN v_all;
END
$$;
COMMENT ON FUNCTION kb_search_vectors(uuid[], bigint[], varbit[], uuid[], int) IS
	'The chunks whose codes differ least from that of the query, of each space as many; p_documents NULL: of all.';

-- ---- pgvector, where it is installed: an index for each large space ----

CREATE OR REPLACE FUNCTION kb_near_prepare() RETURNS text
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
	v_schema text := (SELECT quote_ident(n.nspname) FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'vector');
BEGIN
	IF v_schema IS NULL OR to_regtype(v_schema || '.halfvec') IS NULL THEN
		RETURN NULL;
	END IF;
	-- Of the scale nothing: only the direction counts. The executor has it made once more of each row that is found, for a
	-- distance that nobody reads, since the index has told it: kb_near() says so, and it makes nothing then.
	EXECUTE format($f$
		CREATE OR REPLACE FUNCTION kb_half(p_v bytea) RETURNS %1$s.halfvec LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 1000 AS $g$
		BEGIN
			IF current_setting('weir.near', true) = 'on' THEN
				RETURN NULL;
			END IF;
			RETURN ARRAY(SELECT ((get_byte(p_v, i) + 128) %% 256 - 128)::real FROM generate_series(4, octet_length(p_v) - 1) AS i)::%1$s.halfvec;
		END
		$g$;
		COMMENT ON FUNCTION kb_half(bytea) IS 'The direction of a kb_vec.v, for an index of pgvector.'$f$, v_schema);
	RETURN v_schema;
END
$$;
COMMENT ON FUNCTION kb_near_prepare() IS
	'Makes what indexes of pgvector need: the schema of the extension, quoted; NULL: it is not installed, or older than 0.7. As the owner of the tables.';

CREATE OR REPLACE FUNCTION kb_near_plan(p_least bigint) RETURNS TABLE (kb_id uuid, name text, chunks bigint, index_name text, statement text)
	LANGUAGE sql STABLE SET search_path = public, pg_temp
AS $$
	WITH large AS (
		SELECT s.id, s.kb_id, k.name::text, s.dims, (SELECT count(*) FROM kb_vec v WHERE v.space_id = s.id AND v.v IS NOT NULL) AS chunks
		FROM kb_space s JOIN kb k ON k.id = s.kb_id
		WHERE p_least > 0 AND s.state = 'active' AND s.dims <= 4000 AND k.deleted_at IS NULL -- more numbers halfvec has no index for
			AND (SELECT sum(v.chunks) FROM kb_version v WHERE v.kb_id = s.kb_id) >= p_least
	), there AS (
		SELECT c.relname::text AS name, i.indisvalid AS is_whole FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
		WHERE i.indrelid = 'kb_vec'::regclass AND c.relname LIKE 'kb\_vec\_near\_%'
	), wanted AS (
		SELECT l.*, 'kb_vec_near_' || l.id AS index_name FROM large l WHERE l.chunks >= p_least
	)
	SELECT w.kb_id, w.name, w.chunks, coalesce(t.name, w.index_name), 'DROP INDEX CONCURRENTLY IF EXISTS ' || t.name
	FROM there t LEFT JOIN wanted w ON w.index_name = t.name WHERE w.id IS NULL OR NOT t.is_whole
	UNION ALL
	SELECT w.kb_id, w.name, w.chunks, w.index_name, format('CREATE INDEX CONCURRENTLY %1$s ON kb_vec USING hnsw'
		' ((kb_half(v)::%2$s.halfvec(%3$s)) %2$s.halfvec_cosine_ops) WHERE space_id = %4$s AND v IS NOT NULL', w.index_name, e.schema, w.dims, w.id)
	FROM wanted w CROSS JOIN (SELECT quote_ident(n.nspname) AS schema FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'vector') AS e
	WHERE NOT EXISTS (SELECT FROM there t WHERE t.name = w.index_name AND t.is_whole);
$$;
COMMENT ON FUNCTION kb_near_plan(bigint) IS
	'What is to be done, in this order and outside of a transaction, so that each space of so many vectors or more has an index of pgvector that is whole, and no other has one. kb_id NULL: of a base or space that is gone, or too small.';

CREATE OR REPLACE FUNCTION kb_near(p_space_id bigint, p_query text, p_limit int) RETURNS bigint[]
	LANGUAGE plpgsql STABLE SET search_path = public, pg_temp SET enable_seqscan = off SET enable_sort = off
AS $$
DECLARE
	v_dims int;
	v_schema text;
	v_found bigint[];
BEGIN
	SELECT s.dims, quote_ident(n.nspname) INTO v_dims, v_schema
	FROM kb_space s CROSS JOIN pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
	WHERE s.id = p_space_id AND e.extname = 'vector' AND EXISTS (SELECT FROM pg_class c JOIN pg_index i ON i.indexrelid = c.oid
		WHERE c.relname = 'kb_vec_near_' || p_space_id AND c.relnamespace = 'public'::regnamespace AND i.indisvalid);
	IF NOT FOUND THEN
		RETURN NULL;
	END IF;
	PERFORM set_config('hnsw.ef_search', least(greatest(p_limit, 40), 1000)::text, true), set_config('weir.near', 'on', true);
	EXECUTE format('SELECT coalesce(array_agg(x.chunk_id), ''{}'') FROM (SELECT v.chunk_id FROM kb_vec v WHERE v.space_id = %1$s AND v.v IS NOT NULL'
		' ORDER BY kb_half(v.v)::%2$s.halfvec(%3$s) OPERATOR(%2$s.<=>) $1::%2$s.halfvec(%3$s) LIMIT $2) AS x', p_space_id, v_schema, v_dims)
	INTO v_found USING p_query, p_limit;
	PERFORM set_config('weir.near', 'off', true); -- what this transaction keeps is indexed as ever
	RETURN v_found;
END
$$;
COMMENT ON FUNCTION kb_near(bigint, text, int) IS
	'The chunks of a space whose vectors are nearest to that of the query (less the mean of the space, as pgvector reads it), by its index of pgvector; NULL: it has none.';

CREATE OR REPLACE FUNCTION kb_search_words(p_kb_ids uuid[], p_chunks bigint, p_terms text[], p_shares float8[], p_documents uuid[],
	p_gate int, p_most int, p_limit int)
	RETURNS TABLE (chunk_id bigint, lexical float8, idf_total float8)
	LANGUAGE plpgsql STABLE SET search_path = public, pg_temp SET plan_cache_mode = force_generic_plan SET enable_seqscan = off
AS $$
#variable_conflict use_column
DECLARE
	v_base tsquery;
	v_terms tsquery[];
	v_looked tsquery[];
	v_idf float8[];
	-- a word that comes once in a chunk has this rank; ts_rank grows with its number as BM25 does, to 1.64 times
	v_once CONSTANT float8 := 0.0607927;
	-- of a word that is in more of the chunks than this, the index is not asked: it says next to nothing
	v_common CONSTANT float8 := 0.5;
	-- so often a word is ranked in a chunk, and so many chunks are with all of them
	v_ranks CONSTANT int := 600;
	v_ranked int := 60;
BEGIN
	IF coalesce(cardinality(p_terms), 0) = 0 OR coalesce(cardinality(p_kb_ids), 0) = 0 THEN
		RETURN;
	END IF;
	SELECT string_agg(quote_literal(kb_lexeme(w.id)), ' | ')::tsquery INTO v_base FROM unnest(p_kb_ids) AS w (id);
	IF p_chunks > p_gate THEN
		-- the rarest terms count; those of them say which chunks are looked at that come first, as long as these are not too many
		WITH rare AS (
			SELECT t.term::tsquery AS q, coalesce(p_shares[t.n], 0) AS share, row_number() OVER (ORDER BY coalesce(p_shares[t.n], 0), t.n) AS place
			FROM unnest(p_terms) WITH ORDINALITY AS t (term, n)
		), summed AS (
			SELECT r.*, r.share * p_chunks AS df, r.place = 1 OR sum(r.share) OVER (ORDER BY r.place) * p_chunks <= p_gate AS opens
			FROM rare r WHERE r.place <= p_most
		), gate AS (
			SELECT string_agg(s.q::text, ' | ')::tsquery AS q FROM summed s WHERE s.opens
		)
		SELECT array_agg(s.q ORDER BY s.place), array_agg(ln(1 + (p_chunks - s.df + 0.5) / (s.df + 0.5)) ORDER BY s.place),
			array_agg(CASE WHEN s.opens THEN v_base && s.q ELSE v_base && g.q && s.q END ORDER BY s.place) FILTER (WHERE s.opens OR s.share <= v_common)
		INTO v_terms, v_idf, v_looked FROM summed s CROSS JOIN gate g;
	ELSE
		SELECT array_agg(t.term::tsquery ORDER BY t.n), array_agg(v_base && t.term::tsquery ORDER BY t.n) INTO v_terms, v_looked
		FROM unnest(p_terms) WITH ORDINALITY AS t (term, n) WHERE t.n <= p_most;
	END IF;
	v_ranked := greatest(v_ranked, v_ranks / cardinality(v_looked));
	-- In which chunks each word is, the index says alone: no words of a chunk are read for that. Those that have most of them
	-- are ranked, which has to read them; with an empty vector added, it reads them once, not for each word. The others
	-- count as if each word came once.
	RETURN QUERY
	WITH f AS MATERIALIZED (
		SELECT t.n, c.id, c.ntok FROM unnest(v_looked) WITH ORDINALITY AS t (q, n) CROSS JOIN LATERAL (
			SELECT c.id, greatest(c.ntok, 1) AS ntok FROM kb_chunk c
			WHERE c.tsv @@ t.q AND c.kb_id = ANY (p_kb_ids) AND (p_documents IS NULL OR c.document_id = ANY (p_documents))) AS c
	), d AS (
		SELECT f.n, count(*) AS df FROM f GROUP BY f.n
	), w AS MATERIALIZED (
		SELECT t.n, t.q, coalesce(v_idf[t.n], ln(1 + (greatest(p_chunks, coalesce(d.df, 0)) - coalesce(d.df, 0) + 0.5) / (coalesce(d.df, 0) + 0.5))) AS idf
		FROM unnest(v_terms) WITH ORDINALITY AS t (q, n) LEFT JOIN d ON d.n = t.n
	), g AS MATERIALIZED (
		SELECT f.id, f.ntok, sum(w.idf) AS covered FROM f JOIN w ON w.n = f.n GROUP BY f.id, f.ntok
	), s AS (
		SELECT 1 + ln(avg(g.ntok)::float8) AS length FROM g
	), b AS MATERIALIZED (
		SELECT g.id, g.ntok, g.covered, row_number() OVER (ORDER BY g.covered / (1 + ln(g.ntok::float8)) DESC, g.id) AS place
		FROM g ORDER BY place LIMIT greatest(p_limit, v_ranked)
	), r AS (
		SELECT c.id, CASE WHEN c.tsv IS NULL THEN c.covered * v_once ELSE (SELECT sum(w.idf * ts_rank(c.tsv, w.q)) FROM w) END
			/ (1 + ln(c.ntok::float8)) AS ranked
		FROM (SELECT b.id, b.ntok, b.covered, CASE WHEN b.place <= v_ranked THEN c.tsv || ''::tsvector END AS tsv
			FROM b JOIN kb_chunk c ON c.id = b.id JOIN kb_document d ON d.id = c.document_id AND d.version = c.version OFFSET 0) AS c
	)
	SELECT r.id, (r.ranked * s.length / v_once)::float8, i.total FROM (SELECT sum(w.idf) AS total FROM w) AS i CROSS JOIN s LEFT JOIN r ON true
	ORDER BY 2 DESC NULLS LAST, 1 LIMIT p_limit;
END
$$;
COMMENT ON FUNCTION kb_search_words(uuid[], bigint, text[], float8[], uuid[], int, int, int) IS
	'The chunks in which words of a query are, by the sum of idf times ts_rank of each: BM25 without a table of its own. p_terms: each as a tsquery of one word; p_shares: in which share of all chunks it is (NULL, 0: it is rare). In more than p_gate chunks (p_chunks: of all bases) those are looked at that have the rarest of the words; fewer are counted exactly. Those are ranked whose words, however often they come, weigh most; in the others each counts once. idf_total: of all words, whether they are there or not; where none is, one row without a chunk tells it.';

DROP FUNCTION IF EXISTS kb_search(uuid, uuid[], bigint[], varbit[], text[], float8[], bigint, uuid[], int, int, int, int);
CREATE OR REPLACE FUNCTION kb_search(p_user_id uuid, p_kb_ids uuid[], p_space_ids bigint[], p_codes varbit[], p_near bigint[], p_terms text[], p_shares float8[], p_chunks bigint, p_documents uuid[],
	p_candidates int, p_worded int, p_gate int, p_most int)
	RETURNS TABLE (chunk_id bigint, document_id uuid, ord int, ntok int, space_id bigint, v bytea, by_vector boolean, lexical float8, idf_total float8)
	LANGUAGE plpgsql STABLE SET search_path = public, pg_temp SET plan_cache_mode = force_generic_plan SET enable_seqscan = off
AS $$
#variable_conflict use_column
DECLARE
	v_kb_ids uuid[] := kb_readable(p_user_id, p_kb_ids);
	v_near bigint[] := p_near || kb_search_vectors(v_kb_ids, p_space_ids, p_codes, p_documents, p_candidates);
	v_worded bigint[];
	v_lexical float8[];
	v_idf_total float8;
BEGIN
	SELECT array_agg(w.chunk_id), array_agg(w.lexical), max(w.idf_total) INTO v_worded, v_lexical, v_idf_total
	FROM kb_search_words(v_kb_ids, p_chunks, p_terms, p_shares, p_documents, p_gate, p_most, p_worded) AS w;
	RETURN QUERY
	SELECT c.id, c.document_id, c.ord, c.ntok, e.space_id, e.v, u.near, u.lexical, v_idf_total
	FROM (SELECT w.id, bool_or(w.near) AS near, max(w.lexical) AS lexical
			FROM (SELECT n.id, true AS near, 0::float8 AS lexical FROM unnest(v_near) AS n (id)
				UNION ALL SELECT l.id, false, l.lexical FROM unnest(v_worded, v_lexical) AS l (id, lexical) WHERE l.id IS NOT NULL) AS w
			GROUP BY w.id) AS u
		JOIN kb_chunk c ON c.id = u.id
		JOIN kb_document d ON d.id = c.document_id AND d.version = c.version
		LEFT JOIN kb_vec e ON e.chunk_id = c.id AND e.space_id = ANY (p_space_ids)
	WHERE c.kb_id = ANY (v_kb_ids);
END
$$;
COMMENT ON FUNCTION kb_search(uuid, uuid[], bigint[], varbit[], bigint[], text[], float8[], bigint, uuid[], int, int, int, int) IS
	'Candidates of both legs in bases that the user may read, with the vectors to put them in order: of the p_candidates nearest codes of each space (of one whose code is empty, none), of p_near, which the caller found, and of the p_worded best by words. Only what is shown of a document is found, not its other versions.';

CREATE OR REPLACE FUNCTION kb_search_texts(p_user_id uuid, p_chunk_ids bigint[])
	RETURNS TABLE (chunk_id bigint, kb_id uuid, document_id uuid, version int, title text, page_from int, page_to int, c0 int, c1 int, heading text, body text)
	LANGUAGE sql STABLE SET search_path = public, pg_temp
AS $$
	SELECT c.id, c.kb_id, c.document_id, c.version, v.title, c.page_from, c.page_to, c.c0, c.c1, c.heading, c.body
	FROM unnest(p_chunk_ids) WITH ORDINALITY AS w (id, n) JOIN kb_chunk c ON c.id = w.id
		JOIN kb_version v ON v.document_id = c.document_id AND v.version = c.version
	WHERE kb_may_read(c.kb_id, p_user_id) ORDER BY w.n;
$$;
COMMENT ON FUNCTION kb_search_texts(uuid, bigint[]) IS 'The texts of chunks that the user may read, in that order.';
