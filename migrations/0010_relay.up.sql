-- Calls of the relay: tasks without a conversation, through an API key; what the provider's cache and thoughts took.

ALTER DOMAIN task_type DROP CONSTRAINT task_type_check;
-- what is there was allowed before; looking at it again PostgreSQL 17 refuses, for a function's sake
ALTER DOMAIN task_type ADD CONSTRAINT task_type_check CHECK (VALUE IN ('chat', 'image', 'video', 'relay')) NOT VALID;
ALTER TYPE credits_change_type ADD VALUE IF NOT EXISTS 'relay_cost';

ALTER TABLE tasks ADD COLUMN key_id uuid, ADD COLUMN prompt_tokens int;
COMMENT ON COLUMN tasks.type IS 'chat, image, video or relay.';
COMMENT ON COLUMN tasks.key_id IS 'API key it came through (no foreign key: keys may be deleted); NULL: none.';
COMMENT ON COLUMN tasks.prompt_tokens IS 'Our estimate of what was asked, where no message tells it: by this a task is settled whose owner died.';

ALTER TABLE usage ADD COLUMN key_id uuid,
	ADD COLUMN cached_tokens token_count NOT NULL DEFAULT 0,
	ADD COLUMN cache_write_tokens token_count NOT NULL DEFAULT 0,
	ADD COLUMN reasoning_tokens token_count NOT NULL DEFAULT 0;
COMMENT ON COLUMN usage.key_id IS 'API key it came through; NULL: none.';
COMMENT ON COLUMN usage.cached_tokens IS 'Of request_tokens: read from the provider''s cache.';
COMMENT ON COLUMN usage.cache_write_tokens IS 'Of request_tokens: written to the provider''s cache.';
COMMENT ON COLUMN usage.reasoning_tokens IS 'Of response_tokens: the model''s reasoning.';

ALTER TYPE task_ask ADD ATTRIBUTE key_id uuid, ADD ATTRIBUTE prompt_tokens int;
ALTER TYPE task_end ADD ATTRIBUTE cached_tokens int, ADD ATTRIBUTE cache_write_tokens int, ADD ATTRIBUTE reasoning_tokens int;

-- it tells more now
DROP FUNCTION IF EXISTS turn_dead(int);
