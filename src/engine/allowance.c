#include "engine/allowance.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/queue.h"
#include "core/events.h"
#include "core/heartbeat.h"
#include "core/work.h"
#include "engine/demand.h"
#include "engine/flight.h"
#include "engine/private.h"
#include "io/reactor.h"
#include "io/redis.h"
#include "ledger/credits.h"

#define BUCKETS 1024
#define TICK_MS 500
#define IDLE_MS 2000	      /* not used for so long: it goes back */
#define REFUSED_MS 500	      /* PostgreSQL gave nothing: not asked again for so long, */
#define ASKED_MS 2000	      /* nor when somebody else needs the credits */
#define BEAT_TRUSTED_MS 15000 /* without a heartbeat for so long nobody takes, */
#define BEAT_LOST_MS 40000    /* and for so long: others may have given them back */
#define LOOK_EVERY 10	      /* ticks: does somebody ask whom Redis did not tell us of? */
#define TELL_MS 1000
#define FLIGHTS_MAX 16384

struct allowance {
	struct allowance *next;					/* in its bucket */
	char id[UUID_LEN], user_id[UUID_LEN], key_id[UUID_LEN]; /* key "": any */
	char group[FLIGHT_GROUP_BYTES];

	int64_t amount_ucr, reserved_ucr;
	int64_t calls; /* that refer to it */
	struct demand demand;
	bool limited;
	int seq;   /* of the last fill or return; 0: PostgreSQL does not know it */
	bool busy; /* a worker fills it or gives back of it */
	bool over; /* nobody takes from it any more; it ends with its last call */
	bool asked;
	int64_t used_ms, refused_until_ms, asked_until_ms; /* monotonic; asked: what gets idle goes back at once */

	/* reactor */
	int64_t told_ms, balance_ucr; /* told_ms: when pages were told last */
	bool untold;
};

struct allowances {
	pthread_mutex_t lock; /* guards all but what is the reactor's */
	struct allowance *buckets[BUCKETS];
	unsigned ticks;
	bool looking;
};

/* ---- the table ---------------------------------------------------------------------- */

/* The random end of a version 7 id spreads them. */
static struct allowance **
bucket_of(struct allowances *all, const char *user_id)
{
	return &all->buckets[strtoul(user_id + UUID_LEN - 5, NULL, 16) % BUCKETS];
}

/* The one that may be taken from, or NULL.  Locked. */
static struct allowance *
find(struct allowances *all, const struct allowance_ask *ask)
{
	const char *key_id = ask->key_id == NULL ? "" : ask->key_id;
	struct allowance *a = *bucket_of(all, ask->user_id);

	while (a != NULL &&
	    (a->over || strcmp(a->user_id, ask->user_id) != 0 || strcmp(a->key_id, key_id) != 0 ||
		strcmp(a->group, ask->group) != 0))
		a = a->next;
	return a;
}

/* Locked. */
static struct allowance *
make(struct allowances *all, const struct allowance_ask *ask)
{
	struct allowance *a = xcalloc(1, sizeof(*a)), **bucket = bucket_of(all, ask->user_id);

	uuid_v7(a->id);
	snprintf(a->user_id, sizeof(a->user_id), "%s", ask->user_id);
	snprintf(a->key_id, sizeof(a->key_id), "%s", ask->key_id == NULL ? "" : ask->key_id);
	snprintf(a->group, sizeof(a->group), "%s", ask->group);
	a->next = *bucket;
	*bucket = a;
	return a;
}

/* Locked. */
static void
forget(struct allowances *all, struct allowance *a)
{
	struct allowance **at = bucket_of(all, a->user_id);

	while (*at != a)
		at = &(*at)->next;
	*at = a->next;
	free(a);
}

const char *
allowance_id(const struct allowance *a)
{
	return a->id;
}

bool
allowance_limited(const struct allowance *a)
{
	return a->limited;
}

