-- Agents, and the record of what admins spent while debugging them.

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

GRANT SELECT, INSERT, UPDATE, DELETE ON agents TO weir_service;
GRANT SELECT, INSERT ON admin_debug_logs TO weir_service;
