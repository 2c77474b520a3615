-- Accounts people trust: second factors, sign-in at a provider, leaving and taking everything along.

CREATE TABLE user_factors (
	user_id uuid PRIMARY KEY REFERENCES users ON DELETE CASCADE,
	secret_enc bytea NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now(),
	confirmed_at timestamptz,
	last_step bigint NOT NULL DEFAULT 0,
	failures int NOT NULL DEFAULT 0,
	tried_at timestamptz
);
COMMENT ON TABLE user_factors IS 'The second factor of accounts that have one: a secret for codes by time (RFC 6238).';
COMMENT ON COLUMN user_factors.user_id IS 'Whose.';
COMMENT ON COLUMN user_factors.secret_enc IS 'The secret as base32, sealed with [auth] encryption_key.';
COMMENT ON COLUMN user_factors.created_at IS 'When it was made.';
COMMENT ON COLUMN user_factors.confirmed_at IS 'When a first code proved that its owner has it; NULL: it asks for nothing yet.';
COMMENT ON COLUMN user_factors.last_step IS 'The newest step of 30 s whose code was used: no code of it or before counts again.';
COMMENT ON COLUMN user_factors.failures IS 'Wrong codes since the last right one; from the fifth on each has to wait longer.';
COMMENT ON COLUMN user_factors.tried_at IS 'When the last code was tried.';

CREATE TABLE recovery_codes (
	user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
	code_hash bytea NOT NULL,
	used_at timestamptz,
	PRIMARY KEY (user_id, code_hash)
);
COMMENT ON TABLE recovery_codes IS 'Codes that stand in for a lost second factor, each once. Ten an account that has one.';
COMMENT ON COLUMN recovery_codes.user_id IS 'Whose.';
COMMENT ON COLUMN recovery_codes.code_hash IS 'SHA-256 of the code (80 random bits) without its dashes.';
COMMENT ON COLUMN recovery_codes.used_at IS 'When it was used; NULL while it may be.';

CREATE TABLE sign_in_challenges (
	token_hash bytea PRIMARY KEY,
	user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
	proof bytea,
	created_at timestamptz NOT NULL DEFAULT now(),
	expires_at timestamptz NOT NULL,
	tries int NOT NULL DEFAULT 0
);
CREATE INDEX sign_in_challenges_user ON sign_in_challenges (user_id);
CREATE INDEX sign_in_challenges_expires ON sign_in_challenges (expires_at);
COMMENT ON TABLE sign_in_challenges IS 'Sign-ins whose first half is done. They open a session together with a code, and nothing else. Removed when they are over.';
COMMENT ON COLUMN sign_in_challenges.token_hash IS 'SHA-256 of what the client has.';
COMMENT ON COLUMN sign_in_challenges.user_id IS 'Who signs in.';
COMMENT ON COLUMN sign_in_challenges.proof IS 'SHA-256 of the password hash that was met: with another password it is worth nothing. NULL: the first half was a provider.';
COMMENT ON COLUMN sign_in_challenges.created_at IS 'When the first half was done.';
COMMENT ON COLUMN sign_in_challenges.expires_at IS 'Not accepted after this time.';
COMMENT ON COLUMN sign_in_challenges.tries IS 'Codes that were tried with it.';

CREATE TABLE user_identities (
	id uuid NOT NULL UNIQUE,
	issuer text NOT NULL,
	subject text NOT NULL,
	user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
	email text,
	created_at timestamptz NOT NULL DEFAULT now(),
	last_used_at timestamptz,
	PRIMARY KEY (issuer, subject)
);
CREATE INDEX user_identities_user ON user_identities (user_id);
COMMENT ON TABLE user_identities IS 'Who an account is at an OpenID provider. Found by issuer and subject alone, never by e-mail.';
COMMENT ON COLUMN user_identities.id IS 'UUIDv7, what its owner calls it by.';
COMMENT ON COLUMN user_identities.issuer IS 'iss of the provider''s tokens.';
COMMENT ON COLUMN user_identities.subject IS 'sub of them: whom the provider calls so for ever.';
COMMENT ON COLUMN user_identities.user_id IS 'The account.';
COMMENT ON COLUMN user_identities.email IS 'The address the provider told when it was linked, for its owner to know it by.';
COMMENT ON COLUMN user_identities.created_at IS 'When it was linked.';
COMMENT ON COLUMN user_identities.last_used_at IS 'Last sign-in by it.';

