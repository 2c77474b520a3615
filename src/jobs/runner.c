#include "jobs/runner.h"

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/queue.h"
#include "base/thread.h"
#include "core/secret.h"
#include "core/work.h"
#include "io/pg.h"
#include "jobs/job.h"

#define LOOK_EVERY_MS 1000 /* for what is due by time, and what no NOTIFY told of */
#define EXTEND_PARTS 3	   /* of a lease: how often it is extended */
#define SCHEDULES_AT_ONCE 16
#define JOB_ARENA_BYTES 4096
#define JOB_ARENA_MAX_BYTES (64u << 20)
#define SHORT_US 20000	 /* jobs that take no longer are taken before there is a worker for them */
#define AHEAD_TIMES 4	 /* so many for each worker */
#define END_AGAIN_MS 500 /* PostgreSQL was away: tell it again how a job ended */

/* A job that was taken. */
struct running {
	struct work work; /* first member */
	struct job job;
	struct runner *runner;
	struct running *next; /* in the runner's list */
	struct arena *arena;
	const unsigned char *sealed; /* NULL: nothing */
	size_t sealed_len;
	int64_t began_us, extend_at_ms;
};

struct runner {
	struct process *process;
	pthread_t thread;
	struct pg *pg;
	int wake_fd;		 /* a worker is free again, or it ends */
	char *kinds;		 /* their names, as PostgreSQL writes an array */
	size_t first;		 /* kind that is asked first, in turn */
	int64_t schedules_at_ms; /* when the calendar is looked at next */
	bool knows_schedules;

	pthread_mutex_t lock; /* guards what follows */
	struct running *running;
	int n_running;
	int64_t mean_us; /* of the last jobs */
	bool stopped;
};

static void
wake(struct runner *r)
{
	uint64_t one = 1;

	if (write(r->wake_fd, &one, sizeof(one)) < 0) { /* it is awake */
	}
}

static void
sleep_until_woken(struct runner *r, int64_t ms)
{
	uint64_t n;

	pg_wait(r->pg, r->wake_fd, ms);
	if (read(r->wake_fd, &n, sizeof(n)) < 0) { /* it was something else */
	}
}

static bool
is_stopped(struct runner *r)
{
	bool stopped;

	pthread_mutex_lock(&r->lock);
	stopped = r->stopped;
	pthread_mutex_unlock(&r->lock);
	return stopped;
}

/* ---- doing: worker -------------------------------------------------------------- */

/* How it ended, for the table.  Any of these may be asked again. */
static enum status
tell_end(struct running *g, struct pg *pg, enum status st, const char *why)
{
	const struct job_kind *k = g->job.kind;
	const char *owner = g->runner->process->id;
	int64_t ms = (clock_mono_us() - g->began_us) / 1000;

	if (st != OK)
		return pg_query_again(pg, NULL,
		    "SELECT job_failed($1::uuid, $2::uuid, $3, $4::int, $5::bigint, $6::bigint, $7::boolean, $8::bigint)",
		    PS(owner), PS(g->job.id), PS(why), PI(k->tries), PI(k->first_pause_ms), PI(k->longest_pause_ms),
		    PB(g->job.hopeless), PI(ms));
	if (g->job.again)
		return pg_query_again(pg, NULL, "SELECT job_later($1::uuid, $2::uuid, $3::bigint, $4::bigint)",
		    PS(owner), PS(g->job.id), PI(g->job.again_ms), PI(ms));
	return pg_query_again(
	    pg, NULL, "SELECT job_done($1::uuid, $2::uuid, $3::bigint)", PS(owner), PS(g->job.id), PI(ms));
}

static void
log_end(const struct running *g, enum status st, const char *why)
{
	if (st == OK)
		LOG(DEBUG, g->job.again ? "job_again" : "job_done", LS("kind", g->job.kind->name), LS("id", g->job.id),
		    LMS("ms", clock_mono_us() - g->began_us));
	else
		LOG(WARN, "job_failed", LS("kind", g->job.kind->name), LS("id", g->job.id),
		    LI("attempt", g->job.attempt), LS("why", why));
}

static enum status
do_job(struct running *g, struct context *cx)
{
	enum status st = OK;

	if (g->sealed != NULL)
		st = secret_open(cx->arena, cx->conf, g->job.id, g->sealed, g->sealed_len, &g->job.secret);
	if (st != OK)
		return job_give_up(&g->job, fail(cx, st, "its secret cannot be opened"));
	st = g->job.kind->run(cx, &g->job);
	if (pg_in_transaction(cx->pg)) { /* the function forgot one */
		context_rollback(cx);
		st = st == OK ? fail(cx, E_INTERNAL, "left a transaction open") : st;
	}
	return st;
}

/* It is not this process' any more; the last one that ends wakes who waits for it. */
static void
forget(struct running *g)
{
	struct runner *r = g->runner;
	struct running **p = &r->running;

	pthread_mutex_lock(&r->lock);
	while (*p != g)
		p = &(*p)->next;
	*p = g->next;
	r->n_running--;
	r->mean_us += (clock_mono_us() - g->began_us - r->mean_us) / 8;
	pthread_mutex_unlock(&r->lock);
	arena_free(g->arena);
	free(g);
	wake(r);
}

