/*
 * The heartbeat of a process: its row in `processes`, by which the others know
 * that it lives (process_is_alive() in SQL: a beat within 20 s), and the leases
 * of the holds it answers for.
 *
 * It has a thread and a PostgreSQL connection of its own, so that nothing the
 * process does, however long, comes between two beats.  Whether a beat is late
 * says PostgreSQL, when it arrives.
 *
 *	beat ─► what we are asked to stop ────────────────────────► on_news()
 *	  │     late, or not known whether ─► on_late() ─► heartbeat_ask(mine)
 *	  │     which of mine were ended without us ◄─ next beat ─► on_news()
 *	  ├─► leases extended
 *	  └─► heartbeat_do(): what others have to write now and then
 *
 * What the ids mean is the business of who hooks in.
 */
#ifndef WEIR_CORE_HEARTBEAT_H
#define WEIR_CORE_HEARTBEAT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/conf.h"
#include "base/ids.h"
#include "base/status.h"

struct heartbeat;
struct pg;

/* How often, while all is well. */
#define HEARTBEAT_MS 5000

/* Tasks of ours, by id. */
struct heartbeat_news {
	char (*cancel)[UUID_LEN]; /* somebody asked to stop them */
	int n_cancel;
	char (*ended)[UUID_LEN]; /* of those in heartbeat_ask(): they have ended */
	int n_ended;
};

/* All are called on the heartbeat's thread and must not wait for anything. */
struct heartbeat_hooks {
	void *arg;
	/* May the process call itself alive?  False keeps the beat back. */
	bool (*vouch)(void *arg);
	/* PostgreSQL did not take a beat; NULL: nobody wants to know. */
	void (*on_failed)(void *arg);
	/* Others may have taken us for dead: call heartbeat_ask() soon. */
	void (*on_late)(void *arg);
	/* The hook takes it over: heartbeat_news_free(). */
	void (*on_news)(void *arg, struct heartbeat_news *news);
};

/* Something to be run once on the heartbeat's thread, embedded in the object it is about. */
struct heartbeat_work {
	struct heartbeat_work *next;
	void (*run)(struct heartbeat_work *work, struct pg *pg);
};

/* A heartbeat that does not beat yet, of a new process of that kind
 * ("responder"): its id is heartbeat_id().  Main thread. */
struct heartbeat *heartbeat_new(const struct conf *conf, const char *kind);
/* The row's id.  Any thread. */
const char *heartbeat_id(const struct heartbeat *h);
/* The first beat: the row must be there before a task names it.  E_UNAVAILABLE,
 * E_INTERNAL (logged).  Main thread, before heartbeat_start(). */
enum status heartbeat_register(struct heartbeat *h) MUST_CHECK;
/* When the last beat began that PostgreSQL took, by clock_mono_ms(): others take us for
 * alive 20 s from then.  Any thread. */
int64_t heartbeat_last_ms(const struct heartbeat *h);
/* Beat from now on; at once, if it has not registered.  Main thread. */
void heartbeat_start(struct heartbeat *h, const struct heartbeat_hooks *hooks);
/* Run what was handed over, beat no more, and remove the row, which then need not
 * wait to be pruned; not when PostgreSQL is away.  heartbeat_stop() is next.  Main thread. */
void heartbeat_sign_off(struct heartbeat *h);
/* Run what was handed over, beat no more, free.  NULL is fine.  Takes as long as
 * a statement may.  Main thread. */
void heartbeat_stop(struct heartbeat *h);

/* Beat now, and learn which of `mine` have ended: task ids as PostgreSQL writes
 * an array.  Takes it over.  Any thread. */
void heartbeat_ask(struct heartbeat *h, char *mine);
/* Run `work` when no beat is due; pieces should be small.  Any thread. */
void heartbeat_do(struct heartbeat *h, struct heartbeat_work *work);
/* Is something handed over that has not run yet?  Any thread. */
bool heartbeat_busy(struct heartbeat *h);
void heartbeat_news_free(struct heartbeat_news *news);

#endif