CREATE TABLE oidc_flows (
	state_hash bytea PRIMARY KEY,
	browser_hash bytea NOT NULL,
	user_id uuid REFERENCES users ON DELETE CASCADE,
	created_at timestamptz NOT NULL DEFAULT now(),
	expires_at timestamptz NOT NULL
);
CREATE INDEX oidc_flows_expires ON oidc_flows (expires_at);
COMMENT ON TABLE oidc_flows IS 'Ways to an OpenID provider that somebody is on. Each is taken once, by the browser that began it.';
COMMENT ON COLUMN oidc_flows.state_hash IS 'SHA-256 of the state parameter.';
COMMENT ON COLUMN oidc_flows.browser_hash IS 'SHA-256 of the cookie of that browser, from which nonce and code verifier are made.';
COMMENT ON COLUMN oidc_flows.user_id IS 'The account that is to be linked; NULL: somebody signs in.';
COMMENT ON COLUMN oidc_flows.created_at IS 'When it began.';
COMMENT ON COLUMN oidc_flows.expires_at IS 'Not accepted after this time.';

CREATE TABLE account_exits (
	user_id uuid PRIMARY KEY REFERENCES users ON DELETE CASCADE,
	asked_at timestamptz NOT NULL DEFAULT now(),
	erase_at timestamptz NOT NULL,
	begun_at timestamptz,
	erased_at timestamptz
);
CREATE INDEX account_exits_due ON account_exits (erase_at) WHERE erased_at IS NULL;
COMMENT ON TABLE account_exits IS 'Accounts whose owner wants them gone. Until it has begun a sign-in takes it back.';
COMMENT ON COLUMN account_exits.user_id IS 'The account. Its row stays, without a name, for the money''s sake.';
COMMENT ON COLUMN account_exits.asked_at IS 'When it was asked for.';
COMMENT ON COLUMN account_exits.erase_at IS 'When what it has is removed.';
COMMENT ON COLUMN account_exits.begun_at IS 'When removing began: from then on nobody signs in.';
COMMENT ON COLUMN account_exits.erased_at IS 'When nothing was left.';

CREATE TABLE account_exports (
	id uuid PRIMARY KEY,
	user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
	status varchar(10) NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'ready')),
	object_id uuid REFERENCES objects,
	size_bytes bigint,
	created_at timestamptz NOT NULL DEFAULT now(),
	expires_at timestamptz NOT NULL
);
CREATE INDEX account_exports_user ON account_exports (user_id);
CREATE INDEX account_exports_object ON account_exports (object_id);
CREATE INDEX account_exports_expires ON account_exports (expires_at);
COMMENT ON TABLE account_exports IS 'Files with everything of an account, made when their owner asks and removed when they expire. One an account.';
COMMENT ON COLUMN account_exports.id IS 'UUIDv7.';
COMMENT ON COLUMN account_exports.user_id IS 'Whose.';
COMMENT ON COLUMN account_exports.status IS 'pending: a job makes it; ready.';
COMMENT ON COLUMN account_exports.object_id IS 'Its bytes; NULL until it is ready.';
COMMENT ON COLUMN account_exports.size_bytes IS 'How many.';
COMMENT ON COLUMN account_exports.created_at IS 'When it was asked for.';
COMMENT ON COLUMN account_exports.expires_at IS 'When it is removed.';

GRANT SELECT, INSERT, UPDATE, DELETE ON user_factors, recovery_codes, sign_in_challenges, user_identities, oidc_flows, account_exits,
	account_exports TO weir_service;

COMMENT ON COLUMN sessions.revoke_reason IS 'logout, password_change, token_reuse, disabled, reset, second_factor, account_deleted.';
