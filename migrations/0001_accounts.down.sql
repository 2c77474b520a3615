DROP TABLE credits_history;
DROP FUNCTION credits_history_refuse_change();
DROP TABLE invitations, password_resets, refresh_tokens, sessions, users;
DROP DOMAIN user_status, user_role, token_count, credits_change, credits_amount;
DROP TYPE credits_change_type;
DROP FUNCTION json_time(timestamptz);
ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE EXECUTE ON FUNCTIONS FROM weir_service;
ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON FUNCTIONS TO PUBLIC;
REVOKE USAGE ON SCHEMA public FROM weir_service, weir_user;