int64_t
allowance_calls(struct process *p, const struct allowance *a)
{
	int64_t calls;

	pthread_mutex_lock(&p->allowances->lock);
	calls = a->calls;
	pthread_mutex_unlock(&p->allowances->lock);
	return calls;
}

/* ---- taking ---------------------------------------------------------------------------- */

/* Is the lease certain? */
static bool
is_trusted(const struct process *p, int64_t now_ms)
{
	return now_ms - heartbeat_last_ms(p->heartbeat) < BEAT_TRUSTED_MS;
}

/* Locked. */
static bool
reserve(struct allowance *a, int64_t ceiling_ucr)
{
	if (a->over || a->amount_ucr - a->reserved_ucr < ceiling_ucr)
		return false;
	a->reserved_ucr += ceiling_ucr;
	a->calls++;
	demand_reserved(&a->demand, a->reserved_ucr);
	return true;
}

/* What PostgreSQL said to a fill.  Locked. */
static void
note_filled(struct allowance *a, const struct rows *rows, int64_t now_ms)
{
	if (row_null(rows, 0, "granted")) {
		a->over = true;
		return;
	}
	if (row_ucr(rows, 0, "granted") == 0) {
		a->refused_until_ms = now_ms + REFUSED_MS;
		return;
	}
	a->seq++;
	a->amount_ucr += row_ucr(rows, 0, "granted");
	a->limited = a->limited || row_bool(rows, 0, "limited");
}

/* Ask for more.  Locked, but for the asking. */
static void
fill(struct context *cx, struct allowance *a, int64_t ceiling_ucr, int64_t now_ms)
{
	struct allowances *all = cx->process->allowances;
	AUTO_ROWS struct rows *rows = NULL;
	int64_t wanted_ucr = demand_wanted_ucr(&a->demand, ceiling_ucr, a->amount_ucr);
	enum status st;

	a->busy = true;
	pthread_mutex_unlock(&all->lock);
	st = pg_query_again(cx->pg, &rows,
	    "SELECT granted, limited FROM allowance_fill($1::uuid, $2::uuid, $3::uuid, $4::uuid, $5::int, $6::numeric, $7::numeric, $8)",
	    PS(a->id), PS(cx->process->id), PS(a->user_id), PS(a->key_id[0] == '\0' ? NULL : a->key_id), PI(a->seq + 1),
	    PM(wanted_ucr), PM(ceiling_ucr), PS(a->group));
	pthread_mutex_lock(&all->lock);
	a->busy = false;
	if (st == OK)
		note_filled(a, rows, now_ms);
	else /* it may have been filled: what it holds nobody knows here */
		a->over = true;
}

/* ---- giving back ------------------------------------------------------------------------- */

/* A part of one, or all of it, on its way back; made on the reactor. */
struct giving {
	struct work job; /* first: the queue knows this */
	struct process *process;
	struct allowance *from; /* busy */
	int64_t part_ucr;
	bool whole;
	int seq;
};

static enum status
give(struct pg *pg, const struct giving *g)
{
	return pg_query_again(pg, NULL, "SELECT allowance_return($1::uuid, $2::uuid, $3::int, $4::numeric)",
	    PS(g->from->id), PS(g->process->id), PI(g->seq), g->whole ? PNULL : PM(g->part_ucr));
}

/* Locked. */
static void
note_given(struct giving *g, enum status st)
{
	struct allowance *a = g->from;

	a->busy = false;
	if (st != OK) { /* what it holds nobody knows here: the end of it will say */
		a->over = true;
		a->refused_until_ms = clock_mono_ms() + TICK_MS;
	} else if (g->whole && a->calls == 0) {
		forget(g->process->allowances, a);
	}
}

static void
give_job(struct work *job, struct worker *w)
{
	struct giving *g = (struct giving *)(void *)job;
	struct allowances *all = w->process->allowances;
	enum status st = give(w->pg, g);

	pthread_mutex_lock(&all->lock);
	note_given(g, st);
	pthread_mutex_unlock(&all->lock);
	free(g);
}

