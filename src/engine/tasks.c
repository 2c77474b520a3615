#include "engine/tasks.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "core/await.h"
#include "core/process.h"
#include "io/reactor.h"

#define ABORT_WAIT_MS 2000
#define POLL_FIRST_MS 10
#define ABORT_POLL_MOST_MS 50
#define WAIT_POLL_MOST_MS 500

/* Without files that are gone. */
#define TASK_JSON "task_json(t) || jsonb_build_object('result', task_result(t)) AS json"

static const char find_sql[] = "SELECT t.id, t.status, " TASK_JSON " FROM tasks t WHERE t.id = $1 AND t.user_id = $2";

static void
take(struct context *cx, const struct rows *rows, struct task_row *task)
{
	task->id = arena_strdup(cx->arena, row_text(rows, 0, "id"));
	task->status = arena_strdup(cx->arena, row_text(rows, 0, "status"));
	task->json = json_own(cx->arena, row_json(rows, 0, "json"));
}

static enum status
read_task(struct context *cx, const char *id, struct task_row *task)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query_again(cx->pg, &rows, find_sql, PS(id), PS(cx->caller.user_id));

	if (st != OK)
		return fail(cx, st, "read task %s: %s", id, pg_error(cx->pg));
	if (rows_count(rows) == 0)
		return fail(cx, E_NOT_FOUND, "task %s", id);
	take(cx, rows, task);
	return OK;
}

enum status
task_find(struct context *cx, const char *id, struct task_row **out)
{
	struct task_row *task = ARENA_NEW(cx->arena, struct task_row);
	enum status st;

	if (id == NULL)
		return fail(cx, E_NOT_FOUND, "no such task");
	if ((st = read_task(cx, id, task)) != OK)
		return st;
	*out = task;
	return OK;
}

bool
task_is_live(const struct task_row *task)
{
	return strcmp(task->status, "pending") == 0 || strcmp(task->status, "running") == 0;
}

json_t *
task_json(const struct task_row *task)
{
	return json_incref(task->json);
}

/* $3 user, $4 live ones only, $5 of these types, $6 of this conversation.  Ids are version 7: their order is the
 * order of creation. */
#define TASKS(than, order) \
	LIST_SQL("uuid", "SELECT FROM tasks t WHERE t.id = $1::uuid AND t.user_id = $3", \
	    "SELECT " TASK_JSON ", t.id AS at, t.id AS tie FROM tasks t WHERE t.user_id = $3" \
	    " AND (NOT $4 OR t.status IN ('pending', 'running'))" \
	    " AND ($5::text IS NULL OR t.type = ANY (string_to_array($5, ',')))" \
	    " AND ($6::uuid IS NULL OR t.conversation_id = $6) AND t.id " than " " LIST_FIRST_UUID, \
	    order)
static const struct list tasks = { "tasks", TASKS("<", "DESC"), TASKS(">", "ASC") };

enum status
tasks_list(struct context *cx, const struct page *page, const struct tasks_which *which, json_t **items, bool *more)
{
	return page_run(cx, page, &tasks, items, more, PS(cx->caller.user_id), PB(which->active), PS(which->types),
	    PS(which->conversation_id));
}

static void
publish_abort(struct context *cx, void *task_id)
{
	const char *channel = arena_printf(cx->arena, "%sabort", cx->conf->redis_prefix);

	if (redis_call(cx->redis, NULL, "PUBLISH", channel, task_id) != OK)
		LOG(WARN, "abort_not_published", LS("task_id", task_id),
		    LS("hint", "its owner will see it at its next heartbeat"));
}

void
task_publish_abort(struct context *cx, const char *task_id)
{
	after_commit(cx, publish_abort, arena_strdup(cx->arena, task_id));
}

/* ---- the end of a task that is waited for --------------------------------- */

struct end_wait {
	struct await await; /* first: await.h knows this */
	struct task_row *task;
	enum status (*then)(struct request *rq, struct task_row *task);
	struct reactor_timer *timer;
	int64_t pause_ms, pause_most_ms, give_up_ms;
};

static void
drop_pause(struct await *a)
{
	struct end_wait *w = (struct end_wait *)(void *)a;

	reactor_timer_free(w->timer);
	w->timer = NULL;
}

static void
end_pause(void *arg)
{
	struct end_wait *w = arg;

	drop_pause(&w->await);
	await_over(&w->await);
}

static void
begin_pause(struct await *a)
{
	struct end_wait *w = (struct end_wait *)(void *)a;

	w->timer = reactor_timer_new(a->rq->cx.process->reactor, end_pause, w);
	reactor_timer_start(w->timer, w->pause_ms);
}

/* Worker, after each pause. */
static enum status
look_again(struct await *a)
{
	struct end_wait *w = (struct end_wait *)(void *)a;
	enum status st = read_task(&a->rq->cx, w->task->id, w->task);

	if (st != OK)
		return st;
	if (!task_is_live(w->task) || a->stopped || clock_mono_ms() >= w->give_up_ms)
		return w->then(a->rq, w->task);
	if ((w->pause_ms *= 2) > w->pause_most_ms)
		w->pause_ms = w->pause_most_ms;
	return await(a->rq, a);
}

static enum status
wait_for_end(struct request *rq, struct task_row *task, int64_t ms, int64_t pause_most_ms,
    enum status (*then)(struct request *rq, struct task_row *task))
{
	struct end_wait *w = ARENA_NEW(rq->cx.arena, struct end_wait);

	w->await = (struct await){ .begin = begin_pause, .drop = drop_pause, .then = look_again };
	w->task = task;
	w->then = then;
	w->pause_ms = POLL_FIRST_MS;
	w->pause_most_ms = pause_most_ms;
	w->give_up_ms = clock_mono_ms() + ms;
	return await(rq, &w->await);
}

enum status
task_wait(struct request *rq, struct task_row *task, int64_t ms,
    enum status (*then)(struct request *rq, struct task_row *task))
{
	return task_is_live(task) ? wait_for_end(rq, task, ms, WAIT_POLL_MOST_MS, then) : then(rq, task);
}

enum status
task_request_abort(
    struct request *rq, struct task_row *task, enum status (*then)(struct request *rq, struct task_row *task))
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st;

	st = pg_query_again(rq->cx.pg, &rows,
	    "SELECT t.id, t.status, " TASK_JSON " FROM task_cancel_request($1, $2) AS t", PS(task->id),
	    PS(rq->cx.caller.user_id));
	if (st != OK)
		return fail(&rq->cx, st, "cancel task %s: %s", task->id, pg_error(rq->cx.pg));
	if (rows_count(rows) == 0)
		return fail(&rq->cx, E_NOT_FOUND, "task %s", task->id);
	take(&rq->cx, rows, task);
	if (!task_is_live(task))
		return then(rq, task);
	task_publish_abort(&rq->cx, task->id);
	return wait_for_end(rq, task, ABORT_WAIT_MS, ABORT_POLL_MOST_MS, then);
}
