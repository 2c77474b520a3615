-- Questions are made searchable by a model where that is wanted, and answers say what was searched for.

ALTER TABLE agents ADD COLUMN knowledge_rewrite boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN agents.knowledge_rewrite IS 'Is a question made one that says all by itself before bases are searched for it?';
ALTER TABLE assistants ADD COLUMN knowledge_rewrite boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN assistants.knowledge_rewrite IS 'As agents.knowledge_rewrite.';
-- the large ones: no row is rewritten or looked at
ALTER TABLE conversations ADD COLUMN knowledge_rewrite boolean;
COMMENT ON COLUMN conversations.knowledge_rewrite IS 'As agents.knowledge_rewrite; NULL: as its agent or assistant, or not.';
-- It reads rows of the table; it comes again with its area.
DROP FUNCTION IF EXISTS message_json(conversation_messages);
ALTER TABLE conversation_messages ADD COLUMN searched jsonb;
COMMENT ON COLUMN conversation_messages.searched IS 'What bases were searched for before an answer, and what that cost: the API''s Searched; NULL: they were not.';
