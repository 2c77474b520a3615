-- Its functions too, those of functions/audit.sql.

DROP FUNCTION IF EXISTS audit_live_tasks, audit_run;
DROP VIEW IF EXISTS audit_broken, audit_ledger;
DROP TABLE audit_log;
