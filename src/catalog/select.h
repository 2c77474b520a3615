/*
 * From what is on offer to what a request tries: the offer it holds, and the
 * candidates for a model in their order.  All stays as long as the context's
 * arena.  Worker.
 *
 * A candidate is a channel with one of its keys (or without, where none is
 * needed).  Left out are channels that do not serve the caller's group or the
 * region, that have the model on their blacklist, keys that are taken out and
 * what has been tried already.  The rest is ordered by priority, equals by the
 * model's strategy (catalog/strategy.h), the keys of a channel by turns with
 * their weights.  What stays with an affinity (a session) is the same channel
 * and the same key, as long as both are there.  Of those whose breaker is open
 * none is a candidate, unless there is nothing else.
 */
#ifndef WEIR_CATALOG_SELECT_H
#define WEIR_CATALOG_SELECT_H

#include "catalog/health.h"
#include "catalog/offer.h"
#include "core/context.h"

struct rows;

/* Most candidates of one request, and of them those of one channel. */
#define SELECT_CANDIDATES_MAX 32
#define SELECT_KEYS_MAX 8
#define SELECT_GROUP_DEFAULT "default"

/* The newest offer this process has read, to begin with.  Errors as pg_query's. */
enum status select_newest(struct context *cx, struct offer **offer) MUST_CHECK;
/* The offer of the version that column `version` of the first of `rows` names; it
 * is *offer already, most of the time.  Errors as pg_query's. */
enum status select_offer(struct context *cx, const struct rows *rows, struct offer **offer) MUST_CHECK;
/* The offer of now, where nothing else has to be asked.  Errors as pg_query's. */
enum status select_current(struct context *cx, struct offer **offer) MUST_CHECK;

struct select_key {
	int64_t channel_id, key_id; /* key_id 0: of a channel without keys */
};

struct select_ask {
	const struct offer_model *model;
	const char *group;		/* NULL: the caller's */
	const char *region;		/* NULL: [upstream] region, or else any */
	const char *affinity;		/* what is to stay where it was, such as a session; NULL: nothing */
	const struct select_key *tried; /* these are left out */
	size_t n_tried;
	struct select_key pin; /* channel_id 0: none.  Else this one or none, whatever else is asked. */
};

/* Why a channel with a key is where it is. */
enum select_why {
	SELECT_CANDIDATE,
	SELECT_NO_KEY,	    /* the channel has none that can be used */
	SELECT_BLACKLISTED, /* the model, at this channel */
	SELECT_GROUP,	    /* it does not serve it */
	SELECT_REGION,	    /* it is elsewhere */
	SELECT_KEY_DISABLED,
	SELECT_KEY_OFF, /* the provider refuses it */
	SELECT_OPEN,	/* its breaker is */
	SELECT_TRIED,
	SELECT_NOT_PINNED,
	SELECT_BEYOND, /* more come before it than are tried */
};
const char *select_why_name(enum select_why why);

struct select_place {
	const struct offer_channel *channel; /* as in the offer */
	const struct offer_key *key;	     /* NULL: none */
	enum select_why why;
	struct health_view health;
};

/* The affinity of a session that a client tells, of that user (NULL: nobody's). */
const char *select_session(struct arena *a, const char *user_id, const char *session);

/* A copy of the model with the candidates as its channels, at most
 * SELECT_CANDIDATES_MAX (there may be none), and with what it costs the group now. */
struct offer_model *select_candidates(struct context *cx, const struct select_ask *ask);
/* The same, and an error where there is none: E_UNAVAILABLE; with a pin E_ROUTE_UNAVAILABLE, and
 * E_ROUTE_GONE when there is no such channel or key any more. */
enum status select_some(struct context *cx, const struct select_ask *ask, struct offer_model **out) MUST_CHECK;
/* Where all would stand that serve the model, candidates first, in their order.  Nobody's
 * turn is over by it: the next request finds what was told here, unless a lot decides. */
struct select_place *select_explain(struct context *cx, const struct select_ask *ask, size_t *n);
/* Does any channel serve it to the caller, whatever comes of asking it? */
bool select_reaches(const struct context *cx, const struct offer_model *m);
/* By what `ask` is ordered: its strategy, or consistent_hash where an affinity decides. */
enum strategy select_strategy(struct context *cx, const struct select_ask *ask);
/* E_PRICE_UNKNOWN: it has no price for a chat, and nothing is free by accident. */
enum status select_need_price(struct context *cx, const struct offer_model *m) MUST_CHECK;

#endif
