/*
 * Tasks: one row per unit of work that occupies a slot.  Every function works
 * for rq->caller only; what belongs to somebody else is E_NOT_FOUND.
 *
 * JSON as in the API: {id, type, status, progress, conversation_id,
 * credits_locked, credits_used, result, error_message, created_at, started_at,
 * completed_at}.
 *
 * Worker-only.
 */
#ifndef WEIR_ENGINE_TASKS_H
#define WEIR_ENGINE_TASKS_H

#include "core/page.h"
#include "core/request.h"

/* A task as it was when it was read; lives in the request's arena. */
struct task_row {
	const char *id;
	const char *status; /* pending, running, completed, failed, cancelled */
	json_t *json;	    /* dies with the request: task_json() */
};

/* E_NOT_FOUND, also for id NULL. */
enum status task_find(struct context *cx, const char *id, struct task_row **out) MUST_CHECK;
/* Pending or running. */
bool task_is_live(const struct task_row *task);
/* Its JSON, a new reference. */
json_t *task_json(const struct task_row *task);
/* Which of the caller's tasks. */
struct tasks_which {
	bool active;		     /* live ones only */
	const char *types;	     /* of one of these, with commas between them; NULL: of any */
	const char *conversation_id; /* of that conversation; NULL: of any or none */
};

/* The caller's tasks, newest first.  E_INVALID_REQUEST stale cursor. */
enum status tasks_list(struct context *cx, const struct page *page, const struct tasks_which *which, json_t **items,
    bool *more) MUST_CHECK;
/* Ask a live task's owner to stop it and wait up to two seconds for its end,
 * without a worker (core/await.h); *task becomes what it is then, and `then`
 * answers with it. */
enum status task_request_abort(struct request *rq, struct task_row *task,
    enum status (*then)(struct request *rq, struct task_row *task)) MUST_CHECK;
/* Wait for its end, for `ms` at most and without a worker; `then` as above. */
enum status task_wait(struct request *rq, struct task_row *task, int64_t ms,
    enum status (*then)(struct request *rq, struct task_row *task)) MUST_CHECK;
/* Tell every process to stop the task (the owner listens on {prefix}abort), after
 * the commit of what is open.
 * Without Redis its owner learns of a cancel request from its heartbeat. */
void task_publish_abort(struct context *cx, const char *task_id);

#endif
