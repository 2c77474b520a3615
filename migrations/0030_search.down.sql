DROP FUNCTION IF EXISTS kb_search_bases(uuid, uuid[], bigint[]);
ALTER TABLE kb_chunk ALTER COLUMN heading SET STORAGE EXTENDED, ALTER COLUMN text_hash SET STORAGE EXTENDED;
ALTER TABLE kb_chunk RESET (toast_tuple_target);
