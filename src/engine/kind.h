/*
 * A kind of task: what a feature says about how its tasks are opened, settled
 * and told of.  The engine does the rest, the same for all.
 *
 * TO ADD A KIND: 1. its feature fills one struct kind; 2. a row in
 * src/house/kinds.def; 3. in migrations, its values in the domain of tasks.type and in
 * credits_change_type, a branch of cost_type(), and two functions: one that opens
 * it by task_open(), one that settles a set by tasks_end(); 4. a row in the
 * scenarios of tests/fault.
 */
#ifndef WEIR_ENGINE_KIND_H
#define WEIR_ENGINE_KIND_H

#include <jansson.h>

#include "base/status.h"
#include "core/context.h"
#include "engine/task.h"

struct run;
struct gate_ask;
struct request;
struct rows;

/* A task as the database tells it to who follows it; all malloc'ed. */
struct followed {
	char *start_json;
	/* once it has ended, else NULL: the terminal event, and the whole answer,
	 * which begins with reasoning_len bytes of reasoning (NULL: not kept) */
	char *end_json, *text;
	size_t reasoning_len;
};

struct kind {
	const char *name; /* tasks.type */
	/* What was said is kept, for whoever comes later; else an answer that is wanted
	 * whole is delivered at its end or not at all. */
	bool keeps;
	bool relays; /* its tasks have places of their own: slots.h */

	/* ---- opening: worker ---- */

	/* One try to open `task` in one transaction, or not at all; counts what runs
	 * where `count` is set (Redis could not).  The row has at least outcome,
	 * balance, required, held, existing_task_id. */
	enum status (*open)(
	    struct context *cx, const struct gate_ask *ask, const struct task *task, bool count, struct rows **rows);
	/* The row of `open` for a task whose answer was lost on the way; none: it was
	 * not opened.  $1 task, $2 owner. */
	const char *opened_sql;
	/* Details that a refusal for want of credits has besides balance and required;
	 * NULL: none. */
	void (*refused)(struct context *cx, const struct rows *rows, json_t *details);
	/* Answer with the task that the same Idempotency-Key opened; NULL: it is followed. */
	enum status (*again)(struct request *rq, const char *task_id);

	/* ---- running: reactor; nothing from here on of a kind that a job carries (src/media) ---- */

	/* The data of a "task" event for the user's pages. */
	json_t *(*event)(const struct run *r, const char *status);

	/* ---- settling: worker ---- */

	/* $1 owner (NULL: anybody, once the owner is dead), $2 a JSON array of
	 * settlements.  Returns at least task_id, settled, charged, balance, held,
	 * task_status for those it knows. */
	const char *settle_sql;
	/* What a run whose answer is no text used, into r->usage, and what that costs; the
	 * answer may turn out to be none, and the run failed.  False: it is a text.  NULL: all
	 * are.  Does the same when asked again. */
	bool (*use)(struct run *r, int64_t *cost_ucr);
	/* Add to the common part of a settlement what is the kind's own; NULL: nothing. */
	void (*settlement)(const struct run *r, json_t *settlement);
	/* The terminal event {"type","data"}, from a row of settle_sql; malloc'ed. */
	char *(*end)(const struct run *r, const struct rows *rows, int row);

	/* ---- following: worker ---- */

	/* What the database knows of a task of this kind: $1 task, $2 user. */
	const char *follow_sql;
	/* Take it from its row. */
	void (*follow)(const struct rows *rows, const char *task_id, enum lang lang, struct followed *out);

	/* ---- a dead owner: weir-worker ---- */

	/* Fill `own`, prompt_tokens and reader.lang of a task whose process died, from
	 * a row of turn_dead(). */
	enum status (*recall)(struct context *cx, const struct rows *rows, int row, struct run *r);

	/* Called when the run is freed; `own` may be NULL. */
	void (*free_own)(void *own);
};

#endif
