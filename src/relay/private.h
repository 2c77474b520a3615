/* What relay.c and op.c share, for this folder only. */
#ifndef WEIR_RELAY_PRIVATE_H
#define WEIR_RELAY_PRIVATE_H

#include "catalog/offer.h"
#include "core/request.h"
#include "engine/run.h"

/* What is a relayed call's own while it opens (gate_ask.own); in the request's arena. */
struct relay {
	char transaction_id[UUID_LEN];
	int64_t prompt_tokens;
	const char *prices; /* by which it is settled, as tasks.prices keeps them */
};

/* The request's body, a JSON object without members twice; the arena's.  E_INVALID_REQUEST. */
enum status relay_json(struct request *rq, json_t **out) MUST_CHECK;
/* Our estimate of every text in it. */
int64_t relay_json_tokens(const json_t *value);
/* Refuse a model that is not there, or not theirs: E_NOT_FOUND. */
enum status relay_refuse_model(struct context *cx, const char *name);
/* How the answer will be told, and what it begins with. */
void relay_prepare_reader(struct run *r, const struct offer_model *m);
const char *relay_start_json(struct context *cx, const struct run *r);

/* op.c: of a run that is no chat, whose `own` says what was asked.  kind.use, kind.settlement. */
bool op_use(struct run *r, int64_t *cost_ucr);
void op_settlement(const struct run *r, json_t *settlement);

#endif
