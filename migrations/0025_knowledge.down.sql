-- 'embed_cost' stays in credits_change_type: PostgreSQL takes no value out of an enumeration.
DROP VIEW IF EXISTS audit_broken; -- as in 0021
DROP FUNCTION IF EXISTS kb_lexeme, kb_may_read, kb_readable, kb_version_json, kb_document_json, kb_json, kb_create, kb_job,
	kb_run_stop, kb_space_drop, kb_set_model, kb_set_share, kb_document_put, kb_stop, kb_lock, kb_document_cancel,
	kb_document_retry, kb_document_delete, kb_delete, kb_parse_take, kb_fetched, kb_parse_state, kb_parse_failed,
	kb_chunks_add, kb_parsed, kb_settle, kb_space_switch, kb_cache_key, kb_embed_take, kb_embed_open, kb_embed_batch,
	kb_space_mean, kb_space_recentre, kb_embed_store, kb_embed_later, kb_embed_end, kb_idle, kb_sweep, kb_search_bases,
	kb_query_open, kb_query_end, kb_search_vectors, kb_search_words, kb_search, kb_search_texts;
DROP FUNCTION IF EXISTS message_json(conversation_messages); -- it reads citations, and comes again with its area
ALTER TABLE conversation_messages DROP COLUMN citations;
ALTER TABLE conversations DROP COLUMN knowledge_ids, DROP COLUMN knowledge_mode;
ALTER TABLE agents DROP COLUMN knowledge_ids, DROP COLUMN knowledge_mode;
DROP TABLE kb_embed_cache, kb_run, kb_vec, kb_code, kb_chunk, kb_space, kb_text, kb_version, kb_document, kb_share, kb;
DROP DOMAIN kb_run_state, kb_space_state, kb_state;
DELETE FROM tasks WHERE type = 'embed';
COMMENT ON COLUMN tasks.type IS 'chat, image, video or relay.';
-- they would be in the way of the domain, and come again with their areas
DROP FUNCTION IF EXISTS task_json(tasks), task_is_alive(tasks);
ALTER DOMAIN task_type DROP CONSTRAINT task_type_check;
ALTER DOMAIN task_type ADD CONSTRAINT task_type_check CHECK (VALUE IN ('chat', 'image', 'video', 'relay')) NOT VALID;
