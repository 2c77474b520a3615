#include "account/key_use.h"

#include <arpa/inet.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/queue.h"
#include "core/audit.h"
#include "core/process.h"
#include "core/request.h"
#include "core/work.h"
#include "io/pg.h"
#include "io/reactor.h"

#define WRITE_EVERY_MS 5000
#define BUCKETS 256  /* keys are few, but all requests of some seconds look theirs up */
#define NAMES_MAX 16 /* models and addresses of a key within some seconds; more are not seen */

/* Different texts, malloc'ed. */
struct names {
	char *name[NAMES_MAX];
	size_t n;
};

/* Uses of one key: of one request on the way to the reactor, there of some seconds. */
struct use {
	struct use *next; /* in its bucket */
	struct process *process;
	char id[UUID_LEN], ip[INET6_ADDRSTRLEN]; /* ip: of the last call */
	int64_t calls, failures, refusals, last_ms;
	int64_t sized, bytes, bytes_max;
	int64_t tokens, minute, minute_calls, minute_tokens, calls_peak, tokens_peak;
	struct names models, addresses;
};

struct key_uses {
	struct use *buckets[BUCKETS];
	size_t n; /* uses in them */
	struct reactor_timer *timer;
};

static void
names_add(struct names *all, const char *name)
{
	if (name == NULL || *name == '\0' || all->n == NAMES_MAX)
		return;
	for (size_t i = 0; i < all->n; i++)
		if (strcmp(all->name[i], name) == 0)
			return;
	all->name[all->n++] = xstrdup(name);
}

static void
free_use(struct use *u)
{
	for (size_t i = 0; i < u->models.n; i++)
		free(u->models.name[i]);
	for (size_t i = 0; i < u->addresses.n; i++)
		free(u->addresses.name[i]);
	free(u);
}

/* ---- written, on a worker --------------------------------------------------------- */

struct writing {
	struct work job;
	size_t n;
	char *uses; /* JSON, as api_keys_used() takes it */
};

static void
free_writing(struct writing *w)
{
	free(w->uses);
	free(w);
}

static void
write_uses(struct work *job, struct worker *w)
{
	struct writing *all = (struct writing *)(void *)job;

	if (pg_query_again(w->pg, NULL, "SELECT api_keys_used($1::json)", PS(all->uses)) != OK)
		LOG(WARN, "key_uses_lost", LI("keys", all->n), LS("reason", pg_error(w->pg)));
	free_writing(all);
}

/* ---- gathered, on the reactor ------------------------------------------------------ */

static json_t *
names_json(const struct names *all)
{
	json_t *list = json_array();

	for (size_t i = 0; i < all->n; i++)
		json_array_append_new(list, json_string(all->name[i]));
	return list;
}

static json_t *
use_json(const struct use *u)
{
	return json_pack("{s:s, s:s?, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o}", "id",
	    u->id, "ip", u->ip[0] == '\0' ? NULL : u->ip, "calls", (json_int_t)u->calls, "ms", (json_int_t)u->last_ms,
	    "failures", (json_int_t)u->failures, "refusals", (json_int_t)u->refusals, "sized", (json_int_t)u->sized,
	    "bytes", (json_int_t)u->bytes, "bytes_max", (json_int_t)u->bytes_max, "tokens", (json_int_t)u->tokens,
	    "minute", (json_int_t)u->minute, "minute_calls", (json_int_t)u->minute_calls, "minute_tokens",
	    (json_int_t)u->minute_tokens, "calls_peak", (json_int_t)u->calls_peak, "tokens_peak",
	    (json_int_t)u->tokens_peak, "models", names_json(&u->models), "addresses", names_json(&u->addresses));
}

