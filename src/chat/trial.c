#include "chat/trial.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/queue.h"
#include "chat/agents.h"
#include "chat/turn.h"
#include "chat/wire.h"
#include "core/guard.h"
#include "core/work.h"
#include "engine/gate.h"
#include "engine/measure.h"
#include "engine/reader.h"
#include "io/reactor.h"

#define TRIAL_ARENA_MAX_BYTES 262144

struct trial {
	struct work job;	    /* recording it; first member */
	struct trial *next, **prev; /* in `running` */
	struct process *process;
	struct arena *arena;
	struct call call;
	struct answer answer;
	struct reader reader;
	struct guard guard;
	const char *admin_id, *agent_id;
	char id[UUID_LEN];
	int64_t prompt_tokens, started_us;
	bool over;

	/* the end */
	enum outcome outcome;
	enum status why;
	char *end_json;
};

static struct trial *running; /* reactor */

static void
trial_free(struct trial *t)
{
	call_free(&t->call);
	answer_free(&t->answer);
	reader_free(&t->reader);
	free(t->end_json);
	arena_free(t->arena);
	free(t);
}

/* ---- recording, on a worker --------------------------------------------------------- */

static void
record(struct trial *t, struct context *cx, const struct usage *usage, int64_t cost_ucr)
{
	json_t *request = json_pack("{s:s}", "task_id", t->id), *response;

	response = json_pack("{s:s, s:s, s:b, s:I, s:s?}", "content", buf_str(&t->answer.text), "reasoning",
	    buf_str(&t->answer.reasoning), "estimated", usage->estimated, "ms",
	    (json_int_t)((clock_mono_us() - t->started_us) / 1000), "finish", answer_finish_name(&t->answer));
	if (debug_record(cx,
		&(struct debug_run){ .agent_id = t->agent_id,
		    .kind = "execution",
		    .model = t->call.at.model_name,
		    .input_tokens = usage->input_tokens,
		    .output_tokens = usage->output_tokens,
		    .cost_ucr = cost_ucr,
		    .request = request,
		    .response = response,
		    .error = t->why == OK ? NULL : status_code(t->why) }) != OK)
		LOG(ERROR, "trial_not_recorded", LS("task_id", t->id), LS("error", cx->log_detail));
	json_decref(request);
	json_decref(response);
}

static const char *
message_status(const struct trial *t)
{
	if (t->outcome == OUTCOME_COMPLETED || (t->outcome == OUTCOME_CANCELLED && t->answer.delivered > 0))
		return "success";
	return t->why == E_CONTENT_VIOLATION ? "content_violation" : t->why == E_CANCELLED ? "error" : "llm_error";
}

static void recorded(void *arg);

static void
record_job(struct work *job, struct worker *w)
{
	struct trial *t = (struct trial *)(void *)job;
	struct context cx = { .arena = t->arena, .pg = w->pg, .conf = w->process->conf, .process = w->process };
	struct usage usage = measure(&t->answer, t->prompt_tokens, &t->call.at);

	cx.caller.user_id = t->admin_id;
	record(t, &cx, &usage, measure_cost_ucr(&t->answer, &t->call.at, &usage));
	t->end_json = turn_end_json(&(struct turn_end){ .task_id = t->id,
	    .outcome = t->outcome,
	    .why = t->why,
	    .lang = t->reader.lang,
	    .message = json_pack("{s:s, s:s, s:s, s:s?}", "role", "assistant", "content", buf_str(&t->answer.text),
		"status", message_status(t), "model", t->call.at.model_name),
	    .usage = usage,
	    .finish = answer_finish_name(&t->answer) });
	reactor_post(w->process->reactor, recorded, t);
}

/* ---- reactor ------------------------------------------------------------------------- */

static void
recorded(void *arg)
{
	struct trial *t = arg;

	*t->prev = t->next;
	if (t->next != NULL)
		t->next->prev = t->prev;
	guard_off(&t->guard);
	reader_end(&t->reader, t->answer.delivered, t->end_json);
	atomic_fetch_sub(&t->process->streams, 1);
	trial_free(t);
}

