-- Tools of others that models may call: servers that speak MCP, what they have, and the calls in answers.

CREATE DOMAIN tool_approval AS varchar(6) CHECK (VALUE IN ('ask', 'always'));
COMMENT ON DOMAIN tool_approval IS 'ask: each call waits for the user''s word; always: calls are made without.';
CREATE DOMAIN tool_call_status AS varchar(8)
	CHECK (VALUE IN ('asked', 'approved', 'denied', 'running', 'unclear', 'done', 'failed'));
COMMENT ON DOMAIN tool_call_status IS
	'asked: waits for the user''s word; approved: may be made; running: being made by its owner; unclear: it may have been made or not; the others are ends.';

CREATE TABLE tool_servers (
	id uuid PRIMARY KEY,
	name varchar(24) NOT NULL UNIQUE CHECK (name ~ '^[a-z0-9-]+$' AND name NOT LIKE '-%' AND name NOT LIKE '%-'),
	description varchar(500) NOT NULL DEFAULT '',
	url varchar(2048) NOT NULL,
	authorization_enc bytea,
	allow_private boolean NOT NULL DEFAULT false,
	enabled boolean NOT NULL DEFAULT true,
	approval tool_approval NOT NULL DEFAULT 'ask',
	read_at timestamptz,
	read_error varchar(500),
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE tool_servers IS 'Servers that speak MCP (Model Context Protocol), set up by operators. A few.';
COMMENT ON COLUMN tool_servers.id IS 'UUIDv7.';
COMMENT ON COLUMN tool_servers.name IS 'Short name, which the names of its tools begin with.';
COMMENT ON COLUMN tool_servers.description IS 'What users read of it.';
COMMENT ON COLUMN tool_servers.url IS 'Its endpoint for MCP over Streamable HTTP.';
COMMENT ON COLUMN tool_servers.authorization_enc IS 'Value of the header Authorization, sealed; NULL: none is sent.';
COMMENT ON COLUMN tool_servers.allow_private IS 'It may be in a private network or on this host.';
COMMENT ON COLUMN tool_servers.enabled IS 'Users may choose it.';
COMMENT ON COLUMN tool_servers.approval IS 'Of its tools that say nothing of their own.';
COMMENT ON COLUMN tool_servers.read_at IS 'When its tools were read last; NULL: never.';
COMMENT ON COLUMN tool_servers.read_error IS 'Why reading them failed the last time; NULL: it did not.';
COMMENT ON COLUMN tool_servers.created_at IS 'When it was added.';
COMMENT ON COLUMN tool_servers.updated_at IS 'Last change.';

CREATE TABLE tools (
	server_id uuid NOT NULL REFERENCES tool_servers ON DELETE CASCADE,
	name varchar(128) NOT NULL,
	called varchar(64) NOT NULL UNIQUE CHECK (called ~ '^[a-zA-Z0-9_-]+$'),
	description varchar(4000) NOT NULL DEFAULT '',
	parameters jsonb NOT NULL,
	position int NOT NULL,
	enabled boolean NOT NULL DEFAULT true,
	approval tool_approval,
	PRIMARY KEY (server_id, name)
);
COMMENT ON TABLE tools IS 'The tools of a server, as it listed them last.';
COMMENT ON COLUMN tools.server_id IS 'Its server; goes with it.';
COMMENT ON COLUMN tools.name IS 'What its server calls it.';
COMMENT ON COLUMN tools.called IS 'What models call it: the server''s name and its own, as every provider takes it.';
COMMENT ON COLUMN tools.description IS 'What it is for, as its server says; models read it.';
COMMENT ON COLUMN tools.parameters IS 'JSON Schema of its arguments, as its server says.';
COMMENT ON COLUMN tools.position IS 'Place in the server''s list.';
COMMENT ON COLUMN tools.enabled IS 'Models are told of it; stays when the list is read again.';
COMMENT ON COLUMN tools.approval IS 'Its own; NULL: the server''s. Stays when the list is read again.';

ALTER TABLE conversation_messages ADD COLUMN has_calls boolean;
COMMENT ON COLUMN conversation_messages.has_calls IS 'Its answer calls tools: tool_calls has them; NULL: it calls none.';

CREATE TABLE tool_calls (
	message_id uuid NOT NULL REFERENCES conversation_messages ON DELETE CASCADE,
	position smallint NOT NULL,
	call_id varchar(200) NOT NULL,
	called varchar(200) NOT NULL,
	server_id uuid REFERENCES tool_servers ON DELETE SET NULL,
	server varchar(24),
	tool varchar(128),
	arguments text NOT NULL,
	signature text,
	status tool_call_status NOT NULL,
	result text,
	is_cut boolean NOT NULL DEFAULT false,
	owner uuid,
	started_at timestamptz,
	ended_at timestamptz,
	PRIMARY KEY (message_id, position)
);
CREATE INDEX tool_calls_server ON tool_calls (server_id);
COMMENT ON TABLE tool_calls IS 'Calls of tools that answers of conversations ask for, and what came of them.';
COMMENT ON COLUMN tool_calls.message_id IS 'The answer; they go with it.';
COMMENT ON COLUMN tool_calls.position IS 'Which of its calls, from 0.';
COMMENT ON COLUMN tool_calls.call_id IS 'What its model calls it: the result refers to it.';
COMMENT ON COLUMN tool_calls.called IS 'The tool, in the model''s words.';
COMMENT ON COLUMN tool_calls.server_id IS 'The server it goes to; NULL: there is no such tool, or the server is gone.';
COMMENT ON COLUMN tool_calls.server IS 'Name of the server; NULL: there is no such tool.';
COMMENT ON COLUMN tool_calls.tool IS 'What the server calls the tool; NULL: there is no such tool.';
COMMENT ON COLUMN tool_calls.arguments IS 'As the model wrote them: JSON, if it is what it should be.';
COMMENT ON COLUMN tool_calls.signature IS 'The seal of its provider, which goes back with it; NULL: none.';
COMMENT ON COLUMN tool_calls.status IS 'How far it is.';
COMMENT ON COLUMN tool_calls.result IS 'What the tool said, or why there is nothing; NULL: it has not ended.';
COMMENT ON COLUMN tool_calls.is_cut IS 'The result was longer.';
COMMENT ON COLUMN tool_calls.owner IS 'Process that makes the call; no foreign key, as of tasks. NULL: none.';
COMMENT ON COLUMN tool_calls.started_at IS 'When it was made last; NULL: never.';
COMMENT ON COLUMN tool_calls.ended_at IS 'When it ended; NULL: it has not, or was never made.';

ALTER TABLE conversations ADD COLUMN tool_servers uuid[], ADD COLUMN tools_always varchar(64)[];
COMMENT ON COLUMN conversations.tool_servers IS 'Servers whose tools its model may call; NULL: those of its agent or assistant.';
COMMENT ON COLUMN conversations.tools_always IS 'Tools, by what models call them, that the user lets be called here without being asked; NULL: none.';
ALTER TABLE agents ADD COLUMN tool_servers uuid[];
COMMENT ON COLUMN agents.tool_servers IS 'Servers whose tools it may call; NULL: none.';
ALTER TABLE assistants ADD COLUMN tool_servers uuid[];
COMMENT ON COLUMN assistants.tool_servers IS 'Servers whose tools it may call; NULL: none.';

GRANT SELECT, INSERT, UPDATE, DELETE ON tool_servers, tools, tool_calls TO weir_service;
