-- The roles and the database of Weir, made once by a PostgreSQL superuser:
--
--	sudo -u postgres psql -f /usr/share/weir/setup.sql
--
-- and again without harm. Then: weirctl setup; weirctl migrate up.
--
--	weir_owner    owns the schema and runs the migrations; nobody else may
--	weir_service  what the programs may do (no DDL, no rewriting of history)
--	weir_user     a connection limited to the rows of one user
--	weir          the login of the programs, a member of weir_service
--
-- On another host than PostgreSQL, give weir and weir_owner passwords.

\set ON_ERROR_STOP on
\if :{?weir_database}
\else
	\set weir_database weir
\endif

SELECT format('CREATE ROLE %I %s', name, attributes)
FROM (VALUES ('weir_owner', 'LOGIN'), ('weir_service', 'NOLOGIN'), ('weir_user', 'NOLOGIN'),
	('weir', 'LOGIN')) AS wanted (name, attributes)
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name)
\gexec

GRANT weir_service TO weir;

SELECT format('CREATE DATABASE %I OWNER weir_owner ENCODING ''UTF8'' LOCALE ''C.UTF-8'' TEMPLATE template0',
	:'weir_database')
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'weir_database')
\gexec

\connect :weir_database
ALTER SCHEMA public OWNER TO weir_owner;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO weir_service, weir_user;