static void
on_content(void *arg)
{
	struct trial *t = arg;
	struct answer *a = &t->answer;

	a->delivered += a->pending.len;
	if (!reader_give(&t->reader, a, t->process->conf->stream_high_water))
		call_pause(&t->call);
}

static void
end(struct trial *t, enum outcome outcome, enum status why)
{
	if (t->over)
		return;
	t->over = true;
	call_drop(&t->call);
	if (answer_pends(&t->answer))
		on_content(t);
	t->outcome = outcome;
	t->why = why;
	queue_push_always(t->process->work, &t->job);
}

static void
on_end(void *arg, enum status st, const char *detail)
{
	(void)detail;
	end(arg, st == OK ? OUTCOME_COMPLETED : OUTCOME_FAILED, st);
}

static const struct call_observer observer = { .on_content = on_content, .on_end = on_end };

static void
on_reader_gone(void *arg)
{
	struct trial *t = arg;

	reader_abandon(&t->reader);
	end(t, OUTCOME_CANCELLED, E_CANCELLED);
}

static void
on_session_over(void *arg)
{
	end(arg, OUTCOME_CANCELLED, E_CANCELLED);
}

static void
on_reader_drained(void *arg)
{
	struct trial *t = arg;

	call_resume(&t->call);
}

static void
carry(void *arg, struct fcgi_conn *conn)
{
	struct trial *t = arg;
	char start[128];

	t->next = running;
	if (t->next != NULL)
		t->next->prev = &t->next;
	t->prev = &running;
	running = t;
	atomic_fetch_add(&t->process->streams, 1);
	snprintf(start, sizeof(start), "{\"model\":null,\"task_id\":\"%s\"}", t->id);
	reader_open(&t->reader, t->process, conn, on_reader_gone, on_reader_drained, t);
	reader_start(&t->reader, start);
	guard_set(t->process, &t->guard, on_session_over, t);
	reader_flush(&t->reader);
	call_start(&t->call, &observer, t);
}

bool
trials_stop_all(void)
{
	for (struct trial *t = running; t != NULL; t = t->next)
		end(t, OUTCOME_FAILED, E_INTERRUPTED);
	return running != NULL;
}

/* ---- beginning, on a worker ------------------------------------------------------------- */

static enum status
prepare(struct request *rq, struct trial *t, const char *agent_id, const char *content)
{
	struct question question = { .content = content };
	struct turn_plan *plan;
	enum status st;

	if ((st = catalog_agent(&rq->cx, agent_id, &plan)) != OK ||
	    (st = prompt_call(&rq->cx, plan, &question, NULL, &t->call, &t->prompt_tokens)) != OK)
		return st;
	return gate_admit(rq);
}

enum status
trial_begin(struct request *rq, const char *agent_id, const char *content)
{
	struct trial *t = xcalloc(1, sizeof(*t));
	enum status st;

	t->job.run = record_job;
	t->process = rq->cx.process;
	t->arena = arena_new(512, TRIAL_ARENA_MAX_BYTES);
	t->admin_id = arena_strdup(t->arena, rq->cx.caller.user_id);
	t->agent_id = arena_strdup(t->arena, agent_id);
	t->started_us = rq->started_us;
	uuid_v7(t->id);
	guard_init(&t->guard, &rq->cx.caller);
	answer_init(&t->answer, rq->cx.conf->upstream_max_answer_bytes);
	reader_prepare(&t->reader, t->arena, rq, &wants_stream);
	call_init(&t->call, t->process, &(struct call_ids){ t->id, t->reader.request_id }, &t->answer, t->arena);
	if ((st = prepare(rq, t, agent_id, content)) != OK) {
		trial_free(t);
		return st;
	}
	call_keep(&t->call, rq->cx.arena);
	rq->keep_arena = true;
	rq->carry = carry;
	rq->carry_arg = t;
	return OK;
}
