-- Accounts: roles and privileges, users and their balance, sessions, invitations, the credits history.

DO $$
DECLARE
	v_missing text;
BEGIN
	SELECT string_agg(n, ', ') INTO v_missing
	FROM unnest(ARRAY['weir_owner', 'weir_service', 'weir_user']) AS n
	WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = n);
	IF v_missing IS NOT NULL THEN
		RAISE EXCEPTION 'database role(s) missing: %', v_missing
			USING HINT = 'run "weirctl setup", or as a superuser: CREATE ROLE weir_owner; CREATE ROLE weir_service; CREATE ROLE weir_user;';
	END IF;
	IF current_user <> 'weir_owner' THEN
		RAISE EXCEPTION 'migrations must run as weir_owner, not as %', current_user
			USING HINT = 'let [database] migrate_url log in as weir_owner, or add options=-crole=weir_owner to it.';
	END IF;
	-- created by "weirctl migrate" before the first migration; the programs compare versions with it at start
	IF to_regclass('public.schema_migrations') IS NOT NULL THEN
		GRANT SELECT ON public.schema_migrations TO weir_service;
	END IF;
END
$$;

-- Nobody gets anything by default: tables are granted one by one, functions to the service only.
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO weir_service, weir_user;
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT EXECUTE ON FUNCTIONS TO weir_service;

CREATE FUNCTION json_time(p_at timestamptz) RETURNS text
	LANGUAGE sql STABLE PARALLEL SAFE
	RETURN to_char(p_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"');
COMMENT ON FUNCTION json_time(timestamptz) IS
	'RFC 3339 UTC with milliseconds, whatever the session''s time zone. The body is parsed at definition, so no search_path applies.';
GRANT EXECUTE ON FUNCTION json_time(timestamptz) TO weir_user;

CREATE TYPE credits_change_type AS ENUM (
	'signup_gift', 'invitation_gift', 'purchase', 'admin_adjustment', 'refund',
	'hold', 'hold_release',
	'chat_cost', 'image_generation_cost'
);
COMMENT ON TYPE credits_change_type IS
	'Why a balance changed. Names ending in _cost are spending; hold and hold_release only set credits aside and give them back; all others are grants or corrections.';

-- Value rules are domains rather than CHECKs of columns: a domain's rule is parsed once per session, a table's
-- CHECK by every statement that writes to it, and a turn writes a dozen rows.
CREATE DOMAIN credits_amount AS numeric(20,6) CHECK (VALUE >= 0 AND VALUE <> 'NaN');
COMMENT ON DOMAIN credits_amount IS 'Credits, never negative, to the millionth.';
CREATE DOMAIN credits_change AS numeric(20,6) CHECK (VALUE <> 0 AND VALUE <> 'NaN');
COMMENT ON DOMAIN credits_change IS 'A signed change in credits.';
CREATE DOMAIN token_count AS int CHECK (VALUE >= 0);
COMMENT ON DOMAIN token_count IS 'A number of model tokens.';
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
	last_login_at timestamptz,
	CONSTRAINT users_has_login CHECK (email IS NOT NULL OR phone IS NOT NULL)
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

CREATE TABLE credits_history (
	user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
	id bigint GENERATED ALWAYS AS IDENTITY,
	change_type credits_change_type NOT NULL,
	change_amount credits_change NOT NULL,
	balance_after credits_amount NOT NULL,
	description text NOT NULL DEFAULT '',
	task_id uuid,
	actor_id uuid,
	created_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (user_id, id)
);
COMMENT ON TABLE credits_history IS
	'Append-only ledger: every change of a balance with the balance after it. A paid turn writes three rows (hold, hold_release, its cost), a refunded one two. Grows by about 120 bytes and one index entry per row; balances rebuild from it alone.';
COMMENT ON COLUMN credits_history.user_id IS 'Whose balance changed.';
COMMENT ON COLUMN credits_history.id IS 'Increases in the order in which changes were applied to the user (drawn while the user''s row is locked).';
COMMENT ON COLUMN credits_history.change_type IS 'Why; see type credits_change_type.';
COMMENT ON COLUMN credits_history.change_amount IS 'Signed change in credits; never zero.';
COMMENT ON COLUMN credits_history.balance_after IS 'Available balance after the change.';
COMMENT ON COLUMN credits_history.description IS 'Reason in words, for the user''s own list.';
COMMENT ON COLUMN credits_history.task_id IS 'The task held or charged for; NULL for grants and direct deductions. No foreign key: history outlives what it describes.';
COMMENT ON COLUMN credits_history.actor_id IS 'Who granted or adjusted; NULL for the system.';
COMMENT ON COLUMN credits_history.created_at IS 'Time of the transaction that changed the balance.';

CREATE FUNCTION credits_history_refuse_change() RETURNS trigger
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
BEGIN
	-- the one lawful removal: the cascade of a user who is already gone
	IF TG_OP = 'DELETE' AND NOT EXISTS (SELECT FROM users WHERE id = OLD.user_id) THEN
		RETURN OLD;
	END IF;
	RAISE EXCEPTION 'credits_history is append-only (% refused)', TG_OP
		USING ERRCODE = 'insufficient_privilege', HINT = 'Write a correcting row with credits_grant().';
END
$$;
COMMENT ON FUNCTION credits_history_refuse_change() IS 'Keeps credits_history append-only, for the owner too.';
CREATE TRIGGER credits_history_append_only BEFORE UPDATE OR DELETE ON credits_history
	FOR EACH ROW EXECUTE FUNCTION credits_history_refuse_change();
CREATE TRIGGER credits_history_no_truncate BEFORE TRUNCATE ON credits_history
	FOR EACH STATEMENT EXECUTE FUNCTION credits_history_refuse_change();

GRANT SELECT, INSERT, UPDATE, DELETE ON users, sessions, refresh_tokens, password_resets, invitations TO weir_service;
GRANT SELECT, INSERT ON credits_history TO weir_service;
