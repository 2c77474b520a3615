DROP FUNCTION audit_live_tasks();
DROP FUNCTION audit_run();
DROP VIEW audit_broken, audit_ledger;
