/*
 * Pins: which account keeps an answer, so that what names it reaches that account.
 * What no neutral words can say reaches only accounts that speak the client's wire.
 *
 * A pin is written with the settlement of its answer (relays_settle()) and lives for 30
 * days; it is its user's, to others there is none.  Worker.
 */
#ifndef WEIR_RELAY_PINS_H
#define WEIR_RELAY_PINS_H

#include "catalog/offer.h"
#include "core/request.h"
#include "wire/dialect.h"

/* Say what is wrong with what is asked: E_INVALID_REQUEST with its field. */
enum status pins_refuse(struct context *cx, const struct dialect_problem *problem) MUST_CHECK;
/* Leave `m` only the channels that can be asked this, and add to *prompt_tokens what the
 * answer it follows has.  E_INVALID_REQUEST no channel of the model can (details code
 * unsupported_parameter); E_NOT_FOUND it follows no answer of the caller's;
 * E_UNAVAILABLE the account that has it is away. */
enum status pins_apply(
    struct request *rq, const struct dialect_ask *asked, struct offer_model *m, int64_t *prompt_tokens) MUST_CHECK;
/* The first channel of `m` that is asked in the words of the request's dialect; NULL: none. */
const struct offer_channel *pins_own(const struct request *rq, const struct offer_model *m);
/* The channel that keeps the caller's answer of that id.  E_NOT_FOUND; E_UNAVAILABLE. */
enum status pins_find(struct context *cx, const char *id, int64_t *channel_id, int64_t *tokens) MUST_CHECK;

#endif
