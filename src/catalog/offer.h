/*
 * What the site offers: every model, and the channels that reach it, as of one
 * version of the tables llm_models, prices, user_groups, channels, channel_keys and
 * channel_models.  Turns read it from memory instead of asking for it anew; table
 * catalog_version says, in the same snapshot as whatever else a turn asks, which version holds.
 *
 * An offer never changes, but for the counters of those who take turns.  The
 * process keeps the newest it has read; who uses one holds a reference, so that
 * a newer one may take its place meanwhile.
 */
#ifndef WEIR_CATALOG_OFFER_H
#define WEIR_CATALOG_OFFER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/conf.h"
#include "base/status.h"
#include "catalog/offer_prices.h"
#include "catalog/strategy.h"
#include "wire/override.h"

struct pg;

/* What a model can do besides text; llm_models.abilities holds the names. */
#define ABILITY_VISION 1u
#define ABILITY_AUDIO 2u
#define ABILITY_VIDEO 4u
#define ABILITY_REASONING 8u
#define ABILITY_TOOLS 16u

/* A key of a channel. */
struct offer_key {
	int64_t id;
	const char *name;
	const char *key;    /* opened.  Never log it. */
	const char *status; /* of channel_keys */
	bool is_active;	    /* of that status */
	int64_t weight;	    /* share among the keys of its channel; 0: only when no other is left */
	int64_t rpm;	    /* 0: no limit */
};

/* A channel as such: what is the same whichever model it is asked for. */
struct offer_account {
	int64_t id;
	const char *name, *provider, *base_url;
	const char *proxy;		 /* opened; NULL: none.  Never log it: it may hold a password. */
	const char *region, *tag;	 /* "": none */
	const char *test_model;		 /* by our name; NULL: the first it serves */
	const char *const *groups;	 /* NULL-terminated; NULL: serves all */
	const char *const *blacklist;	 /* NULL-terminated; NULL: none */
	const struct override *override; /* NULL: nothing is said otherwise */
	bool allow_private, auto_disable;
	bool has_responses; /* speaks the wire "responses" besides its provider's */
	bool is_sound;	    /* false: its proxy cannot be opened, and it serves nothing */
	int64_t priority, weight;
	int64_t rpm, max_concurrent; /* 0: no limit */
	struct offer_key *keys;	     /* by sort, then id */
	size_t n_keys;
	bool has_keys;	   /* it is asked with a key; without one that can be used it is not */
	atomic_uint *turn; /* whose key is next */
};

/* One way to reach a model: an enabled channel.  In an offer it has no key yet; what
 * select.h makes are candidates, each of a channel and one of its keys. */
struct offer_channel {
	int64_t id;
	const char *name, *provider, *base_url;
	const char *upstream_name;
	bool allow_private;
	bool is_blacklisted;
	bool has_responses; /* who asks in the wire "responses" is passed on in it: channels.config */
	int64_t priority;   /* higher is tried first */
	int64_t weight;	    /* share among equals; 0: only when nothing else is left */
	const struct offer_account *account;

	/* of a candidate */
	int64_t key_id;	      /* 0: it needs none */
	const char *key_name; /* NULL: the same */
	const char *api_key;  /* opened; NULL: none needed.  Never log it. */
};

struct offer_group_strategy {
	const char *group;
	enum strategy strategy;
};

/* A model with its prices. */
struct offer_model {
	int64_t id;
	const char *name;
	int64_t context_tokens, max_output_tokens;
	struct price_list prices;
	const struct offer_groups *groups;
	const struct price *price; /* for the caller, now: of what select.h gives; else NULL */
	unsigned abilities;	   /* ABILITY_* */
	const char *type;	   /* llm_models.type */
	const char *media;	   /* llm_models.media, as JSON */
	bool is_enabled;
	bool is_chat; /* enabled, and of type chat */
	bool is_default;
	int64_t sort; /* order in lists, ascending */
	enum strategy strategy;
	const struct offer_group_strategy *group_strategies;
	size_t n_group_strategies;
	struct offer_channel *channels; /* highest priority first */
	size_t n_channels;
	atomic_uint *turn; /* of the strategies that go round: counted in this process */
};

struct offer {
	atomic_int refs;
	struct arena *arena; /* all of it */
	const char *version; /* catalog_version.version */
	struct offer_groups *groups;
	struct offer_model *models; /* by id */
	size_t n_models;
	struct offer_account *accounts; /* by id: the enabled channels */
	size_t n_accounts;
	uint32_t *by_name;	 /* of the models: index + 1, hashed; 0: free */
	size_t n_by_name;	 /* a power of 2 */
	int64_t largest_context; /* tokens, of the chat models */
};

/* A process' newest offer. */
struct offers;
struct offers *offers_new(void);
/* NULL is fine. */
void offers_free(struct offers *o);

/* The newest offer that was read, or NULL.  The caller's: offer_unref().  Any thread. */
struct offer *offers_newest(struct offers *o);
/* Read what holds now and keep it as the newest; who wants a version (NULL: whichever) that
 * somebody else is reading waits for that.  A key that cannot be opened is logged and left
 * out.  *out as above.  Not within a transaction.  Errors as pg_query's.  Worker. */
enum status offers_read(
    struct offers *o, struct pg *pg, const struct conf *conf, const char *version, struct offer **out) MUST_CHECK;
/* The same without keeping it: of one channel only, enabled or not, with all its models; 0: of all
 * that are enabled.  *out is the caller's. */
enum status offer_read(struct pg *pg, const struct conf *conf, int64_t channel_id, struct offer **out) MUST_CHECK;
/* NULL is fine.  Any thread. */
void offer_unref(struct offer *o);

/* NULL: not on offer, enabled or not. */
const struct offer_model *offer_model(const struct offer *o, int64_t id);
const struct offer_model *offer_model_named(const struct offer *o, const char *name);
/* The chat model to take when nothing else is said; NULL: none. */
const struct offer_model *offer_default(const struct offer *o);
/* NULL: no enabled channel. */
const struct offer_account *offer_account(const struct offer *o, int64_t id);
/* The key to ask with when no other is wanted: the first that is active, or else the first; NULL: none. */
const struct offer_key *account_key(const struct offer_account *account);
/* Whose channels a model's are chosen by, for that group. */
enum strategy offer_strategy(const struct offer_model *m, const char *group);
/* The one of a type: its default, or else the first that is enabled; NULL: none. */
const struct offer_model *offer_default_of(const struct offer *o, const char *type);

#endif
