-- Who did what, from where, and whether it worked.

CREATE TABLE audit_log (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	at timestamptz NOT NULL DEFAULT now(),
	user_id uuid,
	action varchar(100) NOT NULL,
	object text,
	details jsonb NOT NULL DEFAULT '{}',
	result varchar(50) NOT NULL DEFAULT 'ok',
	ip inet,
	user_agent text,
	request_id text
);
CREATE INDEX audit_log_user ON audit_log (user_id, id DESC);
CREATE INDEX audit_log_action ON audit_log (action, id DESC);
CREATE INDEX audit_log_at ON audit_log USING brin (at);
COMMENT ON TABLE audit_log IS
	'Security-relevant events: authentication, credits, channels, models, agents, administration. The programs may add and read, not change or remove; about 300 bytes per event.';
COMMENT ON COLUMN audit_log.id IS 'Increasing id.';
COMMENT ON COLUMN audit_log.at IS 'When.';
COMMENT ON COLUMN audit_log.user_id IS 'Who; NULL when not known. No foreign key: the log outlives accounts.';
COMMENT ON COLUMN audit_log.action IS 'What, such as auth.login or credits.grant.';
COMMENT ON COLUMN audit_log.object IS 'On what, such as user:<id> or channel:3.';
COMMENT ON COLUMN audit_log.details IS 'Particulars; never a secret.';
COMMENT ON COLUMN audit_log.result IS 'ok, denied, or a stable error code.';
COMMENT ON COLUMN audit_log.ip IS 'Client address as the trusted web server tells it.';
COMMENT ON COLUMN audit_log.user_agent IS 'User-Agent of the call.';
COMMENT ON COLUMN audit_log.request_id IS 'X-Request-Id of the call.';

GRANT SELECT, INSERT ON audit_log TO weir_service;
