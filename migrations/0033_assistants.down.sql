DROP FUNCTION IF EXISTS assistant_may_use, assistant_put, assistant_by_token, assistant_keep, prompts_add;
ALTER TABLE conversations DROP CONSTRAINT conversations_settings, DROP COLUMN assistant_id, DROP COLUMN assistant_name,
	DROP COLUMN prompt, DROP COLUMN temperature, DROP COLUMN top_p, DROP COLUMN context_messages;
DROP TABLE prompts, assistant_keeps, assistants;
