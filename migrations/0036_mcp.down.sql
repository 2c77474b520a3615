-- It reads what goes; the release before makes it anew.
DROP FUNCTION IF EXISTS message_json(conversation_messages);
DROP FUNCTION IF EXISTS turn_question, tool_calls_json, tools_of, tool_calls_decide, tool_calls_end, tools_put;
ALTER TABLE assistants DROP COLUMN tool_servers;
ALTER TABLE agents DROP COLUMN tool_servers;
ALTER TABLE conversations DROP COLUMN tool_servers, DROP COLUMN tools_always;
DROP TABLE tool_calls;
ALTER TABLE conversation_messages DROP COLUMN has_calls;
DROP TABLE tools, tool_servers;
DROP DOMAIN tool_call_status, tool_approval;
