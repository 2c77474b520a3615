-- Agents, conversations and their messages.

CREATE TABLE agents (
	id uuid PRIMARY KEY,
	name varchar(200) NOT NULL,
	description text NOT NULL DEFAULT '',
	prompt text NOT NULL DEFAULT '',
	model_id bigint NOT NULL REFERENCES llm_models ON DELETE RESTRICT,
	fallback_model_id bigint REFERENCES llm_models ON DELETE SET NULL,
	timeout_seconds int NOT NULL DEFAULT 120 CHECK (timeout_seconds BETWEEN 1 AND 3600),
	temperature real CHECK (temperature BETWEEN 0 AND 2),
	enabled boolean NOT NULL DEFAULT true,
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE agents IS 'A prompt with a model, a fallback model and a time limit.';
COMMENT ON COLUMN agents.id IS 'UUIDv7.';
COMMENT ON COLUMN agents.name IS 'Name shown to users.';
COMMENT ON COLUMN agents.description IS 'What it is for.';
COMMENT ON COLUMN agents.prompt IS 'System prompt put before the conversation.';
COMMENT ON COLUMN agents.model_id IS 'Model it runs on; a model in use cannot be deleted.';
COMMENT ON COLUMN agents.fallback_model_id IS 'Model taken after a timeout or a retryable failure before the first content; NULL: none.';
COMMENT ON COLUMN agents.timeout_seconds IS 'Time limit of one model call.';
COMMENT ON COLUMN agents.temperature IS 'Sampling temperature; NULL: the provider''s default.';
COMMENT ON COLUMN agents.enabled IS 'Offered to users.';
COMMENT ON COLUMN agents.created_at IS 'When it was made.';
COMMENT ON COLUMN agents.updated_at IS 'Last change.';

CREATE TABLE admin_debug_logs (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	admin_id uuid REFERENCES users ON DELETE SET NULL,
	agent_id uuid REFERENCES agents ON DELETE SET NULL,
	kind varchar(20) NOT NULL CHECK (kind IN ('route', 'preview', 'execution')),
	model varchar(200),
	input_tokens token_count NOT NULL DEFAULT 0,
	output_tokens token_count NOT NULL DEFAULT 0,
	cost credits_amount NOT NULL DEFAULT 0,
	request jsonb,
	response jsonb,
	error text,
	created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX admin_debug_logs_created ON admin_debug_logs (created_at DESC);
CREATE INDEX admin_debug_logs_agent ON admin_debug_logs (agent_id);
COMMENT ON TABLE admin_debug_logs IS 'What admins ran while debugging agents and what it would have cost. Nobody is charged. A few rows a day.';
COMMENT ON COLUMN admin_debug_logs.id IS 'Increasing id.';
COMMENT ON COLUMN admin_debug_logs.admin_id IS 'Who ran it; NULL after that account is gone.';
COMMENT ON COLUMN admin_debug_logs.agent_id IS 'The agent; NULL after it is gone.';
COMMENT ON COLUMN admin_debug_logs.kind IS 'route (no model call), preview of the prompt (no model call), or execution (a model call).';
COMMENT ON COLUMN admin_debug_logs.model IS 'Model called or chosen.';
COMMENT ON COLUMN admin_debug_logs.input_tokens IS 'Tokens sent.';
COMMENT ON COLUMN admin_debug_logs.output_tokens IS 'Tokens received.';
COMMENT ON COLUMN admin_debug_logs.cost IS 'Cost in credits by the model''s prices, borne by the operator.';
COMMENT ON COLUMN admin_debug_logs.request IS 'What was asked.';
COMMENT ON COLUMN admin_debug_logs.response IS 'What came back.';
COMMENT ON COLUMN admin_debug_logs.error IS 'Why it failed; NULL when it did not.';
COMMENT ON COLUMN admin_debug_logs.created_at IS 'When it ran.';

CREATE TABLE conversations (
	id uuid PRIMARY KEY,
	user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
	agent_id uuid REFERENCES agents ON DELETE SET NULL,
	project_id varchar(200),
	model_id bigint REFERENCES llm_models ON DELETE SET NULL,
	title varchar(500) NOT NULL DEFAULT '',
	title_is_custom boolean NOT NULL DEFAULT false,
	last_sequence bigint NOT NULL DEFAULT 0,
	message_count int NOT NULL DEFAULT 0,
	total_tokens bigint NOT NULL DEFAULT 0,
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);
-- the list: newest activity first, keyset (updated_at, id)
CREATE INDEX conversations_user_updated ON conversations (user_id, updated_at DESC, id DESC);
COMMENT ON TABLE conversations IS 'One row per conversation; updated once when a turn opens and once when it succeeds.';
COMMENT ON COLUMN conversations.id IS 'UUIDv7.';
COMMENT ON COLUMN conversations.user_id IS 'Owner.';
COMMENT ON COLUMN conversations.agent_id IS 'Agent it runs with; NULL: plain chat.';
COMMENT ON COLUMN conversations.project_id IS 'The caller''s own grouping; with agent_id it guards against duplicates.';
COMMENT ON COLUMN conversations.model_id IS 'Model chosen for it; NULL: the default.';
COMMENT ON COLUMN conversations.title IS 'Shown title; empty until the first message sets one.';
COMMENT ON COLUMN conversations.title_is_custom IS 'The user set the title: never replace it.';
COMMENT ON COLUMN conversations.last_sequence IS 'Highest sequence given to a message; never goes back.';
COMMENT ON COLUMN conversations.message_count IS 'Messages present, of any status.';
COMMENT ON COLUMN conversations.total_tokens IS 'Tokens of successful turns only.';
COMMENT ON COLUMN conversations.created_at IS 'When it was made.';
COMMENT ON COLUMN conversations.updated_at IS 'Last activity: creation, a turn opened, a change by the user. Not touched by settlement, so that the answer''s end moves nothing in the list.';

ALTER TABLE tasks ADD FOREIGN KEY (conversation_id) REFERENCES conversations ON DELETE SET NULL;

CREATE DOMAIN message_role AS varchar(10) CHECK (VALUE IN ('user', 'assistant', 'system'));
COMMENT ON DOMAIN message_role IS 'Who speaks.';
CREATE DOMAIN message_status AS varchar(30) CHECK (VALUE IN (
	'pending', 'processing', 'success', 'error', 'insufficient_balance', 'content_violation', 'llm_error'));
COMMENT ON DOMAIN message_status IS 'How far a message is: two live states, success, four failures.';

CREATE TABLE conversation_messages (
	id uuid PRIMARY KEY,
	conversation_id uuid NOT NULL REFERENCES conversations ON DELETE CASCADE,
	user_id uuid NOT NULL,
	sequence bigint NOT NULL,
	role message_role NOT NULL,
	content text NOT NULL DEFAULT '',
	reasoning text,
	status message_status NOT NULL DEFAULT 'pending',
	error_message text,
	model varchar(200),
	input_tokens token_count NOT NULL DEFAULT 0,
	output_tokens token_count NOT NULL DEFAULT 0,
	credits_cost credits_amount NOT NULL DEFAULT 0,
	attachments jsonb NOT NULL DEFAULT '[]',
	task_id uuid,
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now(),
	CONSTRAINT conversation_messages_sequence UNIQUE (conversation_id, sequence)
) WITH (fillfactor = 90, autovacuum_vacuum_scale_factor = 0.05);
-- Partial, so that the many finished messages cost each of them one entry at most.
-- The first finds what failed or hangs; the second answers the list's "has at least one successful answer".
CREATE INDEX idx_conversation_messages_status ON conversation_messages (status)
	WHERE status <> 'success';
CREATE INDEX idx_conversation_messages_role_status ON conversation_messages (conversation_id)
	WHERE role = 'assistant' AND status = 'success';
COMMENT ON TABLE conversation_messages IS
	'Messages. A turn adds two rows and updates one; grows by about 300 bytes plus the text per message. Pages are read by (conversation_id, sequence).';
COMMENT ON COLUMN conversation_messages.id IS 'UUIDv7.';
COMMENT ON COLUMN conversation_messages.conversation_id IS 'Its conversation; goes with it.';
COMMENT ON COLUMN conversation_messages.user_id IS 'Owner of the conversation, repeated here for the ownership check; always equal to conversations.user_id, hence no foreign key of its own.';
COMMENT ON COLUMN conversation_messages.sequence IS 'Place in the conversation: unique, increasing; a user message and its first answer are adjacent.';
COMMENT ON COLUMN conversation_messages.role IS 'user, assistant or system.';
COMMENT ON COLUMN conversation_messages.content IS 'The text; of an unfinished or failed answer, what was delivered.';
COMMENT ON COLUMN conversation_messages.reasoning IS 'The model''s reasoning where it sent any.';
COMMENT ON COLUMN conversation_messages.status IS 'pending, processing, success, or one of the failures error, insufficient_balance, content_violation, llm_error.';
COMMENT ON COLUMN conversation_messages.error_message IS 'Detail of a failure; NULL otherwise.';
COMMENT ON COLUMN conversation_messages.model IS 'Name of the model that answered (after fallback, the fallback).';
COMMENT ON COLUMN conversation_messages.input_tokens IS 'Tokens sent for this answer.';
COMMENT ON COLUMN conversation_messages.output_tokens IS 'Tokens of this answer.';
COMMENT ON COLUMN conversation_messages.credits_cost IS 'Credits charged for this answer.';
COMMENT ON COLUMN conversation_messages.attachments IS 'Array of {type, url}.';
COMMENT ON COLUMN conversation_messages.task_id IS 'Task that produced it. No foreign key: tasks point here, and both may go alone.';
COMMENT ON COLUMN conversation_messages.created_at IS 'When it was made.';
COMMENT ON COLUMN conversation_messages.updated_at IS 'Last change.';

GRANT SELECT, INSERT, UPDATE, DELETE ON agents, conversations, conversation_messages TO weir_service;
GRANT SELECT, INSERT ON admin_debug_logs TO weir_service;