static void
take_all(struct key_uses *all, struct writing *w)
{
	json_t *list = json_array();

	for (size_t i = 0; i < BUCKETS; i++) {
		struct use *next;

		for (struct use *u = all->buckets[i]; u != NULL; u = next) {
			next = u->next;
			json_array_append_new(list, use_json(u));
			free_use(u);
		}
		all->buckets[i] = NULL;
	}
	w->n = all->n;
	w->uses = json_dumps(list, JSON_WIRE);
	json_decref(list);
	all->n = 0;
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

static int64_t
larger(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* What is within a minute; the most of those before it stays as the peak. */
static void
add_speed(struct use *to, const struct use *u)
{
	if (u->minute > to->minute) {
		to->calls_peak = larger(to->calls_peak, to->minute_calls);
		to->tokens_peak = larger(to->tokens_peak, to->minute_tokens);
		to->minute = u->minute;
		to->minute_calls = to->minute_tokens = 0;
	}
	to->minute_calls += u->calls;
	to->minute_tokens += u->tokens;
}

static void
add_use(struct use *to, const struct use *u)
{
	to->calls += u->calls;
	to->failures += u->failures;
	to->refusals += u->refusals;
	to->sized += u->sized;
	to->bytes += u->bytes;
	to->bytes_max = larger(to->bytes_max, u->bytes_max);
	to->tokens += u->tokens;
	add_speed(to, u);
	for (size_t i = 0; i < u->models.n; i++)
		names_add(&to->models, u->models.name[i]);
	for (size_t i = 0; i < u->addresses.n; i++)
		names_add(&to->addresses, u->addresses.name[i]);
	if (u->calls > 0) {
		to->last_ms = u->last_ms;
		memcpy(to->ip, u->ip, sizeof(to->ip));
	}
}

/* Takes over `u`. */
static void
gather(struct process *p, struct use *u)
{
	struct key_uses *all = uses_of(p);
	struct use **place = place_of(all, u->id);

	if (*place == NULL) {
		*place = xcalloc(1, sizeof(**place));
		memcpy((*place)->id, u->id, UUID_LEN);
		all->n++;
	}
	add_use(*place, u);
	free_use(u);
	if (!reactor_timer_running(all->timer))
		reactor_timer_start(all->timer, WRITE_EVERY_MS);
	if (p->draining)
		key_uses_flush(p);
}

static void
on_used(void *arg)
{
	struct use *u = arg;

	gather(u->process, u);
}

static struct use *
new_use(struct process *p, const char *key_id)
{
	struct use *u = xcalloc(1, sizeof(*u));

	u->process = p;
	memcpy(u->id, key_id, UUID_LEN);
	u->last_ms = clock_wall_ms();
	u->minute = u->last_ms / 60000;
	return u;
}

/* ---- told of -------------------------------------------------------------------------- */

void
key_called(const struct request *rq)
{
	const struct context *cx = &rq->cx;
	const char *ip = audit_address(cx->client_ip);
	struct use *u;

	if (cx->caller.key_id == NULL || cx->process == NULL)
		return;
	u = new_use(cx->process, cx->caller.key_id);
	u->calls = 1;
	u->failures = rq->http_status >= 400 && rq->http_status < 500 && rq->http_status != 429;
	if (rq->body_len > 0) {
		u->sized = 1;
		u->bytes = u->bytes_max = (int64_t)rq->body_len;
	}
	names_add(&u->models, cx->asked_model);
	names_add(&u->addresses, ip);
	if (ip != NULL)
		snprintf(u->ip, sizeof(u->ip), "%s", ip);
	reactor_post(cx->process->reactor, on_used, u);
}

/* Its address is not noted: from there nothing was let in. */
void
key_refused(struct context *cx, const char *key_id)
{
	struct use *u;

	if (cx->process == NULL)
		return;
	u = new_use(cx->process, key_id);
	u->refusals = 1;
	reactor_post(cx->process->reactor, on_used, u);
}

void
key_spent(struct process *p, const char *key_id, int64_t tokens)
{
	struct use *u;

	if (*key_id == '\0' || tokens <= 0)
		return;
	u = new_use(p, key_id);
	u->tokens = tokens;
	gather(p, u);
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
			free_use(u);
		}
	reactor_timer_free(p->key_uses->timer);
	free(p->key_uses);
	p->key_uses = NULL;
}