/* Take the part out before anybody else does.  Locked. */
static struct giving
prepare_giving(struct process *p, struct allowance *a, int64_t part_ucr, bool whole)
{
	a->busy = true;
	a->asked = false;
	a->over = a->over || whole;
	a->amount_ucr -= part_ucr;
	return (struct giving){
		.job.run = give_job, .process = p, .from = a, .part_ucr = part_ucr, .whole = whole, .seq = ++a->seq
	};
}

/* What of it nobody needs: *whole, or a part; false: nothing has to be done.  Locked. */
static bool
is_spare(const struct allowance *a, int64_t now_ms, int64_t *part_ucr, bool *whole)
{
	int64_t wanted_ucr = demand_peak_ucr(&a->demand) * 4, room_ucr = a->amount_ucr - a->reserved_ucr;

	*whole = a->calls == 0 && (a->over || a->asked || now_ms - a->used_ms > IDLE_MS);
	*part_ucr = *whole || room_ucr < 0 ? 0 : room_ucr;
	if (*whole || a->asked)
		return true;
	if (a->calls == 0 || a->over || a->amount_ucr <= wanted_ucr || *part_ucr == 0)
		return false;
	if (a->amount_ucr - wanted_ucr < *part_ucr)
		*part_ucr = a->amount_ucr - wanted_ucr;
	return true;
}

/* Give back what `a` has to spare.  Locked. */
static void
give_spare(struct process *p, struct allowance *a, int64_t now_ms)
{
	int64_t part_ucr;
	struct giving *g;
	bool whole;

	if (a->busy || (a->over && now_ms < a->refused_until_ms) || !is_spare(a, now_ms, &part_ucr, &whole))
		return;
	if (whole && a->seq == 0) {
		forget(p->allowances, a);
		return;
	}
	if (a->seq == 0) {
		a->asked = false;
		return;
	}
	g = xmalloc(sizeof(*g));
	*g = prepare_giving(p, a, part_ucr, whole);
	queue_push_always(p->work, &g->job);
}

struct allowance *
allowance_take(struct context *cx, const struct allowance_ask *ask)
{
	struct allowances *all = cx->process->allowances;
	int64_t now_ms = clock_mono_ms();
	struct allowance *a;
	bool has;

	if (all == NULL || cx->process->flights == NULL || ask->ceiling_ucr <= 0 || !is_trusted(cx->process, now_ms))
		return NULL;
	pthread_mutex_lock(&all->lock);
	if ((a = find(all, ask)) == NULL)
		a = make(all, ask);
	a->used_ms = now_ms;
	demand_called(&a->demand, now_ms);
	has = reserve(a, ask->ceiling_ucr);
	if (!has && !a->busy && !a->asked && now_ms >= a->refused_until_ms && demand_is_lively(&a->demand)) {
		fill(cx, a, ask->ceiling_ucr, now_ms);
		has = reserve(a, ask->ceiling_ucr);
		if (a->asked) /* meanwhile */
			give_spare(cx->process, a, now_ms);
	}
	pthread_mutex_unlock(&all->lock);
	return has ? a : NULL;
}

void
allowance_leave(struct process *p, struct allowance *a)
{
	pthread_mutex_lock(&p->allowances->lock);
	a->calls--;
	pthread_mutex_unlock(&p->allowances->lock);
}

void
allowance_back(struct process *p, struct allowance *a, int64_t ceiling_ucr, int64_t taken_ucr, bool live)
{
	pthread_mutex_lock(&p->allowances->lock);
	a->reserved_ucr -= ceiling_ucr;
	a->amount_ucr -= taken_ucr;
	demand_taken(&a->demand, taken_ucr);
	a->over = a->over || !live;
	if (a->asked_until_ms > 0 && clock_mono_ms() < a->asked_until_ms) {
		a->asked = true;
		give_spare(p, a, clock_mono_ms());
	}
	pthread_mutex_unlock(&p->allowances->lock);
}

/* ---- asked by others ------------------------------------------------------------------------ */

