-- 'embed_cost' stays in credits_change_type: PostgreSQL takes no value out of an enumeration.
DROP VIEW IF EXISTS audit_broken; -- as in 0021
DROP FUNCTION IF EXISTS kb_search_bases(uuid, uuid[]), kb_query_open(uuid, uuid, uuid, bigint, numeric, int, text, jsonb, text),
	kb_query_end(uuid, uuid, bigint, text, text, int, boolean, numeric, bigint, int, text, text, jsonb, text, text, bytea, bytea),
	kb_search_vectors(uuid[], bigint[], varbit[], uuid[], int), kb_search_words(uuid[], bigint, text[], float8[], uuid[], int, int, int),
	kb_search(uuid, uuid[], bigint[], varbit[], text[], float8[], bigint, uuid[], int, int, int, int), kb_search_texts(uuid, bigint[]),
	message_json(conversation_messages); -- names a column that goes, and comes again with its area
DROP FUNCTION IF EXISTS kb_lexeme(uuid), kb_may_read(uuid, uuid), kb_readable(uuid, uuid[]);
ALTER TABLE conversation_messages DROP COLUMN citations;
ALTER TABLE conversations DROP COLUMN knowledge_ids, DROP COLUMN knowledge_mode;
ALTER TABLE agents DROP COLUMN knowledge_ids, DROP COLUMN knowledge_mode;
DROP TABLE kb_embed_cache, kb_run, kb_vec, kb_code, kb_chunk, kb_space, kb_text, kb_version, kb_document, kb_share, kb;
DROP DOMAIN kb_mode, kb_run_state, kb_space_state, kb_state;
DELETE FROM tasks WHERE type = 'embed';
COMMENT ON COLUMN tasks.type IS 'chat, image, video or relay.';
-- they would be in the way of the domain, and come again with their areas
DROP FUNCTION IF EXISTS task_json(tasks), task_is_alive(tasks);
ALTER DOMAIN task_type DROP CONSTRAINT task_type_check;
ALTER DOMAIN task_type ADD CONSTRAINT task_type_check CHECK (VALUE IN ('chat', 'image', 'video', 'relay')) NOT VALID;
