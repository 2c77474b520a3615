/*
 * One non-blocking connection to Redis on the reactor: connects, greets, pairs
 * replies with commands, notices silence, and connects again with back-off.
 * hiredis formats and parses; its own asynchronous layer is not used, because
 * version 0.14 has no time-outs and loses replies to PING while subscribed.
 *
 * States:	DOWN -> CONNECTING -> GREETING -> UP -> DOWN …
 *
 * Reactor thread only.  src/io only.
 */
#ifndef WEIR_IO_REDIS_LINK_H
#define WEIR_IO_REDIS_LINK_H

#include "io/reactor.h"
#include "io/redis.h"

enum link_state { LINK_DOWN, LINK_CONNECTING, LINK_GREETING, LINK_UP };

struct redis_link;

struct redis_link_events {
	/* Redis answered the greeting: commands may be sent. */
	void (*up)(void *arg);
	/* A reply nobody queued a command for (subscriptions); borrowed. */
	void (*push)(void *arg, const struct redis_reply *reply);
};

/* Starts to connect at once; events may be called from the next turn of the
 * loop on.  They and reply functions must not free the link. */
struct redis_link *link_new(
    struct reactor *reactor, const struct conf *conf, const struct redis_link_events *events, void *arg);
/* Close; pending replies are called with NULL. */
void link_free(struct redis_link *link);
enum link_state link_state(const struct redis_link *link);
/* Queue a command whose reply goes to fn(arg), NULL when it failed.  With
 * `raw`, error replies are handed over too.  False unless UP. */
bool link_command(struct redis_link *link, redis_reply_fn *fn, void *arg, bool raw, int argc, const char *const *argv,
    const size_t *lens);
/* Queue a command without a reply of its own ((UN)SUBSCRIBE).  Ignored unless UP. */
void link_send(struct redis_link *link, int argc, const char *const *argv);
/* Write what is queued now, as far as the socket takes it, and not at the end
 * of this turn of the loop.  A failure is left for the loop to find. */
void link_flush(struct redis_link *link);
/* How many commands of link_command() wait for their reply. */
size_t link_pending(const struct redis_link *link);
/* Send PING every `every_ms` while UP and drop the link when a push-mode
 * answer does not come in time: for connections that mostly listen. */
void link_keep_alive(struct redis_link *link, int64_t every_ms);

#endif
