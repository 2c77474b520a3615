/* core/process: workers, what they wait for, the way out.  There is neither PostgreSQL nor Redis here. */
#include "core/process.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/queue.h"
#include "core/work.h"
#include "io/reactor.h"
#include "unit/patience.h"
#include "tap.h"

#define WITHIN_MS 5000

static struct conf conf = { .database_url = "host=/nonexistent dbname=none",
	.database_connect_timeout = 1000,
	.database_statement_timeout = 15000,
	.redis_address = "/nonexistent",
	.redis_prefix = "weir:",
	.redis_timeout = 100,
	.server_queue = 16,
	.server_drain_timeout = 200,
	.mail_smtp_url = "",
	.mail_spool = "",
	.tasks_hold_lease = 600000 };
static atomic_int ran, served, crowds, failed_beats, released;
static atomic_bool open_gate, asked_to_wake, found_something, is_over;
static char story[64]; /* of the way out: main thread */

static int
set_up(void)
{
	log_init("test", LOG_ERROR + 1);
	return 0;
}

/* ---- a kind of process ------------------------------------------------------------ */

static void *
wait_for_work(struct process *p)
{
	while (!atomic_exchange(&asked_to_wake, false)) {
		if (atomic_exchange(&found_something, false))
			return p;
		pause_ms(1);
	}
	return NULL;
}

static void
serve(struct worker *w, void *found)
{
	CU_ASSERT_PTR_EQUAL(found, w->process);
	CU_ASSERT_EQUAL(atomic_load(&w->process->busy), 1);
	atomic_fetch_add(&served, 1);
}

static void
wake(void *process)
{
	(void)process;
	atomic_store(&asked_to_wake, true);
}

static void
on_crowded(struct process *p)
{
	CU_ASSERT_EQUAL(atomic_load(&p->busy), p->n_workers);
	atomic_fetch_add(&crowds, 1);
}

static void
on_beat_failed(struct process *p)
{
	(void)p;
	atomic_fetch_add(&failed_beats, 1);
}

/* The same step again adds nothing. */
static void
tell(const char *step)
{
	size_t len = strlen(story);

	if (len == 0 || story[len - 1] != *step)
		strcat(story, step);
}

static void
on_drain(struct process *p)
{
	CU_ASSERT(p->draining);
	tell("d");
}

static bool
is_idle(struct process *p)
{
	(void)p;
	tell("i");
	return atomic_load(&is_over);
}

static bool
cut(struct process *p)
{
	(void)p;
	tell("c");
	return true;
}

static void
halt(struct process *p)
{
	(void)p;
	tell("h");
}

static void
release(struct process *p)
{
	CU_ASSERT_PTR_EQUAL(p->daemon, story);
	tell("r");
	atomic_fetch_add(&released, 1);
}

static const struct process_kind queue_only = {
	.name = "test",
	.program = "test",
	.signs_off = true,
	.crowded = on_crowded,
	.beat_failed = on_beat_failed,
	.drain = on_drain,
	.is_idle = is_idle,
	.cut = cut,
	.halt = halt,
	.release = release,
};
static const struct process_kind plain = {
	.name = "test", .program = "test", .signs_off = true, .wait = wait_for_work, .serve = serve, .wake = wake
};

static struct process *
begin(const struct process_kind *kind, int workers)
{
	struct process *p = process_new(&conf, kind);

	CU_ASSERT_EQUAL(strlen(p->id), UUID_LEN - 1);
	p->daemon = story;
	story[0] = '\0';
	atomic_store(&ran, 0);
	atomic_store(&served, 0);
	atomic_store(&crowds, 0);
	atomic_store(&released, 0);
	atomic_store(&open_gate, false);
	atomic_store(&is_over, true);
	process_start(p, workers);
	return p;
}

static void
job_run(struct work *job, struct worker *w)
{
	CU_ASSERT_PTR_NOT_NULL(w->pg);
	CU_ASSERT_PTR_NOT_NULL(w->redis);
	free(job);
	while (!atomic_load(&open_gate))
		pause_ms(1);
	atomic_fetch_add(&ran, 1);
}

static void
push(struct process *p)
{
	struct work *job = calloc(1, sizeof(*job));

	job->run = job_run;
	CU_ASSERT(queue_push(p->work, job));
}

static void
drain_posted(void *process)
{
	process_drain(process);
	process_drain(process); /* once is enough */
}

static void
end(struct process *p)
{
	reactor_post(p->reactor, drain_posted, p);
	process_run(p);
	process_free(p);
}

/* ---- the tests ---------------------------------------------------------------------- */

static void
test_never_started(void)
{
	struct process *p = process_new(&conf, &queue_only);

	story[0] = '\0';
	process_free(p);
	process_free(NULL);
	CU_ASSERT_STRING_EQUAL(story, ""); /* there is nothing of the program's to release */
}

static void
test_workers(void)
{
	struct process *p = begin(&queue_only, 2);

	push(p);
	pause_ms(100);
	CU_ASSERT_EQUAL(atomic_load(&crowds), 0); /* one is left */
	push(p);
	CU_ASSERT(comes_to(&crowds, 1, WITHIN_MS));
	push(p);
	atomic_store(&open_gate, true);
	CU_ASSERT(comes_to(&ran, 3, WITHIN_MS));
	CU_ASSERT(comes_to(&failed_beats, 1, WITHIN_MS));
	for (int i = 0; i < 8; i++)
		push(p);
	end(p); /* what was queued is run */
	CU_ASSERT_EQUAL(atomic_load(&ran), 11);
	CU_ASSERT_STRING_EQUAL(story, "dihr");
}

static void
test_deadline(void)
{
	struct process *p = begin(&queue_only, 1);
	int64_t began_ms = clock_mono_ms();

	atomic_store(&is_over, false);
	end(p);
	CU_ASSERT(clock_mono_ms() - began_ms >= conf.server_drain_timeout);
	CU_ASSERT_STRING_EQUAL(story, "dichr");
	CU_ASSERT_EQUAL(atomic_load(&released), 1);
}

static void
test_two_sources(void)
{
	struct process *p = begin(&plain, 1);

	atomic_store(&open_gate, true);
	atomic_store(&found_something, true);
	CU_ASSERT(comes_to(&served, 1, WITHIN_MS));
	push(p); /* its worker waits elsewhere: it is woken */
	CU_ASSERT(comes_to(&ran, 1, WITHIN_MS));
	atomic_store(&found_something, true);
	CU_ASSERT(comes_to(&served, 2, WITHIN_MS));
	end(p);
}

static CU_TestInfo tests[] = {
	{ "one that never started is freed", test_never_started },
	{ "workers run what is queued, and say when all are busy", test_workers },
	{ "what does not end is cut at the deadline", test_deadline },
	{ "an idle worker waits for the queue and for more", test_two_sources },
	CU_TEST_INFO_NULL,
};
static CU_SuiteInfo suites[] = {
	{ "process", set_up, NULL, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};

int
main(void)
{
	return tap_run(suites);
}