/* Mark what is held for the user, and give it back.  Reactor. */
static void
hear_asked(struct process *p, const char *user_id)
{
	struct allowances *all = p->allowances;
	struct allowance *a, *next;
	int64_t now_ms = clock_mono_ms();

	pthread_mutex_lock(&all->lock);
	for (a = *bucket_of(all, user_id); a != NULL; a = next) {
		next = a->next;
		if (strcmp(a->user_id, user_id) != 0)
			continue;
		a->asked = true;
		a->asked_until_ms = now_ms + ASKED_MS;
		a->refused_until_ms = now_ms + (a->over ? 0 : ASKED_MS);
		give_spare(p, a, now_ms);
	}
	pthread_mutex_unlock(&all->lock);
}

static void
on_asked(void *arg, const char *channel, const char *payload, size_t len)
{
	char id[UUID_LEN];

	(void)channel;
	if (payload == NULL || len != UUID_LEN - 1)
		return; /* after a gap we look */
	memcpy(id, payload, len);
	id[len] = '\0';
	hear_asked(arg, id);
}

/* Who asks, as PostgreSQL has it. */
struct looking {
	struct work job;
	struct process *process;
	struct rows *rows;
};

static void
hear_all(void *arg)
{
	struct looking *l = arg;

	l->process->allowances->looking = false;
	for (int i = 0; i < rows_count(l->rows); i++)
		hear_asked(l->process, row_text(l->rows, i, "user_id"));
	rows_free(l->rows);
	free(l);
}

static void
look_job(struct work *job, struct worker *w)
{
	struct looking *l = (struct looking *)(void *)job;

	if (pg_query_again(w->pg, &l->rows,
		"SELECT DISTINCT user_id FROM allowances WHERE owner = $1::uuid AND ended_at IS NULL AND asked_at IS NOT NULL",
		PS(w->process->id)) != OK)
		l->rows = NULL;
	reactor_post(w->process->reactor, hear_all, l);
}

static void
look(struct process *p)
{
	struct looking *l;

	if (p->allowances->looking)
		return;
	p->allowances->looking = true;
	l = xcalloc(1, sizeof(*l));
	l->job.run = look_job;
	l->process = p;
	queue_push_always(p->work, &l->job);
}

/* ---- the tick ---------------------------------------------------------------------------------- */

static void
tell(struct process *p, struct allowance *a, int64_t now_ms)
{
	a->untold = false;
	a->told_ms = now_ms;
	events_publish(
	    p->redis, p->conf, a->user_id, "balance", json_pack("{s:o}", "balance", json_credits(a->balance_ucr)));
}

void
allowance_tell(struct process *p, struct allowance *a, int64_t balance_ucr)
{
	int64_t now_ms = clock_mono_ms();

	a->balance_ucr = balance_ucr;
	a->untold = true;
	if (now_ms - a->told_ms >= TELL_MS)
		tell(p, a, now_ms);
}

static void
on_tick(void *arg)
{
	struct process *p = arg;
	struct allowances *all = p->allowances;
	int64_t now_ms = clock_mono_ms();
	bool is_lost = now_ms - heartbeat_last_ms(p->heartbeat) > BEAT_LOST_MS, any = false;
	struct allowance *a, *next;

	pthread_mutex_lock(&all->lock);
	for (size_t i = 0; i < BUCKETS; i++)
		for (a = all->buckets[i]; a != NULL; a = next) {
			next = a->next;
			any = true;
			a->over = a->over || is_lost;
			demand_passes(&a->demand, now_ms);
			if (a->untold && now_ms - a->told_ms >= TELL_MS)
				tell(p, a, now_ms);
			give_spare(p, a, now_ms);
		}
	pthread_mutex_unlock(&all->lock);
	if (any && (++all->ticks % LOOK_EVERY == 0 || !redis_async_up(p->redis)))
		look(p);
	reactor_timer_start(p->engine->allowance_timer, TICK_MS);
}

/* ---- before anybody is refused: gather.c ---------------------------------------- */

