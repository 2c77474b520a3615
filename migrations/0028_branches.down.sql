DROP FUNCTION IF EXISTS conversation_leaf(uuid), branch_choose(uuid, uuid), message_activate(uuid, uuid, uuid),
	messages_delete(uuid, uuid, uuid, boolean);
ALTER TABLE conversation_messages
	DROP COLUMN parent_id, DROP COLUMN chosen, DROP COLUMN active, DROP COLUMN finish,
	DROP COLUMN verdict, DROP COLUMN verdict_note, DROP COLUMN verdict_at;
