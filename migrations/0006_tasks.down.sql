DROP FUNCTION task_cancel_request(uuid, uuid);
DROP FUNCTION process_heartbeat(uuid, text, text, int);
DROP TABLE task_journal;
DROP FUNCTION task_json(tasks);
DROP TABLE tasks;
DROP DOMAIN task_status, task_type, percentage;
DROP FUNCTION process_is_alive(uuid);
DROP TABLE processes;
