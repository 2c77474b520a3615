DROP FUNCTION IF EXISTS conversation_import, conversation_share, conversation_text;
DROP TABLE conversation_shares;
