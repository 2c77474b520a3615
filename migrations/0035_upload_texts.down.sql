DROP FUNCTION IF EXISTS upload_put(uuid, uuid, text, bigint, bigint, text, bytea, text, text), upload_text_want(uuid, text, text, text),
	upload_text_take(uuid, int), upload_text_ready(uuid, text, int, bigint, bigint, uuid, text, bytea, bigint), upload_text_failed(uuid, text, text, int);
DROP TABLE upload_texts;
