/*
 * Events for a user's open pages (GET /api/events), over Redis publish.
 *
 *	channel  {prefix}user:{user id}
 *	payload  {"type":"task"|"balance"|"message"|"conversation"|"notification"|"usage","data":{…}}
 *
 * The data of a "balance" event are {"balance"} and, unless it has not changed,
 * {"held"}: what is set aside for running tasks.
 *
 * They tell a page what to look at again; nothing depends on their arrival.
 * After a gap the reader gets {"type":"resync","data":{}}.
 */
#ifndef WEIR_CORE_EVENTS_H
#define WEIR_CORE_EVENTS_H

#include <jansson.h>

#include "core/context.h"

/* Room for a channel name. */
#define EVENTS_CHANNEL_LEN 192
/* The channel of a user; returns `out`. */
const char *events_channel(const struct conf *conf, const char *user_id, char out[EVENTS_CHANNEL_LEN]);

/* Publish; takes over the reference to `data` (NULL is {}).  Lost without
 * Redis.  Reactor thread. */
void events_publish(
    struct redis_async *ra, const struct conf *conf, const char *user_id, const char *type, json_t *data);
/* The same on a worker's connection, after the commit of what is open on it. */
void events_tell(struct context *cx, const char *user_id, const char *type, json_t *data);

#endif
