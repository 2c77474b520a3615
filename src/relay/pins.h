/*
 * Pins: which account, and which key of it, keeps an answer or made a seal in it
 * (engine/seal.h), so that what names the one or brings back the other reaches those.  What
 * no neutral words can say reaches only accounts that speak the client's wire.
 *
 * Only who keeps an answer can go on with it.  Where the maker of a seal is gone, others are
 * asked, without the thought that only it could read.
 *
 * A pin is written with the settlement of its answer (relays_settle()) and lives for 30
 * days; it is its user's, to others there is none.  Worker.
 */
#ifndef WEIR_RELAY_PINS_H
#define WEIR_RELAY_PINS_H

#include "catalog/select.h"
#include "core/request.h"
#include "wire/dialect.h"

struct pin {
	struct select_key at;
	int64_t model_id; /* that gave the answer */
	int64_t tokens;	  /* what was asked and answered */
};

/* Say what is wrong with what is asked: E_INVALID_REQUEST with its field. */
enum status pins_refuse(struct context *cx, const struct dialect_problem *problem) MUST_CHECK;
/* Before a channel is chosen: whom->pin is what keeps the answer that this one follows, and
 * *prompt_tokens grows by what that has; or the last maker of a seal in it that is a
 * candidate, and `asked` is left without the seals of others.  E_INVALID_REQUEST no channel of whom->model can be
 * asked this (details code unsupported_parameter); E_NOT_FOUND it follows no answer of the
 * caller's; errors of pins_find(). */
enum status pins_seek(
    struct request *rq, struct dialect_ask *asked, struct select_ask *whom, int64_t *prompt_tokens) MUST_CHECK;
/* After: leave `m` only candidates that can be asked this.  E_INVALID_REQUEST as above. */
enum status pins_keep(struct request *rq, const struct dialect_ask *asked, struct offer_model *m) MUST_CHECK;
/* The first channel of `m` that is asked in the words of the request's dialect; NULL: none. */
const struct offer_channel *pins_own(const struct request *rq, const struct offer_model *m);
/* Who keeps the caller's answer of that id.  E_NOT_FOUND; E_ROUTE_GONE its channel was removed;
 * E_ROUTE_UNAVAILABLE it is disabled; E_UNAVAILABLE. */
enum status pins_find(struct context *cx, const char *id, struct pin *out) MUST_CHECK;

#endif
