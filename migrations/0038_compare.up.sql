-- Answers of several models beside each other; what an answer's prompt had no room for.

-- It reads rows of the table, which PostgreSQL 17 does not let grow then; it comes again with its area.
DROP FUNCTION IF EXISTS message_json(conversation_messages);
ALTER TABLE conversation_messages
	ADD COLUMN compared boolean NOT NULL DEFAULT false,
	ADD COLUMN first_token_ms int,
	ADD COLUMN left_out jsonb;
COMMENT ON COLUMN conversation_messages.compared IS
	'One of the answers to a question that were asked for beside each other; three at most.';
COMMENT ON COLUMN conversation_messages.first_token_ms IS 'From the opening of its turn to the first content; NULL: not known, or there was none.';
COMMENT ON COLUMN conversation_messages.left_out IS
	'Names of the documents of earlier questions that its prompt had no room for; NULL: none.';
