-- Its functions too, those of functions/ground.sql.

DROP FUNCTION IF EXISTS prune_expired, process_heartbeat, process_is_alive, json_time;
DROP TABLE processes;
DROP DOMAIN token_count, credits_change, credits_amount;
ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE EXECUTE ON FUNCTIONS FROM weir_service;
ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON FUNCTIONS TO PUBLIC;
REVOKE USAGE ON SCHEMA public FROM weir_service, weir_user;
