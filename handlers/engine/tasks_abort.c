/*
 * POST /api/tasks/{task_id}/abort -- stop a running task.
 *
 * out     200 the task: in its final state as a rule, as it is after two
 *         seconds otherwise
 * errors  404 not the caller's task
 * note    idempotent: aborting an ended task answers its state
 * proof   tests/it/chat/test_conversations.py
 */
#include "weir.h"

static enum status
tell(struct request *rq, struct task_row *task)
{
	return reply_json(rq, 200, task_json(task));
}

enum status
h_tasks_abort(struct request *rq)
{
	struct task_row *task;
	enum status st;

	if ((st = task_find(&rq->cx, path_uuid(rq, "task_id"), &task)) != OK)
		return st;
	return task_is_live(task) ? task_request_abort(rq, task, tell) : tell(rq, task);
}
