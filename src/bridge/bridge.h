/*
 * The bridge: what happened here, published to a message broker for other programs.
 *
 * A task that ends, a payment, a channel that goes down write a row of event_outbox in
 * their own transaction (functions/bridge.sql).  The sweep takes rows in the order of
 * their ids, publishes them, waits until the broker has them and removes them then; so each
 * is published at least once, twice when a worker dies or the connection breaks between
 * the two.  Its id is the message's, by which who reads it can tell.
 *
 * Nothing waits for the broker: when it is away rows stay, for [bridge] keep_days, and it
 * is tried again, after a second at first, after a minute at most.
 */
#ifndef WEIR_BRIDGE_BRIDGE_H
#define WEIR_BRIDGE_BRIDGE_H

#include "core/sweep.h"

/* The sweep bridge. */
enum status bridge_sweep(struct sweeper *s) MUST_CHECK;

#endif