static void
run(struct work *work, struct worker *w)
{
	struct running *g = (struct running *)(void *)work;
	struct context cx = { .arena = g->arena,
		.conf = w->process->conf,
		.process = w->process,
		.pg = w->pg,
		.redis = w->redis,
		.lang = LANG_EN };
	const char *why;
	enum status st;

	g->began_us = clock_mono_us();
	st = do_job(g, &cx);
	why = cx.log_detail != NULL ? cx.log_detail : status_code(st);
	log_end(g, st, why);
	while (tell_end(g, w->pg, st, why) == E_UNAVAILABLE && !job_stopping(&g->job))
		usleep(END_AGAIN_MS * 1000);
	json_decref(cx.details);
	forget(g);
}

/* ---- taking: the runner's thread --------------------------------------------------- */

static void
hand_over(struct runner *r, const struct job_kind *k, const struct rows *rows, int row)
{
	struct running *g = xcalloc(1, sizeof(*g));

	g->work.run = run;
	g->runner = r;
	g->arena = arena_new(JOB_ARENA_BYTES, JOB_ARENA_MAX_BYTES);
	g->extend_at_ms = clock_mono_ms() + k->lease_ms / EXTEND_PARTS;
	memcpy(g->job.id, row_text(rows, row, "id"), UUID_LEN);
	g->job.kind = k;
	g->job.payload = json_own(g->arena, row_json(rows, row, "payload"));
	g->job.user_id = arena_strdup(g->arena, row_text(rows, row, "user_id"));
	g->job.attempt = (int)row_int(rows, row, "attempts");
	g->sealed = row_bytes(rows, row, "sealed", g->arena, &g->sealed_len);

	pthread_mutex_lock(&r->lock);
	g->next = r->running;
	r->running = g;
	r->n_running++;
	pthread_mutex_unlock(&r->lock);
	queue_push_always(r->process->work, &g->work);
}

/* How many more may be taken.  Of long ones as many as there are workers free: others may have
 * some.  Short ones must not wait for the next round. */
static int
room(struct runner *r)
{
	int n = r->process->n_workers;

	pthread_mutex_lock(&r->lock);
	if (r->mean_us < SHORT_US)
		n *= AHEAD_TIMES;
	n = r->stopped ? 0 : n - r->n_running;
	pthread_mutex_unlock(&r->lock);
	return n;
}

static void
take_of_kind(struct runner *r, const struct job_kind *k)
{
	AUTO_ROWS struct rows *rows = NULL;
	int n = room(r);

	/* never again by itself: what a lost answer had taken comes back when its lease is over */
	if (n <= 0 ||
	    pg_query(r->pg, &rows,
		"SELECT id, payload, sealed, user_id, attempts"
		" FROM jobs_take($1::uuid, $2, $3::int, $4::int, $5::bigint, $6::int)",
		PS(r->process->id), PS(k->name), PI(n), PI(k->at_once), PI(k->lease_ms), PI(k->tries)) != OK)
		return;
	for (int i = 0; i < rows_count(rows); i++)
		hand_over(r, k, rows, i);
}

static bool
is_among(const json_t *names, const char *name)
{
	const json_t *n;
	size_t i;

	json_array_foreach(names, i, n)
		if (strcmp(json_string_value(n), name) == 0)
			return true;
	return false;
}

static size_t
count_kinds(void)
{
	size_t n = 0;

	while (job_kinds()[n].name != NULL)
		n++;
	return n;
}

/* Of all kinds in turn, so that many of one do not keep others waiting. */
static void
take(struct runner *r)
{
	AUTO_ROWS struct rows *rows = NULL;
	size_t n = count_kinds();
	json_t *due;

	if (room(r) <= 0 ||
	    pg_query_again(r->pg, &rows, "SELECT to_jsonb(jobs_due($1::text[])) AS due", PS(r->kinds)) != OK)
		return;
	due = row_json(rows, 0, "due");
	for (size_t i = 0; i < n && json_array_size(due) > 0; i++) {
		const struct job_kind *k = &job_kinds()[(r->first + i) % n];

		if (is_among(due, k->name))
			take_of_kind(r, k);
	}
	r->first++;
	json_decref(due);
}

/* ---- what runs, lives ------------------------------------------------------------- */

/* The ids of those of a kind whose lease is to be extended now; "" none. */
static void
list_due(struct runner *r, const struct job_kind *k, struct buf *ids)
{
	int64_t now_ms = clock_mono_ms();

	pthread_mutex_lock(&r->lock);
	for (struct running *g = r->running; g != NULL; g = g->next) {
		if (g->job.kind != k || g->extend_at_ms > now_ms)
			continue;
		pg_array_add(ids, g->job.id);
		g->extend_at_ms = now_ms + k->lease_ms / EXTEND_PARTS;
	}
	pthread_mutex_unlock(&r->lock);
	if (ids->len > 0)
		pg_array_end(ids);
}

