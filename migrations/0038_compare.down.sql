DROP FUNCTION IF EXISTS message_json(conversation_messages), comparison_has_room, comparison_begin, turn_open(uuid, uuid, uuid, uuid, uuid, uuid, text, jsonb, bigint, numeric, int,
	uuid, int, int, int, text, uuid, text, text, text, bytea, jsonb, text, jsonb);
ALTER TABLE conversation_messages DROP COLUMN compared, DROP COLUMN first_token_ms, DROP COLUMN left_out;
