/*
 * Pings: weir-worker asks channels for a token, by the clock.
 *
 * Which ones: keys that are off, until they answer; and those that no call has
 * reached for [health] ping_every, so that a channel nobody uses is known to be down
 * before it is needed.  What came of it stands in channel_health, from where each
 * host takes it into its memory (catalog/health_keep.h).
 *
 * They run in weir-worker, not in a responder, because they belong to the clock and
 * to no request; on the thread of the sweeps that wait, each time a dozen at once
 * on a reactor of its own.  Nobody is charged, and no task is made.
 */
#ifndef WEIR_ENGINE_PINGS_H
#define WEIR_ENGINE_PINGS_H

#include "core/sweep.h"

/* The sweep channel_pings. */
enum status sweep_pings(struct sweeper *s) MUST_CHECK;

#endif
