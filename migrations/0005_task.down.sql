-- Its functions too, those of functions/task.sql.

DROP FUNCTION IF EXISTS credits_expire, turn_dead, task_cancel_request, task_json;
DROP TABLE usage, idempotency_keys, task_journal, tasks;
DROP DOMAIN task_status, task_type, percentage;
DROP FUNCTION IF EXISTS check_task;
