DROP FUNCTION IF EXISTS media_claim(uuid, bigint, bigint, bytea, text, boolean);
DROP FUNCTION IF EXISTS media_adopt(uuid, text), media_disown(uuid, text, text);
ALTER TABLE media_submits DROP COLUMN model;
