/*
 * GET /api/tasks/{task_id} -- one task.
 *
 * out     200 the task
 * errors  404 not the caller's
 * proof   tests/it/chat/test_conversations.py
 */
#include "weir.h"

enum status
h_tasks_get(struct request *rq)
{
	struct task_row *task;
	enum status st;

	if ((st = task_find(&rq->cx, path_uuid(rq, "task_id"), &task)) != OK)
		return st;
	return reply_json(rq, 200, task_json(task));
}
