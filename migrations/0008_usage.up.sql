-- Usage: one row per settled request, for dashboards, bills and the auditor.

CREATE TABLE usage (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	created_at timestamptz NOT NULL DEFAULT now(),
	request_id text,
	task_id uuid,
	user_id uuid NOT NULL,
	channel_id bigint,
	channel varchar(200),
	provider varchar(50),
	model_id bigint,
	model varchar(200),
	request_tokens token_count NOT NULL DEFAULT 0,
	response_tokens token_count NOT NULL DEFAULT 0,
	total_tokens bigint GENERATED ALWAYS AS (request_tokens::bigint + response_tokens) STORED,
	estimated boolean NOT NULL DEFAULT false,
	cost credits_amount NOT NULL DEFAULT 0,
	overrun credits_amount NOT NULL DEFAULT 0,
	latency_ms int,
	first_token_ms int,
	status varchar(20) NOT NULL,
	error_code varchar(50),
	metadata jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX usage_user_created ON usage (user_id, created_at);
-- rollups and removal by age read whole ranges of days; rows arrive in time order
CREATE INDEX usage_created ON usage USING brin (created_at);
COMMENT ON TABLE usage IS
	'One row per settled task, written by the settlement itself. Append-only in normal running; about 250 bytes and two index entries each. Holds names, not only ids, and no foreign keys: it must outlive users, models and channels.';
COMMENT ON COLUMN usage.id IS 'Increasing id.';
COMMENT ON COLUMN usage.created_at IS 'Time of settlement.';
COMMENT ON COLUMN usage.request_id IS 'X-Request-Id of the call.';
COMMENT ON COLUMN usage.task_id IS 'The task.';
COMMENT ON COLUMN usage.user_id IS 'Who used it.';
COMMENT ON COLUMN usage.channel_id IS 'Channel that served it; NULL when none did.';
COMMENT ON COLUMN usage.channel IS 'Name of the channel at that time.';
COMMENT ON COLUMN usage.provider IS 'Adapter of the channel at that time.';
COMMENT ON COLUMN usage.model_id IS 'Model used (after fallback, the fallback).';
COMMENT ON COLUMN usage.model IS 'Its name at that time.';
COMMENT ON COLUMN usage.request_tokens IS 'Tokens sent.';
COMMENT ON COLUMN usage.response_tokens IS 'Tokens received.';
COMMENT ON COLUMN usage.total_tokens IS 'Sum of both.';
COMMENT ON COLUMN usage.estimated IS 'The provider sent no usage (or not in time): tokens are our estimate.';
COMMENT ON COLUMN usage.cost IS 'Credits charged.';
COMMENT ON COLUMN usage.overrun IS 'Cost above what was held, borne by the operator: never charged, but on record.';
COMMENT ON COLUMN usage.latency_ms IS 'From the opening of the turn to its end.';
COMMENT ON COLUMN usage.first_token_ms IS 'To the first content; NULL when there was none.';
COMMENT ON COLUMN usage.status IS 'How the task ended: completed, failed or cancelled.';
COMMENT ON COLUMN usage.error_code IS 'Stable code of the failure.';
COMMENT ON COLUMN usage.metadata IS 'Anything else worth keeping.';

GRANT SELECT, INSERT, DELETE ON usage TO weir_service;
