DROP FUNCTION IF EXISTS preview_put(uuid, uuid, bigint, int, int, bigint), preview_want(uuid, text), previews_want(boolean, boolean, int);
DROP FUNCTION IF EXISTS upload_json(uploads, text), preview_json(text, text, int, int, bigint, boolean);
DROP FUNCTION IF EXISTS upload_ticket(uuid, uuid, text, bigint, bigint, int), upload_complete(uuid, uuid, text);
DROP TABLE upload_tickets;
DROP TABLE previews;
ALTER TABLE uploads DROP COLUMN is_ai_made;
