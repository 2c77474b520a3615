#include "core/heartbeat.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/thread.h"
#include "io/pg.h"

/* What does not answer within this is given up and tried again, long before the others give us up. */
#define STATEMENT_MS 4000
#define AFTER_FAILURE_MS 1000
#define KEPT_BACK_MS 100

struct heartbeat {
	char id[UUID_LEN];
	const char *kind;
	char host[256];
	struct conf conf; /* the process', but for the patience with statements */
	struct pg *pg;	  /* the thread's, once it runs */
	struct heartbeat_hooks hooks;
	_Atomic int64_t last_ms; /* the last beat that was taken began then */
	pthread_t thread;
	bool started;

	/* the thread's own */
	int64_t due_ms;
	bool unsure;	/* others may have ended tasks of ours, and we have not learned which */
	bool kept_back; /* the last beat was, and that was logged */

	pthread_mutex_t lock; /* guards the rest */
	pthread_cond_t wake;
	struct heartbeat_work *first, **last;
	bool working;
	char *mine;
	bool stopping;
};

struct heartbeat *
heartbeat_new(const struct conf *conf, const char *kind)
{
	struct heartbeat *h = xcalloc(1, sizeof(*h));

	uuid_v7(h->id);
	h->kind = kind;
	if (gethostname(h->host, sizeof(h->host) - 1) != 0)
		h->host[0] = '?';
	h->conf = *conf;
	if (h->conf.database_statement_timeout > STATEMENT_MS)
		h->conf.database_statement_timeout = STATEMENT_MS;
	h->pg = pg_new(&h->conf, conf->database_url, "weir-heartbeat");
	h->last = &h->first;
	pthread_mutex_init(&h->lock, NULL);
	cond_init(&h->wake);
	return h;
}

int64_t
heartbeat_last_ms(const struct heartbeat *h)
{
	return atomic_load(&h->last_ms);
}

const char *
heartbeat_id(const struct heartbeat *h)
{
	return h->id;
}

static enum status
say_alive(struct heartbeat *h, const char *mine, struct rows **rows)
{
	int64_t began_ms = clock_mono_ms();
	enum status st = pg_query_again(h->pg, rows,
	    "SELECT late, cancel, ended FROM process_heartbeat($1::uuid, $2, $3, $4::int, $5::uuid[])", PS(h->id),
	    PS(h->kind), PS(h->host), PI(getpid()), PS(mine));

	if (st != OK)
		LOG(WARN, "heartbeat_failed", LS("error", pg_error(h->pg)));
	else
		atomic_store(&h->last_ms, began_ms);
	return st;
}

enum status
heartbeat_register(struct heartbeat *h)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = say_alive(h, NULL, &rows);

	h->due_ms = clock_mono_ms() + HEARTBEAT_MS;
	return st;
}

/* ---- a beat ------------------------------------------------------------------ */

/* The ids in "{…,…}", which the caller frees. */
static int
take_ids(const char *array, char (**out)[UUID_LEN])
{
	size_t n = array == NULL ? 0 : strlen(array) / UUID_LEN; /* each with a comma or brace after it */

	*out = xcalloc(n + 1, UUID_LEN);
	for (size_t i = 0; i < n; i++)
		memcpy((*out)[i], array + 1 + i * UUID_LEN, UUID_LEN - 1);
	return (int)n;
}

static void
tell_news(struct heartbeat *h, const struct rows *rows)
{
	struct heartbeat_news *news = xcalloc(1, sizeof(*news));

	news->n_cancel = take_ids(row_text(rows, 0, "cancel"), &news->cancel);
	news->n_ended = take_ids(row_text(rows, 0, "ended"), &news->ended);
	if (news->n_ended > 0)
		LOG(WARN, "taken_for_dead", LI("tasks", news->n_ended));
	if (news->n_cancel + news->n_ended > 0)
		h->hooks.on_news(h->hooks.arg, news);
	else
		heartbeat_news_free(news);
}

static void
extend_leases(struct heartbeat *h)
{
	if (pg_query_again(h->pg, NULL, "SELECT credits_extend($1::uuid, $2::int)", PS(h->id),
		PI(h->conf.tasks_hold_lease / 1000)) != OK)
		LOG(WARN, "hold_extension_failed", LS("error", pg_error(h->pg)));
}

static bool
may_beat(struct heartbeat *h)
{
	bool may = h->hooks.vouch == NULL || h->hooks.vouch(h->hooks.arg);

	if (!may && !h->kept_back)
		LOG(ERROR, "heartbeat_kept_back", LS("reason", "the process does not answer for itself"));
	h->kept_back = !may;
	return may;
}

