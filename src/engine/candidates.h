/*
 * Which candidate of a call comes next: the channels and keys of its model in their
 * order, then those of the fallback model.  Those whose breaker is open or whose key is
 * off (catalog/health.h) are passed over; when nobody else has answered, those that were
 * only open are asked all the same, once each.  A channel that has as many calls as it may
 * (score/seats.h) is passed over too, and never asked all the same.  Reactor.
 */
#ifndef WEIR_ENGINE_CANDIDATES_H
#define WEIR_ENGINE_CANDIDATES_H

#include "engine/call.h"

/* From the candidate at work, which failed, to the next channel, or key, (`same_model`) or else to
 * the fallback model; false: there is none. */
bool candidate_next(struct call *c, bool same_model);
/* Stay, or turn to the first after it that may be asked now, and begin a try of it; false: there is none. */
bool candidate_choose(struct call *c);
/* The try of the candidate at work is over: its channel has one call less.  Any number of times. */
void candidate_leave(struct call *c);
/* Did the provider refuse the key at work, and has its channel another? */
bool candidate_has_other_key(const struct call *c);

#endif
