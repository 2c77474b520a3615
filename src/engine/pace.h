/*
 * How often channels and their keys may be asked: channels.rpm, channel_keys.rpm.
 *
 * A call counts where it goes first.  Who has nothing left in this minute is no
 * candidate of it; a call that goes on to another one, because the first failed, is
 * not counted again.  The windows are those of limits/rates.h: shared by all hosts,
 * each process for itself while Redis is away.
 *
 *	{prefix}rate:channel:{id}	{prefix}rate:channel-key:{id}
 */
#ifndef WEIR_ENGINE_PACE_H
#define WEIR_ENGINE_PACE_H

#include "catalog/offer.h"
#include "core/context.h"

/* Take the candidates that may not be asked now off the front of `m`'s channels, and count the call at the first that
 * may.  Asks nobody when that one has no limit.  E_UNAVAILABLE, with when to come back, when none is left.  Worker. */
enum status pace_take(struct context *cx, struct offer_model *m) MUST_CHECK;

#endif
