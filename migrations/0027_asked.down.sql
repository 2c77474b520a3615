DROP FUNCTION IF EXISTS media_open(uuid, uuid, uuid, uuid, uuid, text, bigint, numeric, int, int, int, text, text, bytea, jsonb, text, text, jsonb, jsonb, int, uuid, uuid, text, jsonb);
DROP FUNCTION IF EXISTS task_json(tasks); -- it comes again with its area
ALTER TABLE tasks DROP COLUMN asked;
