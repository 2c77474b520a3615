DROP FUNCTION IF EXISTS kb_query_end, kb_near_prepare, kb_near_plan, kb_near;
DROP FUNCTION IF EXISTS kb_half CASCADE; -- and the indexes by it, where pgvector is
DROP FUNCTION IF EXISTS message_json(conversation_messages); -- it reads searched, and comes again with its area
ALTER TABLE conversation_messages DROP COLUMN searched;
ALTER TABLE conversations DROP COLUMN knowledge_rewrite;
ALTER TABLE assistants DROP COLUMN knowledge_rewrite;
ALTER TABLE agents DROP COLUMN knowledge_rewrite;
