-- Accounts: users and their balance, sessions, invitations.

CREATE DOMAIN user_role AS varchar(10) CHECK (VALUE IN ('user', 'admin'));
COMMENT ON DOMAIN user_role IS 'What a user may do.';
CREATE DOMAIN user_status AS varchar(10) CHECK (VALUE IN ('active', 'disabled'));
COMMENT ON DOMAIN user_status IS 'Whether an account may be used.';

CREATE TABLE users (
	id uuid PRIMARY KEY,
	email text,
	phone text,
	nickname text NOT NULL DEFAULT '',
	password_hash text,
	role user_role NOT NULL DEFAULT 'user',
	status user_status NOT NULL DEFAULT 'active',
	credits credits_amount NOT NULL DEFAULT 0,
	locale varchar(16) NOT NULL DEFAULT 'en',
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now(),
	last_login_at timestamptz
) WITH (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.05);
CREATE UNIQUE INDEX users_email ON users (lower(email));
CREATE UNIQUE INDEX users_phone ON users (phone);
COMMENT ON TABLE users IS
	'One row per account. Hot: every hold and settlement updates the balance in place (no indexed column changes, so the update stays on its page).';
COMMENT ON COLUMN users.id IS 'UUIDv7, made by the program.';
COMMENT ON COLUMN users.email IS 'Login address as typed; unique without regard to case. At least one of email and phone is set.';
COMMENT ON COLUMN users.phone IS 'Login phone number; unique.';
COMMENT ON COLUMN users.nickname IS 'Shown name, chosen by the user.';
COMMENT ON COLUMN users.password_hash IS 'Argon2id, or bcrypt from an import until the next login upgrades it; NULL when the account has no password.';
COMMENT ON COLUMN users.role IS 'user or admin.';
COMMENT ON COLUMN users.status IS 'active, or disabled: may not sign in nor open a turn.';
COMMENT ON COLUMN users.credits IS 'Available balance in credits, holds already taken off. Changed only by the credits_* functions, each change with a row in credits_history.';
COMMENT ON COLUMN users.locale IS 'Preferred language of messages, such as en or zh.';
COMMENT ON COLUMN users.created_at IS 'When the account was made.';
COMMENT ON COLUMN users.updated_at IS 'Last change of any column, balance included.';
COMMENT ON COLUMN users.last_login_at IS 'Last successful sign-in.';

CREATE TABLE sessions (
	id uuid PRIMARY KEY,
	user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
	created_at timestamptz NOT NULL DEFAULT now(),
	expires_at timestamptz NOT NULL,
	revoked_at timestamptz,
	revoke_reason varchar(50),
	user_agent text,
	ip inet
);
CREATE INDEX sessions_user ON sessions (user_id);
CREATE INDEX sessions_expires ON sessions (expires_at);
COMMENT ON TABLE sessions IS 'One sign-in: the family of all refresh tokens that descend from it. Revoking it revokes them and every access token that names it.';
COMMENT ON COLUMN sessions.id IS 'UUIDv7; the "sid" claim of access tokens.';
COMMENT ON COLUMN sessions.user_id IS 'Whose session.';
COMMENT ON COLUMN sessions.created_at IS 'Time of sign-in.';
COMMENT ON COLUMN sessions.expires_at IS 'No refresh after this time.';
COMMENT ON COLUMN sessions.revoked_at IS 'When it was revoked; NULL while valid.';
COMMENT ON COLUMN sessions.revoke_reason IS 'logout, password_change, token_reuse, disabled, reset.';
COMMENT ON COLUMN sessions.user_agent IS 'User-Agent at sign-in.';
COMMENT ON COLUMN sessions.ip IS 'Client address at sign-in.';

CREATE TABLE refresh_tokens (
	id uuid PRIMARY KEY,
	session_id uuid NOT NULL REFERENCES sessions ON DELETE CASCADE,
	token_hash bytea NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now(),
	expires_at timestamptz NOT NULL,
	used_at timestamptz,
	CONSTRAINT refresh_tokens_hash UNIQUE (token_hash)
);
CREATE INDEX refresh_tokens_session ON refresh_tokens (session_id);
COMMENT ON TABLE refresh_tokens IS 'Refresh tokens, stored hashed. Each is used once; the use of a used one revokes its session.';
COMMENT ON COLUMN refresh_tokens.id IS 'UUIDv7.';
COMMENT ON COLUMN refresh_tokens.session_id IS 'The session (token family) it belongs to.';
COMMENT ON COLUMN refresh_tokens.token_hash IS 'SHA-256 of the token; the token itself is never stored.';
COMMENT ON COLUMN refresh_tokens.created_at IS 'When it was issued.';
COMMENT ON COLUMN refresh_tokens.expires_at IS 'Not accepted after this time.';
COMMENT ON COLUMN refresh_tokens.used_at IS 'When it was exchanged for its successor; NULL while unused.';

CREATE TABLE password_resets (
	token_hash bytea PRIMARY KEY,
	user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
	created_at timestamptz NOT NULL DEFAULT now(),
	expires_at timestamptz NOT NULL,
	used_at timestamptz
);
CREATE INDEX password_resets_user ON password_resets (user_id);
COMMENT ON TABLE password_resets IS 'Tokens mailed for a forgotten password.';
COMMENT ON COLUMN password_resets.token_hash IS 'SHA-256 of the mailed token.';
COMMENT ON COLUMN password_resets.user_id IS 'Whose password it may set.';
COMMENT ON COLUMN password_resets.created_at IS 'When it was asked for.';
COMMENT ON COLUMN password_resets.expires_at IS 'Not accepted after this time.';
COMMENT ON COLUMN password_resets.used_at IS 'When it was used; NULL while unused.';

CREATE TABLE invitations (
	code varchar(64) PRIMARY KEY,
	created_by uuid REFERENCES users ON DELETE SET NULL,
	max_uses int NOT NULL DEFAULT 1 CHECK (max_uses > 0),
	uses int NOT NULL DEFAULT 0 CHECK (uses >= 0),
	expires_at timestamptz,
	gift_credits credits_amount NOT NULL DEFAULT 0,
	created_at timestamptz NOT NULL DEFAULT now(),
	CONSTRAINT invitations_not_overused CHECK (uses <= max_uses)
);
COMMENT ON TABLE invitations IS 'Codes that open registration where it is by invitation.';
COMMENT ON COLUMN invitations.code IS 'The code a new user types.';
COMMENT ON COLUMN invitations.created_by IS 'The admin who made it; NULL after that account is gone or when made from the command line.';
COMMENT ON COLUMN invitations.max_uses IS 'How many registrations it allows.';
COMMENT ON COLUMN invitations.uses IS 'How many it has served.';
COMMENT ON COLUMN invitations.expires_at IS 'Not accepted after this time; NULL: never expires.';
COMMENT ON COLUMN invitations.gift_credits IS 'Credits granted to each new user who comes with it.';
COMMENT ON COLUMN invitations.created_at IS 'When it was made.';

GRANT SELECT, INSERT, UPDATE, DELETE ON users, sessions, refresh_tokens, password_resets, invitations TO weir_service;
