-- Its functions too, those of functions/task.sql.

DROP FUNCTION IF EXISTS credits_expire, turn_dead, task_cancel_request, tasks_end, task_open, cost_type, key_claim, key_find,
	task_json, task_result;
DROP TABLE usage, idempotency_keys, task_journal, tasks;
DROP TYPE task_ended, task_end, task_opened, task_ask, key_claimed;
DROP DOMAIN task_status, task_type, percentage;
DROP FUNCTION IF EXISTS check_task;
