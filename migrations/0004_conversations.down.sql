DROP FUNCTION message_json(conversation_messages);
DROP FUNCTION message_is_error(varchar);
DROP TABLE conversation_messages, conversations;
DROP DOMAIN message_status, message_role;
