#include "account/key_use.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/queue.h"
#include "core/audit.h"
#include "core/process.h"
#include "core/work.h"
#include "io/pg.h"
#include "io/reactor.h"

#define WRITE_EVERY_MS 5000
#define BUCKETS 256 /* keys are few, but all requests of some seconds look theirs up */

/* Uses of one key. */
struct use {
	struct use *next; /* in its bucket */
	char id[UUID_LEN], ip[INET6_ADDRSTRLEN];
	int64_t count, last_ms;
};

struct key_uses {
	struct use *buckets[BUCKETS];
	size_t n; /* uses in them */
	struct reactor_timer *timer;
};

/* ---- written, on a worker --------------------------------------------------------- */

/* Arrays as PostgreSQL reads them. */
struct writing {
	struct work job;
	struct buf ids, counts, times, ips;
	size_t n;
};

static void
free_writing(struct writing *w)
{
	buf_free(&w->ids);
	buf_free(&w->counts);
	buf_free(&w->times);
	buf_free(&w->ips);
	free(w);
}

static void
write_uses(struct work *job, struct worker *w)
{
	struct writing *all = (struct writing *)(void *)job;

	/* locked in the order of their ids, as other processes write some of the same keys */
	if (pg_query_again(w->pg, NULL,
		"WITH u AS (SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::inet[]) AS u (id, n, ms, ip)),"
		" l AS (SELECT k.id FROM api_keys k WHERE k.id IN (SELECT id FROM u) ORDER BY k.id FOR NO KEY UPDATE)"
		" UPDATE api_keys k SET use_count = k.use_count + u.n,"
		" last_used_at = greatest(k.last_used_at, to_timestamp(u.ms / 1000.0)),"
		" last_ip = CASE WHEN k.last_used_at > to_timestamp(u.ms / 1000.0) THEN k.last_ip"
		"  ELSE coalesce(u.ip, k.last_ip) END"
		" FROM u JOIN l ON l.id = u.id WHERE k.id = u.id",
		PS(buf_str(&all->ids)), PS(buf_str(&all->counts)), PS(buf_str(&all->times)),
		PS(buf_str(&all->ips))) != OK)
		LOG(WARN, "key_uses_lost", LI("keys", all->n), LS("reason", pg_error(w->pg)));
	free_writing(all);
}

/* ---- gathered, on the reactor ------------------------------------------------------ */

static void
add_to(struct writing *w, const struct use *u)
{
	char before = w->n++ == 0 ? '{' : ',';

	buf_printf(&w->ids, "%c%s", before, u->id);
	buf_printf(&w->counts, "%c%lld", before, (long long)u->count);
	buf_printf(&w->times, "%c%lld", before, (long long)u->last_ms);
	buf_printf(&w->ips, "%c%s", before, u->ip[0] == '\0' ? "NULL" : u->ip);
}

static void
take_all(struct key_uses *all, struct writing *w)
{
	for (size_t i = 0; i < BUCKETS; i++) {
		struct use *next;

		for (struct use *u = all->buckets[i]; u != NULL; u = next) {
			next = u->next;
			add_to(w, u);
			free(u);
		}
		all->buckets[i] = NULL;
	}
	all->n = 0;
	buf_puts(&w->ids, "}");
	buf_puts(&w->counts, "}");
	buf_puts(&w->times, "}");
	buf_puts(&w->ips, "}");
}

void
key_uses_flush(struct process *p)
{
	struct writing *w;

	if (p->key_uses == NULL || p->key_uses->n == 0)
		return;
	reactor_timer_stop(p->key_uses->timer);
	w = xcalloc(1, sizeof(*w));
	w->job.run = write_uses;
	take_all(p->key_uses, w);
	if (!p->draining)
		queue_push_always(p->work, &w->job);
	else if (!queue_push(p->work, &w->job)) /* the workers are gone: this one came too late */
		free_writing(w);
}

static void
on_due(void *arg)
{
	key_uses_flush(arg);
}

static struct key_uses *
uses_of(struct process *p)
{
	if (p->key_uses == NULL) {
		p->key_uses = xcalloc(1, sizeof(*p->key_uses));
		p->key_uses->timer = reactor_timer_new(p->reactor, on_due, p);
	}
	return p->key_uses;
}

/* The random end of an id spreads them. */
static struct use **
place_of(struct key_uses *all, const char *id)
{
	struct use **u = &all->buckets[strtoul(id + UUID_LEN - 3, NULL, 16) % BUCKETS];

	while (*u != NULL && strcmp((*u)->id, id) != 0)
		u = &(*u)->next;
	return u;
}

/* One use on its way to the reactor. */
struct told {
	struct process *process;
	struct use *use;
};

static void
on_used(void *arg)
{
	struct told *t = arg;
	struct process *p = t->process;
	struct key_uses *all = uses_of(p);
	struct use **place = place_of(all, t->use->id);

	if (*place != NULL) {
		t->use->count += (*place)->count;
		t->use->next = (*place)->next;
		free(*place);
	} else {
		all->n++;
	}
	*place = t->use;
	free(t);
	if (!reactor_timer_running(all->timer))
		reactor_timer_start(all->timer, WRITE_EVERY_MS);
	if (p->draining)
		key_uses_flush(p);
}

void
key_used(struct context *cx, const char *key_id)
{
	const char *ip = audit_address(cx->client_ip);
	struct told *t;

	if (cx->process == NULL)
		return;
	t = xcalloc(1, sizeof(*t));
	t->process = cx->process;
	t->use = xcalloc(1, sizeof(*t->use));
	t->use->count = 1;
	t->use->last_ms = clock_wall_ms();
	memcpy(t->use->id, key_id, UUID_LEN);
	if (ip != NULL)
		snprintf(t->use->ip, sizeof(t->use->ip), "%s", ip);
	reactor_post(cx->process->reactor, on_used, t);
}

void
key_uses_free(struct process *p)
{
	if (p->key_uses == NULL)
		return;
	for (size_t i = 0; i < BUCKETS; i++)
		while (p->key_uses->buckets[i] != NULL) {
			struct use *u = p->key_uses->buckets[i];

			p->key_uses->buckets[i] = u->next;
			free(u);
		}
	reactor_timer_free(p->key_uses->timer);
	free(p->key_uses);
	p->key_uses = NULL;
}
