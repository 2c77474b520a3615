DROP FUNCTION credits_held(uuid);
DROP FUNCTION prune_expired(int);
DROP FUNCTION message_delete(uuid, uuid, uuid);
DROP FUNCTION conversation_delete(uuid, uuid);
DROP FUNCTION turn_dead(int);
DROP FUNCTION turn_settle(uuid, uuid, text, text, text, text, text, text, int, int, boolean, numeric, bigint, bigint, int, int, text);
DROP FUNCTION turn_open(uuid, uuid, uuid, uuid, uuid, uuid, text, jsonb, bigint, numeric, int, uuid, int, int, int, text, uuid, text, text, text, bytea);
