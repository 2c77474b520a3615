-- The ground everything stands on: roles and privileges, values, processes.

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
	-- created by "weirctl migrate" before the first migration; the programs compare themselves with them at start
	IF to_regclass('public.schema_migrations') IS NOT NULL THEN
		GRANT SELECT ON public.schema_migrations, public.schema_functions TO weir_service;
	END IF;
END
$$;

-- Nobody gets anything by default: tables are granted one by one, functions to the service only.
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO weir_service, weir_user;
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT EXECUTE ON FUNCTIONS TO weir_service;

-- Value rules are domains rather than CHECKs of columns: a domain's rule is parsed once per session, a table's
-- CHECK by every statement that writes to it, and a turn writes a dozen rows.
CREATE DOMAIN credits_amount AS numeric(20,6) CHECK (VALUE >= 0 AND VALUE <> 'NaN');
COMMENT ON DOMAIN credits_amount IS 'Credits, never negative, to the millionth.';
CREATE DOMAIN credits_change AS numeric(20,6) CHECK (VALUE <> 0 AND VALUE <> 'NaN');
COMMENT ON DOMAIN credits_change IS 'A signed change in credits.';
CREATE DOMAIN token_count AS int CHECK (VALUE >= 0);
COMMENT ON DOMAIN token_count IS 'A number of model tokens.';

CREATE TABLE processes (
	id uuid PRIMARY KEY,
	kind varchar(20) NOT NULL,
	host text NOT NULL,
	pid int NOT NULL,
	started_at timestamptz NOT NULL DEFAULT now(),
	heartbeat_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50, autovacuum_vacuum_threshold = 20, autovacuum_vacuum_scale_factor = 0);
COMMENT ON TABLE processes IS 'One row per running program, written every 5 s. A process whose heartbeat is older than 20 s, or whose row is gone, is dead and so are its tasks.';
COMMENT ON COLUMN processes.id IS 'UUIDv7 made at start; a restarted process is another process.';
COMMENT ON COLUMN processes.kind IS 'responder or worker.';
COMMENT ON COLUMN processes.host IS 'Host name, for people.';
COMMENT ON COLUMN processes.pid IS 'Process id on that host, for people.';
COMMENT ON COLUMN processes.started_at IS 'First heartbeat.';
COMMENT ON COLUMN processes.heartbeat_at IS 'Last heartbeat, by the database''s clock.';

GRANT SELECT, INSERT, UPDATE, DELETE ON processes TO weir_service;