/* `ids`: NULL: all. */
static void
tell_to_stop(struct runner *r, const json_t *ids)
{
	pthread_mutex_lock(&r->lock);
	for (struct running *g = r->running; g != NULL; g = g->next)
		if (ids == NULL || is_among(ids, g->job.id))
			atomic_store(&g->job.stop, true);
	pthread_mutex_unlock(&r->lock);
}

static void
extend(struct runner *r)
{
	for (const struct job_kind *k = job_kinds(); k->name != NULL; k++) {
		AUTO_ROWS struct rows *rows = NULL;
		struct buf ids = BUF_INIT(0);

		list_due(r, k, &ids);
		if (ids.len > 0 &&
		    pg_query_again(r->pg, &rows,
			"SELECT to_jsonb(jobs_extend($1::uuid, $2::uuid[], $3::bigint)) AS stop", PS(r->process->id),
			PS(buf_str(&ids)), PI(k->lease_ms)) == OK &&
		    !row_null(rows, 0, "stop")) {
			json_t *stop = row_json(rows, 0, "stop");

			tell_to_stop(r, stop);
			json_decref(stop);
		}
		buf_free(&ids);
	}
}

/* ---- the calendar --------------------------------------------------------------------- */

/* Rows for what this build does by the calendar. */
static enum status
make_schedules(struct runner *r)
{
	struct buf names = BUF_INIT(0), crons = BUF_INIT(0), kinds = BUF_INIT(0);
	const struct schedule *s = job_schedules();
	enum status st;

	for (const char *before = "{"; s->name != NULL; s++, before = ",") {
		buf_printf(&names, "%s%s", before, s->name);
		buf_printf(&crons, "%s\"%s\"", before, s->cron);
		buf_printf(&kinds, "%s%s", before, s->kind);
	}
	buf_puts(&names, names.len == 0 ? "{}" : "}");
	buf_puts(&crons, crons.len == 0 ? "{}" : "}");
	buf_puts(&kinds, kinds.len == 0 ? "{}" : "}");
	st = pg_query_again(r->pg, NULL, "SELECT schedules_know($1::text[], $2::text[], $3::text[])",
	    PS(buf_str(&names)), PS(buf_str(&crons)), PS(buf_str(&kinds)));
	buf_free(&names);
	buf_free(&crons);
	buf_free(&kinds);
	return st;
}

static void
pass_time(struct runner *r)
{
	int64_t now_ms = clock_mono_ms();

	if (now_ms < r->schedules_at_ms)
		return;
	r->schedules_at_ms = now_ms + LOOK_EVERY_MS;
	r->knows_schedules = r->knows_schedules || make_schedules(r) == OK;
	if (pg_query(r->pg, NULL, "SELECT schedules_run($1::int)", PI(SCHEDULES_AT_ONCE)) != OK)
		LOG(WARN, "schedules_failed", LS("why", pg_error(r->pg)));
}

/* ---- life --------------------------------------------------------------------------------- */

static char *
array_of_kinds(void)
{
	struct buf b = BUF_INIT(0);
	char *text;

	for (const struct job_kind *k = job_kinds(); k->name != NULL; k++)
		pg_array_add(&b, k->name);
	pg_array_end(&b);
	text = xstrdup(buf_str(&b));
	buf_free(&b);
	return text;
}

static void *
runner_main(void *arg)
{
	struct runner *r = arg;

	while (!is_stopped(r)) {
		pass_time(r);
		extend(r); /* first: what is ours must not look as if nobody had it */
		take(r);
		sleep_until_woken(r, LOOK_EVERY_MS);
	}
	while (!runner_idle(r)) { /* what was taken is ours until it has ended */
		extend(r);
		sleep_until_woken(r, LOOK_EVERY_MS);
	}
	return NULL;
}

struct runner *
runner_start(struct process *p)
{
	struct runner *r = xcalloc(1, sizeof(*r));

	r->process = p;
	r->pg = pg_new(p->conf, p->conf->database_url, p->kind->program);
	r->mean_us = SHORT_US; /* not known yet */
	pg_listen(r->pg, "weir_jobs");
	r->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (r->wake_fd < 0)
		abort();
	r->kinds = array_of_kinds();
	pthread_mutex_init(&r->lock, NULL);
	thread_start(&r->thread, runner_main, r);
	return r;
}

void
runner_stop(struct runner *r)
{
	pg_hurry(r->pg);
	pthread_mutex_lock(&r->lock);
	r->stopped = true;
	pthread_mutex_unlock(&r->lock);
	wake(r);
}

bool
runner_idle(struct runner *r)
{
	bool idle;

	pthread_mutex_lock(&r->lock);
	idle = r->n_running == 0;
	pthread_mutex_unlock(&r->lock);
	return idle;
}

void
runner_cut(struct runner *r)
{
	tell_to_stop(r, NULL);
}

void
runner_join(struct runner *r)
{
	pthread_join(r->thread, NULL);
}

void
runner_free(struct runner *r)
{
	pg_free(r->pg);
	close(r->wake_fd);
	pthread_mutex_destroy(&r->lock);
	free(r->kinds);
	free(r);
}
