/*
 * What the site offers: every model, and the channels that reach it, as of one
 * version of the tables llm_models, channels and channel_models.  Turns read it
 * from memory instead of asking for it anew; table catalog_version says, in the
 * same snapshot as whatever else a turn asks, which version holds.
 *
 * An offer never changes.  The process keeps the newest it has read; who uses
 * one holds a reference, so that a newer one may take its place meanwhile.
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

struct pg;

/* What a model can do besides text; llm_models.abilities holds the names. */
#define ABILITY_VISION 1u
#define ABILITY_AUDIO 2u
#define ABILITY_VIDEO 4u
#define ABILITY_REASONING 8u
#define ABILITY_TOOLS 16u

/* One way to reach a model: an enabled channel of the model's type. */
struct offer_channel {
	int64_t id;
	const char *name, *provider, *base_url;
	const char *api_key; /* opened; NULL: none needed.  Never log it. */
	const char *upstream_name;
	bool allow_private;
	bool has_responses; /* who asks in the wire "responses" is passed on in it: channels.config */
	int64_t priority;   /* higher is tried first */
	int64_t weight;	    /* share among equals; 0: only when nothing else is left */
};

/* A model with its prices (ucr per million tokens, ucr per call). */
struct offer_model {
	int64_t id;
	const char *name;
	int64_t context_tokens, max_output_tokens;
	int64_t price_input_ucr, price_output_ucr, price_call_ucr;
	unsigned abilities; /* ABILITY_* */
	bool is_chat;	    /* enabled, and of type chat */
	bool is_default;
	struct offer_channel *channels; /* highest priority first */
	size_t n_channels;
};

struct offer {
	atomic_int refs;
	struct arena *arena;	    /* all of it */
	const char *version;	    /* catalog_version.version */
	struct offer_model *models; /* by id */
	size_t n_models;
	int64_t largest_context; /* tokens, of the chat models */
};

/* A process' newest offer. */
struct offers;
struct offers *offers_new(void);
/* NULL is fine. */
void offers_free(struct offers *o);

/* The newest offer that was read, or NULL.  The caller's: offer_unref().  Any thread. */
struct offer *offers_newest(struct offers *o);
/* Read what holds now and keep it as the newest.  A channel whose key cannot be
 * opened is logged and left out.  *out as above.  Errors as pg_query's.  Worker. */
enum status offers_read(struct offers *o, struct pg *pg, const struct conf *conf, struct offer **out) MUST_CHECK;
/* NULL is fine.  Any thread. */
void offer_unref(struct offer *o);

/* NULL: not on offer, enabled or not. */
const struct offer_model *offer_model(const struct offer *o, int64_t id);
const struct offer_model *offer_model_named(const struct offer *o, const char *name);
/* The chat model to take when nothing else is said; NULL: none. */
const struct offer_model *offer_default(const struct offer *o);

#endif
