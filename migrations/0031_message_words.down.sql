DROP TRIGGER IF EXISTS message_written ON conversation_messages;
DROP TRIGGER IF EXISTS message_rewritten ON conversation_messages;
DROP FUNCTION IF EXISTS message_lexeme(uuid), message_note(), message_words_due(int), message_words_put(jsonb, bigint[]);
DROP TABLE message_words_past, message_news, message_words;