bool
allowances_give_ours(struct context *cx)
{
	struct allowances *all = cx->process->allowances;
	struct allowance *a, *next;
	bool any = false;

	pthread_mutex_lock(&all->lock);
	for (a = *bucket_of(all, cx->caller.user_id); a != NULL; a = next) {
		struct giving g;
		enum status st;

		next = a->next;
		if (a->busy || a->seq == 0 || strcmp(a->user_id, cx->caller.user_id) != 0 ||
		    a->amount_ucr - a->reserved_ucr <= 0)
			continue;
		a->refused_until_ms = clock_mono_ms() + ASKED_MS;
		g = prepare_giving(cx->process, a, a->amount_ucr - a->reserved_ucr, false);
		pthread_mutex_unlock(&all->lock);
		st = give(cx->pg, &g);
		any = any || st == OK;
		pthread_mutex_lock(&all->lock);
		next = a->next; /* busy until here, so that it is still there */
		note_given(&g, st);
	}
	pthread_mutex_unlock(&all->lock);
	return any;
}

/* ---- life ------------------------------------------------------------------------------------------ */

/* Somebody died here, perhaps the one in whose place we are. */
static void
settle_dead_job(struct work *job, struct worker *w)
{
	struct context cx = { .arena = arena_new(4096, 1u << 20),
		.conf = w->process->conf,
		.process = w->process,
		.pg = w->pg,
		.redis = w->redis };
	int n;

	if (flights_settle(&cx, &n) != OK)
		LOG(WARN, "flights_unsettled", LS("error", pg_error(w->pg)), LS("hint", "weir-worker will try again"));
	arena_free(cx.arena);
	free(job);
}

void
allowances_new(struct process *p)
{
	struct work *job = xcalloc(1, sizeof(*job));
	size_t slots = (size_t)p->conf->server_max_streams;
	char channel[192];

	p->allowances = xcalloc(1, sizeof(*p->allowances));
	pthread_mutex_init(&p->allowances->lock, NULL);
	p->flights = flights_open(p->conf, p->id, slots < FLIGHTS_MAX ? slots : FLIGHTS_MAX);
	snprintf(channel, sizeof(channel), "%sallowance", p->conf->redis_prefix);
	p->engine->asked = redis_subscribe(p->redis, channel, on_asked, p);
	p->engine->allowance_timer = reactor_timer_new(p->reactor, on_tick, p);
	reactor_timer_start(p->engine->allowance_timer, TICK_MS);
	job->run = settle_dead_job;
	queue_push_always(p->work, job);
}

struct farewell {
	struct heartbeat_work work; /* first: the heartbeat knows this */
	char owner[UUID_LEN];
};

static void
say_farewell(struct heartbeat_work *work, struct pg *pg)
{
	struct farewell *f = (struct farewell *)(void *)work;

	if (pg_query_again(pg, NULL, "SELECT allowances_end($1::uuid)", PS(f->owner)) != OK)
		LOG(WARN, "allowances_not_given_back", LS("error", pg_error(pg)),
		    LS("hint", "their lease will run out"));
	free(f);
}

void
allowances_farewell(struct process *p)
{
	struct farewell *f;
	bool any = false;

	for (size_t i = 0; i < BUCKETS && p->allowances != NULL; i++)
		any = any || p->allowances->buckets[i] != NULL;
	if (!any)
		return;
	f = xcalloc(1, sizeof(*f));
	f->work.run = say_farewell;
	memcpy(f->owner, p->id, UUID_LEN);
	heartbeat_do(p->heartbeat, &f->work);
}

void
allowances_free(struct process *p)
{
	struct allowances *all = p->allowances;

	flights_close(p->flights);
	p->flights = NULL;
	p->allowances = NULL;
	if (all == NULL)
		return;
	for (size_t i = 0; i < BUCKETS; i++)
		while (all->buckets[i] != NULL) {
			struct allowance *a = all->buckets[i];

			all->buckets[i] = a->next;
			free(a);
		}
	pthread_mutex_destroy(&all->lock);
	free(all);
}
