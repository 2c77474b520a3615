#include "core/guard.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/memory.h"
#include "base/queue.h"
#include "core/work.h"
#include "io/pg.h"
#include "io/reactor.h"

/* What is revoked ends within 5 s: a round, the answer to it, and a while for who is told by others. */
#define CHECK_MS 2000

struct guards {
	struct guard *first;
	struct reactor_timer *timer; /* runs while there are any */
	bool checking;		     /* a worker is at it */
};

/* Sessions and keys on their way through a worker, and back those of them that are over. */
struct check {
	struct work job;
	struct process *process;
	struct buf asked; /* {id,id,…}: a uuid[] */
	size_t n_over;
	char (*over)[UUID_LEN]; /* in order */
};

/* ---- what the database knows, on a worker ----------------------------------------- */

static void on_checked(void *arg);

static void
check_job(struct work *job, struct worker *w)
{
	struct check *c = (struct check *)(void *)job;
	AUTO_ROWS struct rows *rows = NULL;

	if (pg_query_again(w->pg, &rows,
		"SELECT DISTINCT g.id FROM unnest($1::uuid[]) g (id)"
		" WHERE NOT EXISTS (SELECT FROM sessions s JOIN users u ON u.id = s.user_id"
		" WHERE s.id = g.id AND s.revoked_at IS NULL AND u.status = 'active')"
		" AND NOT EXISTS (SELECT FROM api_keys k JOIN users u ON u.id = k.user_id"
		" WHERE k.id = g.id AND k.status NOT IN ('revoked', 'locked') AND u.status = 'active') ORDER BY g.id",
		PS(c->asked.data)) == OK) {
		c->n_over = (size_t)rows_count(rows);
		c->over = xcalloc(c->n_over + 1, UUID_LEN);
		for (size_t i = 0; i < c->n_over; i++)
			memcpy(c->over[i], row_text(rows, (int)i, "id"), UUID_LEN);
	}
	reactor_post(c->process->reactor, on_checked, c);
}

/* ---- on the reactor ------------------------------------------------------------------ */

static int
compare_ids(const void *a, const void *b)
{
	return strcmp(a, b);
}

static struct guard *
find_over(const struct guards *all, const struct check *c)
{
	struct guard *g = all->first;

	while (g != NULL && bsearch(g->id, c->over, c->n_over, UUID_LEN, compare_ids) == NULL)
		g = g->next;
	return g;
}

static void
on_checked(void *arg)
{
	struct check *c = arg;
	struct guards *all = c->process->guards;
	struct guard *g;

	all->checking = false;
	/* from the beginning each time: nobody knows what on_over() ends beside */
	while (c->n_over > 0 && (g = find_over(all, c)) != NULL) {
		guard_off(g);
		g->on_over(g->arg);
	}
	buf_free(&c->asked);
	free(c->over);
	free(c);
}

static void
on_due(void *arg)
{
	struct process *p = arg;
	struct guards *all = p->guards;
	struct check *c;

	if (all->first == NULL)
		return;
	reactor_timer_start(all->timer, CHECK_MS);
	if (all->checking)
		return;
	c = xcalloc(1, sizeof(*c));
	c->job.run = check_job;
	c->process = p;
	for (const struct guard *g = all->first; g != NULL; g = g->next)
		buf_printf(&c->asked, "%c%s", g == all->first ? '{' : ',', g->id);
	buf_puts(&c->asked, "}");
	all->checking = true;
	queue_push_always(p->work, &c->job);
}

/* ---- setting and taking off ----------------------------------------------------------- */

void
guard_init(struct guard *g, const struct principal *caller)
{
	const char *id = caller->key_id != NULL ? caller->key_id : caller->session_id;

	*g = (struct guard){ .next = NULL };
	if (id != NULL)
		memcpy(g->id, id, UUID_LEN);
}

void
guard_set(struct process *p, struct guard *g, void (*on_over)(void *arg), void *arg)
{
	struct guards *all = p->guards;

	if (g->id[0] == '\0')
		return;
	if (all == NULL) {
		all = p->guards = xcalloc(1, sizeof(*all));
		all->timer = reactor_timer_new(p->reactor, on_due, p);
	}
	g->on_over = on_over;
	g->arg = arg;
	g->next = all->first;
	g->at = &all->first;
	if (g->next != NULL)
		g->next->at = &g->next;
	all->first = g;
	if (!reactor_timer_running(all->timer))
		reactor_timer_start(all->timer, CHECK_MS);
}

void
guard_off(struct guard *g)
{
	if (g->at == NULL)
		return;
	*g->at = g->next;
	if (g->next != NULL)
		g->next->at = g->at;
	g->at = NULL;
}

void
guards_free(struct process *p)
{
	if (p->guards == NULL)
		return;
	reactor_timer_free(p->guards->timer);
	free(p->guards);
	p->guards = NULL;
}
