#include "account/passwords.h"

#include <stdatomic.h>

#include "base/crypto.h"
#include "base/nfc.h"
#include "core/await.h"
#include "core/process.h"
#include "io/reactor.h"

static atomic_int taken, waiting; /* slots; requests that wait for one */

/* A request without a slot.  In the list while it waits; reactor only. */
struct slot_wait {
	struct await await; /* first: await.h knows this */
	struct slot_wait *next, **prev;
	struct reactor_timer *timer;
	handler_fn *handler;
	bool granted;
};

static struct slot_wait *first, **last = &first;

/* One worker at least is left for what needs no password. */
static int
slots(const struct conf *conf)
{
	int64_t spare = conf->server_workers - 1, wanted = conf->auth_hashing_slots;

	return (int)(wanted <= spare ? wanted : spare > 0 ? spare : 1);
}

static bool
take(const struct conf *conf)
{
	int n = atomic_load(&taken);

	while (n < slots(conf))
		if (atomic_compare_exchange_weak(&taken, &n, n + 1))
			return true;
	return false;
}

/* ---- reactor -------------------------------------------------------------------- */

static void
forget(struct await *a)
{
	struct slot_wait *t = (struct slot_wait *)(void *)a;

	*t->prev = t->next;
	if (t->next != NULL)
		t->next->prev = t->prev;
	else
		last = t->prev;
	reactor_timer_free(t->timer);
	atomic_fetch_sub(&waiting, 1);
}

static void
end_wait(struct slot_wait *t, bool granted)
{
	forget(&t->await);
	t->granted = granted;
	await_over(&t->await);
}

static void
on_overdue(void *arg)
{
	end_wait(arg, false);
}

/* Slots are free: give them to those who came first. */
static void
grant(void *process)
{
	struct process *p = process;

	while (first != NULL && take(p->conf))
		end_wait(first, true);
}

static void
begin_wait(struct await *a)
{
	struct slot_wait *t = (struct slot_wait *)(void *)a;
	struct process *p = a->rq->cx.process;

	t->prev = last;
	*last = t;
	last = &t->next;
	t->timer = reactor_timer_new(p->reactor, on_overdue, t);
	reactor_timer_start(t->timer, PASSWORDS_WAIT_MS);
	grant(p); /* one may have been freed meanwhile */
}

/* ---- worker --------------------------------------------------------------------- */

static enum status
refuse(struct request *rq)
{
	return fail(&rq->cx, E_OVERLOADED, "no hashing slot");
}

static enum status
go_on(struct await *a)
{
	struct slot_wait *t = (struct slot_wait *)(void *)a;

	if (!t->granted) /* overdue, or the process is about to end */
		return refuse(a->rq);
	a->rq->has_slot = true;
	return t->handler(a->rq);
}

enum status
passwords_stage(struct request *rq, handler_fn *handler)
{
	struct slot_wait *t;

	if (atomic_load(&waiting) == 0 && take(rq->cx.conf)) {
		rq->has_slot = true;
		return handler(rq);
	}
	if (atomic_fetch_add(&waiting, 1) >= PASSWORDS_WAITING_MAX) {
		atomic_fetch_sub(&waiting, 1);
		return refuse(rq);
	}
	t = ARENA_NEW(rq->cx.arena, struct slot_wait);
	*t = (struct slot_wait){ .await = { .begin = begin_wait, .drop = forget, .then = go_on }, .handler = handler };
	return await(rq, &t->await);
}

void
passwords_leave(struct request *rq)
{
	if (!rq->has_slot)
		return;
	rq->has_slot = false;
	atomic_fetch_sub(&taken, 1);
	if (atomic_load(&waiting) > 0)
		reactor_post(rq->cx.process->reactor, grant, rq->cx.process);
}

char *
passwords_hash(struct arena *a, const char *password)
{
	return password_hash(a, utf8_nfc(a, password));
}

bool
passwords_verify(struct arena *a, const char *password, const char *hash, bool *needs_rehash)
{
	const char *normal = utf8_nfc(a, password);

	if (password_verify(normal, hash, needs_rehash))
		return true;
	if (normal == password)
		return false;
	/* hashed as typed, before passwords were normalized; or imported */
	*needs_rehash = password_verify(password, hash, needs_rehash);
	return *needs_rehash;
}
