-- 'relay_cost' stays in credits_change_type: PostgreSQL takes no value out of an enumeration.
DROP FUNCTION IF EXISTS relay_open, relays_settle, relay_key_refusal;
DROP FUNCTION IF EXISTS turn_dead(int);
DELETE FROM tasks WHERE type = 'relay';
ALTER TYPE task_end DROP ATTRIBUTE cached_tokens, DROP ATTRIBUTE cache_write_tokens, DROP ATTRIBUTE reasoning_tokens;
ALTER TYPE task_ask DROP ATTRIBUTE key_id, DROP ATTRIBUTE prompt_tokens;
ALTER TABLE usage DROP COLUMN key_id, DROP COLUMN cached_tokens, DROP COLUMN cache_write_tokens, DROP COLUMN reasoning_tokens;
ALTER TABLE tasks DROP COLUMN key_id, DROP COLUMN prompt_tokens;
COMMENT ON COLUMN tasks.type IS 'chat, image or video.';
-- it would be in the way of the domain, and comes again with its area
DROP FUNCTION IF EXISTS task_json(tasks);
ALTER DOMAIN task_type DROP CONSTRAINT task_type_check;
ALTER DOMAIN task_type ADD CONSTRAINT task_type_check CHECK (VALUE IN ('chat', 'image', 'video'));
