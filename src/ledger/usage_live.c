#include "ledger/usage_live.h"

#include <stdlib.h>
#include <string.h>

#include "base/ids.h"
#include "base/memory.h"
#include "core/context.h"
#include "core/events.h"
#include "core/process.h"
#include "io/reactor.h"

#define TELL_AFTER_MS 1000
#define BUCKETS 64

struct sum {
	struct sum *next; /* in its bucket */
	char user_id[UUID_LEN];
	int64_t calls, failed, request_tokens, response_tokens, cost_ucr;
};

struct usage_sums {
	struct sum *buckets[BUCKETS];
	struct reactor_timer *timer;
};

static json_t *
sum_json(const struct sum *s)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:o}", "calls", (json_int_t)s->calls, "failed", (json_int_t)s->failed,
	    "request_tokens", (json_int_t)s->request_tokens, "response_tokens", (json_int_t)s->response_tokens, "cost",
	    json_credits(s->cost_ucr));
}

/* Takes the sums off; p NULL: without a word. */
static void
clear(struct usage_sums *all, struct process *p)
{
	for (size_t i = 0; i < BUCKETS; i++)
		while (all->buckets[i] != NULL) {
			struct sum *s = all->buckets[i];

			all->buckets[i] = s->next;
			if (p != NULL)
				events_publish(p->redis, p->conf, s->user_id, "usage", sum_json(s));
			free(s);
		}
}

static void
on_due(void *arg)
{
	struct process *p = arg;

	clear(p->usage_sums, p);
}

static struct usage_sums *
sums_of(struct process *p)
{
	if (p->usage_sums == NULL) {
		p->usage_sums = xcalloc(1, sizeof(*p->usage_sums));
		p->usage_sums->timer = reactor_timer_new(p->reactor, on_due, p);
	}
	return p->usage_sums;
}

/* The random end of an id spreads them. */
static struct sum *
sum_of(struct usage_sums *all, const char *user_id)
{
	struct sum **s = &all->buckets[strtoul(user_id + UUID_LEN - 3, NULL, 16) % BUCKETS];

	while (*s != NULL && strcmp((*s)->user_id, user_id) != 0)
		s = &(*s)->next;
	if (*s == NULL) {
		*s = xcalloc(1, sizeof(**s));
		memcpy((*s)->user_id, user_id, UUID_LEN);
	}
	return *s;
}

void
usage_live(struct process *p, const struct usage_news *news)
{
	struct usage_sums *all = sums_of(p);
	struct sum *s = sum_of(all, news->user_id);

	s->calls++;
	s->failed += news->failed;
	s->request_tokens += news->request_tokens;
	s->response_tokens += news->response_tokens;
	s->cost_ucr += news->cost_ucr;
	if (!reactor_timer_running(all->timer))
		reactor_timer_start(all->timer, TELL_AFTER_MS);
}

void
usage_live_free(struct process *p)
{
	if (p->usage_sums == NULL)
		return;
	clear(p->usage_sums, NULL);
	reactor_timer_free(p->usage_sums->timer);
	free(p->usage_sums);
	p->usage_sums = NULL;
}
