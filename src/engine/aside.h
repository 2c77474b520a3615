/*
 * A call aside: what a request needs from a model before it can answer, such as the vector of
 * what is looked for, or its question in other words.  It goes as every call does, with channels, tries and breakers,
 * and holds no worker meanwhile (core/await.h).  Whoever asks sees to its price.
 */
#ifndef WEIR_ENGINE_ASIDE_H
#define WEIR_ENGINE_ASIDE_H

#include "catalog/offer.h"
#include "core/request.h"
#include "engine/call.h"

#define ASIDE_MAX_BYTES (8u << 20)

/* What to ask whom: an op whose answer is JSON as a whole, or a chat.  Borrowed until it is over. */
struct aside_ask {
	const struct ask *ask;
	const struct offer_model *model; /* with its channels in the order in which to try them */
	int64_t timeout_ms;		 /* for all tries; 0: as [upstream] has it */
	int64_t max_output_tokens;	 /* of a chat; 0: what the model allows */
	const char *task_id;		 /* NULL: none */
};

struct aside_told {
	enum status status; /* OK: a whole answer of 2xx */
	const char *detail; /* of a failure, for the log; NULL: none */
	const char *body;   /* of a chat its text */
	size_t len;
	const struct answer *answer;	 /* with what was used, whatever came of it */
	const struct endpoint *endpoint; /* that it is of; NULL unless OK */
	const struct call_candidate *at; /* who was asked last */
	int64_t took_ms;
};

/* Ask; then(rq, told, arg) goes on, on a worker again, as a handler does.  All of `told` stays
 * as long as the request.  What cannot be asked is told at once, as E_UNAVAILABLE.
 * Worker, not in a transaction. */
typedef enum status aside_fn(struct request *rq, const struct aside_told *told, void *arg);
enum status aside_await(struct request *rq, const struct aside_ask *ask, aside_fn *then, void *arg) MUST_CHECK;

#endif