static void
beat(struct heartbeat *h, const char *mine)
{
	AUTO_ROWS struct rows *rows = NULL;
	int64_t began_ms = clock_mono_ms();

	if (mine != NULL)
		h->unsure = true;
	h->due_ms = began_ms + KEPT_BACK_MS;
	if (!may_beat(h))
		return;
	if (say_alive(h, mine, &rows) != OK) {
		h->due_ms = clock_mono_ms() + AFTER_FAILURE_MS;
		if (h->hooks.on_failed != NULL)
			h->hooks.on_failed(h->hooks.arg);
		return;
	}
	h->due_ms = began_ms + HEARTBEAT_MS;
	if (!row_null(rows, 0, "ended"))
		h->unsure = false;
	if (row_bool(rows, 0, "late"))
		h->unsure = true;
	tell_news(h, rows);
	if (h->unsure)
		h->hooks.on_late(h->hooks.arg);
	extend_leases(h);
}

/* ---- the thread -------------------------------------------------------------------- */

/* The next piece of work, or NULL.  Locked. */
static struct heartbeat_work *
unlink_work(struct heartbeat *h)
{
	struct heartbeat_work *w = h->first;

	if (w != NULL && (h->first = w->next) == NULL)
		h->last = &h->first;
	return w;
}

static void
beat_unlocked(struct heartbeat *h)
{
	char *mine = h->mine;

	h->mine = NULL;
	pthread_mutex_unlock(&h->lock);
	beat(h, mine);
	free(mine);
	pthread_mutex_lock(&h->lock);
}

static void
work_unlocked(struct heartbeat *h, struct heartbeat_work *w)
{
	h->working = true;
	pthread_mutex_unlock(&h->lock);
	w->run(w, h->pg);
	pthread_mutex_lock(&h->lock);
	h->working = false;
}

static void *
heartbeat_main(void *arg)
{
	struct heartbeat *h = arg;
	struct heartbeat_work *w;

	pthread_mutex_lock(&h->lock);
	for (;;) {
		if (!h->stopping && (h->mine != NULL || clock_mono_ms() >= h->due_ms))
			beat_unlocked(h);
		else if ((w = unlink_work(h)) != NULL)
			work_unlocked(h, w);
		else if (h->stopping)
			break;
		else
			cond_wait_until(&h->wake, &h->lock, h->due_ms);
	}
	pthread_mutex_unlock(&h->lock);
	return NULL;
}

void
heartbeat_start(struct heartbeat *h, const struct heartbeat_hooks *hooks)
{
	h->hooks = *hooks;
	thread_start(&h->thread, heartbeat_main, h);
	h->started = true;
}

static void
end_thread(struct heartbeat *h)
{
	pthread_mutex_lock(&h->lock);
	h->stopping = true;
	pthread_cond_signal(&h->wake);
	pthread_mutex_unlock(&h->lock);
	if (h->started)
		pthread_join(h->thread, NULL);
	h->started = false;
}

void
heartbeat_sign_off(struct heartbeat *h)
{
	pg_hurry(h->pg);
	end_thread(h); /* the next beat would write the row again */
	if (pg_query_again(h->pg, NULL, "DELETE FROM processes WHERE id = $1::uuid", PS(h->id)) != OK)
		LOG(WARN, "sign_off_failed", LS("error", pg_error(h->pg)));
}

void
heartbeat_stop(struct heartbeat *h)
{
	if (h == NULL)
		return;
	end_thread(h);
	pthread_cond_destroy(&h->wake);
	pthread_mutex_destroy(&h->lock);
	pg_free(h->pg);
	free(h->mine);
	free(h);
}

/* ---- from other threads ---------------------------------------------------------------- */

void
heartbeat_ask(struct heartbeat *h, char *mine)
{
	pthread_mutex_lock(&h->lock);
	free(h->mine);
	h->mine = mine;
	pthread_cond_signal(&h->wake);
	pthread_mutex_unlock(&h->lock);
}

void
heartbeat_do(struct heartbeat *h, struct heartbeat_work *work)
{
	work->next = NULL;
	pthread_mutex_lock(&h->lock);
	*h->last = work;
	h->last = &work->next;
	pthread_cond_signal(&h->wake);
	pthread_mutex_unlock(&h->lock);
}

bool
heartbeat_busy(struct heartbeat *h)
{
	bool busy;

	pthread_mutex_lock(&h->lock);
	busy = h->working || h->first != NULL;
	pthread_mutex_unlock(&h->lock);
	return busy;
}

void
heartbeat_news_free(struct heartbeat_news *news)
{
	free(news->cancel);
	free(news->ended);
	free(news);
}
