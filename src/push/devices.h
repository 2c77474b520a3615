/*
 * Devices whose owner wants to be told there: subscriptions to web push (RFC 8030).  Each belongs to a session and
 * goes with it.
 *
 * Device JSON: {id, current, user_agent, created_at, last_ok_at, failures}; current: the caller's own session.
 *
 * Worker.  A json_t given out is the caller's reference.
 */
#ifndef WEIR_PUSH_DEVICES_H
#define WEIR_PUSH_DEVICES_H

#include <jansson.h>

#include "core/context.h"

#define PUSH_DEVICES_MAX 10
#define PUSH_ENDPOINT_BYTES_MAX 2048

/* May messages be sent there: an https address without a user name, and not by its looks in a private network
 * (http and those, too, with [push] allow_private)?  Where its name leads is seen when it is sent to. */
bool push_endpoint_fits(const struct conf *conf, const char *url);

/* {is_on, public_key, items: the caller's devices, oldest first}; public_key is NULL where nothing is told on devices. */
enum status push_devices(struct context *cx, json_t **out) MUST_CHECK;
/* The caller's device from checked input {endpoint, p256dh, auth}, in the place of what its session or browser had.
 * E_INVALID_REQUEST; E_NOT_FOUND nothing is told on devices; E_TOO_MANY_DEVICES; E_UNAUTHENTICATED the session is over. */
enum status push_subscribe(struct context *cx, const json_t *in, json_t **out) MUST_CHECK;
/* E_NOT_FOUND, also for id NULL. */
enum status push_unsubscribe(struct context *cx, const char *id) MUST_CHECK;
/* Tell the device of the caller's session that it can be told.  E_NOT_FOUND it is none. */
enum status push_try(struct context *cx) MUST_CHECK;

#endif
