DROP FUNCTION IF EXISTS media_claim(uuid, bigint, bigint, bytea, text, boolean);
ALTER TABLE media_submits DROP COLUMN model;
