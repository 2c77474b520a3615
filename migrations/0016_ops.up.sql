-- What is no chat through the relay: types of models for it, and what a call was and took.

ALTER TABLE llm_models DROP CONSTRAINT llm_models_type_check,
	ADD CONSTRAINT llm_models_type_check
	CHECK (type IN ('chat', 'image', 'video', 'embedding', 'audio', 'rerank', 'moderation'));
COMMENT ON COLUMN llm_models.type IS 'chat, image, video, embedding, audio, rerank or moderation.';

ALTER TABLE usage ADD COLUMN op varchar(40);
COMMENT ON COLUMN usage.op IS 'What was asked: chat, embeddings, images.generations …; NULL: of a call whose process died, or from before there were others.';
COMMENT ON COLUMN usage.metadata IS 'The lines of its bill, the tries that failed, what it took besides tokens (images, seconds, characters, queries): src/engine/details.h; {}: nothing of it.';

ALTER TYPE task_end ADD ATTRIBUTE op text, ADD ATTRIBUTE details jsonb;
