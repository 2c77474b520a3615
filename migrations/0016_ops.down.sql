ALTER TYPE task_end DROP ATTRIBUTE op, DROP ATTRIBUTE details;
ALTER TABLE usage DROP COLUMN op;
UPDATE llm_models SET type = 'chat', enabled = false, is_default = false WHERE type IN ('rerank', 'moderation');
ALTER TABLE llm_models DROP CONSTRAINT llm_models_type_check,
	ADD CONSTRAINT llm_models_type_check CHECK (type IN ('chat', 'image', 'video', 'embedding', 'audio'));
COMMENT ON COLUMN llm_models.type IS 'chat, image, video, embedding or audio.';
COMMENT ON COLUMN usage.metadata IS 'Anything else worth keeping.';
