DROP TRIGGER IF EXISTS sessions_push ON sessions;
DROP TRIGGER IF EXISTS kb_version_push ON kb_version;
DROP FUNCTION IF EXISTS push_note(uuid, text, text, text, jsonb), push_session_over(), push_document_over(), push_subscribe(uuid, uuid, uuid, text, bytea, bytea, text, int), push_taken(uuid), push_refused(uuid, boolean, int);
DROP TABLE push_subscriptions, push_key, user_preferences;
