/*
 * How channels and their keys fare, as all processes of a host see it: who may be
 * asked now, and what became of it.  The facts are in shared memory
 * (score/pairs.h); this is what they mean.
 *
 *	   N failures in a row, or too many of the window
 *	CLOSED ───────────────────────────────────────────► OPEN ◄────────┐
 *	  ▲                                                  │ its time   │ a failure:
 *	  │  a success by who had the ticket                 ▼ is over    │ twice as long
 *	  └────────────────────────────────────────────── HALF_OPEN ──────┘
 *	any ── refused R times in a row ──► OFF ── a probe that succeeds, an admin ──► CLOSED
 *
 * Which failures count, and how: the table `classes` in health.c.  A single
 * failure opens nothing, and what a client asked wrongly counts nothing.
 *
 * OPEN asks for patience, and forbids nothing for good: a call that finds all its
 * candidates open asks them all the same, once each (health_insist()), so that the
 * only channel there is tells its own refusals and a call never fails unasked.
 * HALF_OPEN lets one call through at a time; its ticket is a lease, so that a
 * process that died with it is missed for [health] ticket at most.  OFF is a key's
 * that its provider refuses (401, 402, 403, credit used up): it is not asked, and
 * weir-worker probes it until it answers (engine/pings.h).  A channel without keys,
 * and one with auto_disable off, opens instead.
 *
 *	if (health_enter(h, &try, channel_id, key_id, auto_disable))
 *		ask; health_flows() with the first content; health_tell() at the end
 *
 * Any thread, any process; NULL for `h` is fine: everything is closed.
 */
#ifndef WEIR_CATALOG_HEALTH_H
#define WEIR_CATALOG_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/conf.h"
#include "wire/wire.h"

struct health;
struct pair;
struct pairs;

enum health_state { HEALTH_CLOSED, HEALTH_OPEN, HEALTH_HALF_OPEN, HEALTH_OFF };
const char *health_state_name(enum health_state s);

struct health_view {
	enum health_state state;
	int64_t first_byte_ms; /* moving mean; 0: not known */
	int errors_per_mille;  /* of the window */
	int64_t open_until_ms; /* wall clock; 0: not open */
	int64_t calls;	       /* of the window */
};

/* A channel's key (key_id 0: it has none) as it stands. */
void health_read(const struct health *h, int64_t channel_id, int64_t key_id, struct health_view *out);

/* ---- rules ------------------------------------------------------------------------ */

/* What went wrong; channel_hours and /metrics have a count of each. */
enum health_class {
	HEALTH_FINE,	/* nothing; the first on purpose */
	HEALTH_CONNECT, /* no answer at all */
	HEALTH_TIMEOUT, /* 408, 504, no content in time */
	HEALTH_RATE,	/* 429 */
	HEALTH_SERVER,	/* 5xx, and what is no answer */
	HEALTH_REFUSED, /* 401, 402, 403, credit used up: the key's */
	HEALTH_CUT,	/* broke off after its first content */
	HEALTH_CLIENT,	/* what was asked is at fault: counts nothing */
	HEALTH_CLASSES
};
const char *health_class_name(enum health_class c);
/* Of a failure before or after the first content. */
enum health_class health_class_of(int http_status, bool flowed, const struct wire_failure *f);

/* [health] of the configuration. */
struct health_rules {
	int64_t failures;		/* in a row open */
	int64_t rate_failures;		/* the same, when the last of them is a 429 */
	int64_t min_calls, max_percent; /* so many calls in the window, and more failures than that, open */
	int64_t refusals;		/* in a row turn a key off */
	int64_t pause_ms, pause_max_ms; /* the first time of being open; it doubles up to there */
	int64_t ticket_ms;		/* for so long one call has the half-open ticket */
};
struct health_rules health_rules_of(const struct conf *conf);

/* ---- a process' view ---------------------------------------------------------------- */

/* What changed; told once, by the process that did it. */
enum health_event { HEALTH_DOWN, HEALTH_UP, HEALTH_KEY_OFF, HEALTH_KEY_ON, HEALTH_PROBE_FAILED };
const char *health_event_name(enum health_event e);
struct health_change {
	enum health_event event;
	int64_t channel_id, key_id; /* 0: the channel has none */
	enum health_class cause;
	int http_status;
	int64_t until_ms;   /* DOWN: wall clock */
	bool elsewhere;	    /* learned from another host, which has noted it */
	bool again;	    /* DOWN: it was so already, and stays so for longer */
	const char *detail; /* of the failure, without secrets; NULL: none; lives as long as the call */
};
typedef void health_change_fn(void *arg, const struct health_change *change);

/* A view of `pairs`, which must outlive it; NULL when that is NULL.  `now_ms` is the wall
 * clock (NULL: clock_wall_ms).  Main thread. */
struct health *health_new(struct pairs *pairs, const struct health_rules *rules, int64_t (*now_ms)(void));
void health_free(struct health *h);
/* Who is told of changes, on the thread that causes one.  Main thread, before others start. */
void health_listen(struct health *h, health_change_fn *fn, void *arg);
struct pairs *health_pairs(const struct health *h);
/* The state that a pair's facts say. */
enum health_state health_state_of(const struct health *h, const struct pair *pair);

/* ---- calls ---------------------------------------------------------------------------- */

/* One try of one channel with one key; the caller's, all zero before. */
struct health_try {
	struct pair *pair; /* NULL: nothing is counted */
	int64_t channel_id, key_id;
	int64_t began_ms;  /* wall clock */
	int64_t ticket_ms; /* of the half-open ticket; 0: it has none */
	bool may_turn_off, insisted, flowed;
};

/* May it be asked now?  True begins a try, and takes the ticket of a half-open one. */
bool health_enter(struct health *h, struct health_try *t, int64_t channel_id, int64_t key_id, bool may_turn_off);
/* The same when there is nobody else: false only for a key that is off. */
bool health_insist(struct health *h, struct health_try *t, int64_t channel_id, int64_t key_id, bool may_turn_off);
/* Its first content is there: what was half open closes. */
void health_flows(struct health *h, struct health_try *t);
/* It ended well (`f` NULL), or failed.  Nothing more is said of it. */
void health_tell(
    struct health *h, struct health_try *t, enum health_class class, int http_status, const struct wire_failure *f);
/* It was given up by us: counts nothing.  Also for one that never began or was told. */
void health_drop(struct health *h, struct health_try *t);
/* A call turned from it to another. */
void health_switched(struct health *h, int64_t channel_id, int64_t key_id);

/* ---- from elsewhere -------------------------------------------------------------------- */

/* Another host opened it until then: the longer time holds.  True: that changed something here. */
bool health_learn_open(struct health *h, int64_t channel_id, int64_t key_id, enum health_class cause, int64_t until_ms);
/* The other host closed it: what was only learned from there closes here. */
void health_learn_closed(struct health *h, int64_t channel_id, int64_t key_id);
/* A ping succeeded (FINE), or failed. */
void health_learn_ping(struct health *h, int64_t channel_id, int64_t key_id, enum health_class class, int http_status,
    int64_t first_byte_ms);
/* A key that was off is active again, or gone. */
void health_learn_on(struct health *h, int64_t channel_id, int64_t key_id);

#endif
