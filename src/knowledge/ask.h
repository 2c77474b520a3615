/*
 * Vectors of texts, asked of a provider by whoever may wait: a job, or weirctl.  The call is
 * the engine's (engine/call.h), with its channels, tries and pauses, on a reactor of this
 * thread's own.  Nobody is charged here.
 */
#ifndef WEIR_KNOWLEDGE_ASK_H
#define WEIR_KNOWLEDGE_ASK_H

#include "catalog/offer.h"
#include "core/context.h"
#include "jobs/job.h"

struct embed_ask {
	const struct offer_model *model; /* of select_candidates(), with its price; it is changed */
	const char *const *texts;	 /* well-formed UTF-8, none empty */
	size_t n;
	int64_t tokens;	       /* our estimate of them all */
	const char *task_id;   /* sent along; NULL: none */
	const struct job *job; /* given up when this should stop; NULL: never */
};

struct embed_told {
	float *values; /* n times dims, as the provider gave them; in the arena */
	size_t dims;
	int64_t tokens;	    /* the provider's count where it can be true, else our estimate */
	int64_t cost_ucr;   /* what that costs */
	int64_t channel_id; /* who answered */
	bool is_refused;    /* what was asked was refused: another try with the same will be, too */
	const char *detail; /* of an error, English, for the log; NULL: none */
};

/* Can a channel of that provider be asked for vectors? */
bool embed_can(const struct offer_channel *ch);
/* Ask.  Waits.  E_INTERRUPTED the job should stop; E_UNAVAILABLE nobody may be asked now; E_UPSTREAM_FAILED,
 * E_UPSTREAM_TIMEOUT and others of the call: is_refused says whether it makes sense to ask again. */
enum status embed_run(struct context *cx, struct arena *a, struct embed_ask *ask, struct embed_told *out) MUST_CHECK;
/* What `tokens` in `calls` calls can cost at most by the price. */
int64_t embed_ceiling_ucr(const struct price *price, int64_t tokens, int64_t calls);

#endif
