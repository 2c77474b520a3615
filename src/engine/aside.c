#include "engine/aside.h"

#include "base/clock.h"
#include "core/await.h"

struct aside {
	struct await await; /* first: await.h knows this */
	struct call call;
	struct answer answer;
	struct aside_told told;
	bool is_chat;
	int64_t started_ms;
	aside_fn *then;
	void *arg;
};

static void
on_content(void *arg)
{
	struct aside *d = arg;

	d->answer.delivered += d->answer.pending.len + (answer_has_bytes(&d->answer) ? d->answer.bytes.len : 0);
	answer_given(&d->answer);
}

static void
note_end(struct aside *d, enum status st, const char *detail)
{
	d->told.status = st;
	if (st == OK && !d->is_chat && !d->answer.bytes_whole) {
		d->told.status = E_UPSTREAM_FAILED;
		detail = "an answer of another kind";
	}
	if (d->told.status == OK) {
		d->told.body = buf_str(d->is_chat ? &d->answer.text : &d->answer.bytes);
		d->told.len = d->is_chat ? d->answer.text.len : d->answer.bytes.len;
		d->told.endpoint = d->call.endpoint;
	}
	d->told.detail = detail == NULL ? NULL : arena_strdup(d->call.arena, detail);
	d->told.answer = &d->answer;
	d->told.at = &d->call.at;
	d->told.took_ms = clock_mono_ms() - d->started_ms;
}

static void
on_end(void *arg, enum status st, const char *detail)
{
	struct aside *d = arg;

	note_end(d, st, detail);
	await_over(&d->await);
}

static const struct call_observer observer = { .on_content = on_content, .on_end = on_end };

static void
begin(struct await *a)
{
	struct aside *d = (struct aside *)(void *)a;

	d->started_ms = clock_mono_ms();
	call_start(&d->call, &observer, d);
}

static void
drop(struct await *a)
{
	struct aside *d = (struct aside *)(void *)a;

	call_drop(&d->call);
	note_end(d, E_UNAVAILABLE, "the server is stopping");
}

static enum status
after(struct await *a)
{
	struct aside *d = (struct aside *)(void *)a;

	return d->then(a->rq, &d->told, d->arg);
}

static void
aside_free(void *arg)
{
	struct aside *d = arg;

	call_free(&d->call);
	answer_free(&d->answer);
}

enum status
aside_await(struct request *rq, const struct aside_ask *ask, aside_fn *then, void *arg)
{
	struct arena *arena = rq->cx.arena;
	struct aside *d = ARENA_NEW(arena, struct aside);
	struct call_limits limits = call_limits_of(rq->cx.conf);

	if (ask->timeout_ms > 0) {
		limits.total_ms = limits.first_byte_ms = limits.idle_ms = ask->timeout_ms;
		limits.connect_ms = limits.connect_ms < ask->timeout_ms ? limits.connect_ms : ask->timeout_ms;
	}
	d->then = then;
	d->arg = arg;
	d->is_chat = ask->ask->op == OP_CHAT;
	answer_init(&d->answer, ASIDE_MAX_BYTES);
	d->answer.bytes.max_bytes = ASIDE_MAX_BYTES;
	call_init(&d->call, rq->cx.process, &(struct call_ids){ .task = ask->task_id, .request = rq->cx.request_id },
	    &d->answer, arena);
	arena_cleanup(arena, aside_free, d);
	if (call_prepare(&d->call,
		&(struct call_ask){ .ask = ask->ask,
		    .model = ask->model,
		    .limits = limits,
		    .max_output_tokens = ask->max_output_tokens,
		    .traceparent = rq->cx.traceparent },
		arena) != OK) {
		d->told = (struct aside_told){ .status = E_UNAVAILABLE,
			.detail = "no wire can say this",
			.answer = &d->answer,
			.at = &d->call.at };
		return then(rq, &d->told, arg);
	}
	d->await = (struct await){ .begin = begin, .drop = drop, .then = after };
	return await(rq, &d->await);
}
