-- Its functions too, those of functions/chat.sql.

DROP FUNCTION IF EXISTS message_delete, conversation_delete, turn_settle, turns_settle, turn_open, message_restore,
	message_json, message_is_error;
ALTER TABLE tasks DROP CONSTRAINT tasks_conversation_id_fkey;
DROP TABLE conversation_messages, conversations, admin_debug_logs, agents;
DROP DOMAIN message_status, message_role;
