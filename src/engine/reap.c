#include "engine/reap.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "core/events.h"
#include "engine/private.h"
#include "ledger/credits.h"

#define TASKS_AT_ONCE 50
/* With Redis away the journals cannot be read: how long to wait for it before
 * settling from PostgreSQL alone.  Dead after 20 s, a sweep every 5 s: all ends
 * within 35 s. */
#define REDIS_WAIT_MS 3000
#define RUN_ARENA_MAX_BYTES (16u << 20)

static const char dead_sql[] =
    "SELECT task_id, user_id, conversation_id, message_id, user_message_id, type, model_id,"
    " prices, user_content, journal,"
    " cancel_requested, (extract(epoch FROM now() - started_at) * 1000)::bigint AS age_ms, prompt_tokens FROM turn_dead($1::int)";

static const struct kind *const *kinds;

void
kinds_register(const struct kind *const *all)
{
	kinds = all;
}

const struct kind *
kind_find(const char *name)
{
	for (const struct kind *const *k = kinds; k != NULL && *k != NULL; k++)
		if (name != NULL && strcmp((*k)->name, name) == 0)
			return *k;
	return NULL;
}

/* The dead run as far as its row tells: what its owner would have had at the end. */
static void
raise_from(struct run *r, struct context *cx, const struct rows *rows, int row)
{
	json_t *prices = row_null(rows, row, "prices") ? NULL : row_json(rows, row, "prices");

	*r = (struct run){ .kind = kind_find(row_text(rows, row, "type")), .state = RUN_SETTLING };
	r->arena = arena_new(1024, RUN_ARENA_MAX_BYTES);
	memcpy(r->task.id, row_text(rows, row, "task_id"), UUID_LEN);
	memcpy(r->task.user_id, row_text(rows, row, "user_id"), UUID_LEN);
	slot_holder_init(&r->task.slots, r->task.user_id, row_text(rows, row, "conversation_id"), r->task.id, true);
	r->task.slots.relay = r->kind != NULL && r->kind->relays;
	r->started_us = clock_mono_us() - row_int(rows, row, "age_ms") * 1000;
	answer_init(&r->answer, cx->conf->upstream_max_answer_bytes);
	r->call.at = (struct call_candidate){
		.model_id = row_int(rows, row, "model_id"),
		.price = price_parse(r->arena, prices),
	};
	json_decref(prices);
	r->outcome = row_bool(rows, row, "cancel_requested") ? OUTCOME_CANCELLED : OUTCOME_FAILED;
	r->why = r->outcome == OUTCOME_CANCELLED ? E_CANCELLED : E_INTERRUPTED;
}

/* Tell everybody who waits for it. */
static void
announce(struct context *cx, struct run *r)
{
	journal_close(cx, r->task.id, r->answer.delivered, r->end_json);
	slots_release(cx->redis, cx->conf, &r->task.slots);
	events_tell(cx, r->task.user_id, "task", r->kind->event(r, outcome_name(r->outcome)));
	events_tell(cx, r->task.user_id, "balance", credits_event(r->task.balance_ucr, r->task.held_ucr));
}

static enum status
settle(struct context *cx, struct run *r)
{
	enum status st = settle_dead(cx, r);

	if (st != OK || r->end_json == NULL) /* another worker was first, or its owner lives after all */
		return st;
	LOG(WARN, "dead_turn_settled", LS("task_id", r->task.id), LS("user_id", r->task.user_id),
	    LI("delivered_bytes", r->answer.delivered), LI("charged_ucr", r->task.charged_ucr));
	announce(cx, r);
	return OK;
}

static void
bury(struct run *r)
{
	answer_free(&r->answer);
	free(r->end_json);
	arena_free(r->arena);
}

static enum status
reap_one(struct context *cx, const struct rows *rows, int row)
{
	struct run r;
	enum status st;

	raise_from(&r, cx, rows, row);
	if (r.kind == NULL) {
		LOG(ERROR, "task_of_unknown_kind", LS("task_id", r.task.id), LS("type", row_text(rows, row, "type")));
		bury(&r);
		return OK;
	}
	if (journal_recall(cx, r.task.id, row_text(rows, row, "journal"), &r.answer) != OK)
		LOG(ERROR, "journal_unreadable", LS("task_id", r.task.id),
		    LS("detail", "Redis is away: settled from PostgreSQL alone"));
	if ((st = r.kind->recall(cx, rows, row, &r)) == OK)
		st = settle(cx, &r);
	bury(&r);
	return st;
}

/* Give a Redis that is away a moment: without it some journals look empty. */
static void
wait_for_redis(struct sweeper *s)
{
	int64_t until_ms = clock_mono_ms() + REDIS_WAIT_MS;

	while (redis_call(s->cx.redis, NULL, "PING") != OK && clock_mono_ms() < until_ms && !s->stopping())
		nanosleep(&(struct timespec){ .tv_nsec = 100 * 1000000L }, NULL);
}

enum status
reap(struct sweeper *s)
{
	enum status st, worst = OK;
	int n;

	if (clock_mono_ms() < s->patient_until_ms)
		return OK;
	do {
		AUTO_ROWS struct rows *rows = NULL;

		if ((st = pg_query_again(s->cx.pg, &rows, dead_sql, PI(TASKS_AT_ONCE))) != OK)
			return st;
		if ((n = rows_count(rows)) > 0)
			wait_for_redis(s);
		for (int i = 0; i < n && !s->stopping(); i++)
			if ((st = reap_one(&s->cx, rows, i)) != OK)
				worst = st;
		/* what failed would come first again: leave it to the next sweep */
	} while (n == TASKS_AT_ONCE && worst == OK && !s->stopping());
	return worst;
}
