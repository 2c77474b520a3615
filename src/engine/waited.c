#include "engine/waited.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"
#include "core/process.h"
#include "io/http.h"
#include "io/reactor.h"

#define LOOK_EVERY_MS 200
#define PREP_BYTES_MAX (64u << 20)

/* With all that the call needs of a process. */
struct waiting {
	struct waited w; /* first member: whoever asked has this */
	struct process process;
	struct reactor_timer *look;
	const struct job *job;
	struct arena *prep;
};

static void
on_content(void *arg)
{
	struct waiting *g = arg;
	struct answer *a = &g->w.answer;

	a->delivered += a->pending.len + (answer_has_bytes(a) ? a->bytes.len : 0);
	answer_given(a);
}

static void
on_end(void *arg, enum status st, const char *detail)
{
	struct waiting *g = arg;

	g->w.status = st;
	g->w.detail = detail;
	reactor_stop(g->process.reactor);
}

static const struct call_observer observer = { .on_content = on_content, .on_end = on_end };

static void
start(void *arg)
{
	struct waiting *g = arg;

	call_start(&g->w.call, &observer, g);
}

static void
look(void *arg)
{
	struct waiting *g = arg;

	if (g->job == NULL || !job_stopping(g->job)) {
		reactor_timer_start(g->look, LOOK_EVERY_MS);
		return;
	}
	call_drop(&g->w.call);
	on_end(g, E_INTERRUPTED, "the program is stopping");
}

static struct waiting *
waiting_new(struct context *cx, const struct waited_ask *ask)
{
	struct waiting *g = xcalloc(1, sizeof(*g));

	*g = (struct waiting){ .process = { .conf = cx->conf, .reactor = reactor_new() }, .job = ask->job };
	g->process.http = http_client_new(g->process.reactor);
	g->process.health = cx->process == NULL ? NULL : cx->process->health;
	g->look = reactor_timer_new(g->process.reactor, look, g);
	g->prep = arena_new(65536, PREP_BYTES_MAX);
	answer_init(&g->w.answer, ask->max_bytes);
	g->w.answer.bytes.max_bytes = ask->max_bytes;
	return g;
}

struct waited *
waited_run(struct context *cx, struct arena *a, const struct waited_ask *ask)
{
	struct waiting *g = waiting_new(cx, ask);
	int64_t began_ms = clock_mono_ms();

	call_init(&g->w.call, &g->process, &(struct call_ids){ .task = ask->task_id, .request = cx->request_id },
	    &g->w.answer, a);
	g->w.status = call_prepare(&g->w.call,
	    &(struct call_ask){ .ask = ask->ask,
		.model = ask->model,
		.limits = call_limits_of(cx->conf),
		.max_output_tokens = ask->max_output_tokens },
	    g->prep);
	if (g->w.status == OK) {
		reactor_timer_start(g->look, LOOK_EVERY_MS);
		reactor_post(g->process.reactor, start, g);
		reactor_run(g->process.reactor);
	}
	if (g->w.detail != NULL)
		g->w.detail = arena_strdup(a, g->w.detail);
	g->w.took_ms = clock_mono_ms() - began_ms;
	return &g->w;
}

void
waited_free(struct waited *w)
{
	struct waiting *g = (struct waiting *)(void *)w;

	if (g == NULL)
		return;
	call_free(&g->w.call);
	answer_free(&g->w.answer);
	reactor_timer_free(g->look);
	http_client_free(g->process.http);
	reactor_free(g->process.reactor);
	arena_free(g->prep);
	free(g);
}

bool
waited_refused(const struct waited *w)
{
	int http_status = w->call.at.http_status;

	return w->status == E_INVALID_REQUEST || w->status == E_CONTENT_VIOLATION ||
	    (w->status != OK && (http_status == 400 || http_status == 413 || http_status == 422));
}
