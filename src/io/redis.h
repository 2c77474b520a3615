/*
 * Redis through hiredis: blocking connections for workers, one asynchronous
 * pair for the reactor, and a breaker per process.
 *
 * Redis is fast and disposable.  Every call may say E_UNAVAILABLE and every
 * caller has something sensible to do then.  After conf->redis_breaker_failures
 * failures in a row the breaker opens: calls fail at once for
 * conf->redis_breaker_open, then one call probes; beside a redis_async no call
 * has to, because its connections do.  A frozen Redis so costs a few requests
 * conf->redis_timeout each, not every request.
 */
#ifndef WEIR_IO_REDIS_H
#define WEIR_IO_REDIS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/conf.h"
#include "base/status.h"

struct reactor;
struct redis;	    /* a blocking connection; one thread */
struct redis_async; /* the reactor's connections; reactor thread only */
struct redis_reply; /* a reply tree */

enum redis_type { REDIS_T_NIL, REDIS_T_INT, REDIS_T_TEXT, REDIS_T_ARRAY, REDIS_T_ERROR };

/* True while Redis is asked at all (breaker closed or probing).  Any thread. */
bool redis_available(void);
/* State for /status and /metrics: 0 closed, 1 open, 2 probing.  Any thread. */
int redis_breaker_state(void);
/* Commands of this process that failed since start.  Any thread. */
uint64_t redis_failures(void);

/* A blocking connection that connects at first use.  Caller owns it. */
struct redis *redis_new(const struct conf *conf);
void redis_free(struct redis *r);
/* Run a command of `argc` arguments (binary safe; lens may be NULL for C
 * strings).  *reply (may be NULL) is the caller's: AUTO_REPLY.  Errors:
 * E_UNAVAILABLE no connection, time-out, breaker open; E_INTERNAL an error
 * reply (logged). */
enum status redis_command(
    struct redis *r, struct redis_reply **reply, int argc, const char *const *argv, const size_t *lens) MUST_CHECK;
/* The same with C strings: redis_call(r, &reply, "GET", key). */
#define redis_call(r, reply, ...) \
	redis_command((r), (reply), (int)(sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(char *)), \
	    (const char *[]){ __VA_ARGS__ }, NULL)
/* A Lua script by EVALSHA, loaded when Redis does not know it. */
struct redis_script {
	const char *source;
	char sha1[41]; /* filled by redis_script_init() */
};
/* Compute the digest.  Main thread, at start. */
void redis_script_init(struct redis_script *script);
/* Run it: `argv` holds `nkeys` keys, then arguments, all C strings. */
enum status redis_eval(struct redis *r, struct redis_reply **reply, const struct redis_script *script, int nkeys,
    int argc, const char *const *argv) MUST_CHECK;
/* Microseconds this connection spent waiting since start. */
uint64_t redis_spent_us(const struct redis *r);

void redis_reply_free(struct redis_reply *reply);
static inline void
redis_reply_cleanup(struct redis_reply **reply)
{
	redis_reply_free(*reply);
}
#define AUTO_REPLY __attribute__((cleanup(redis_reply_cleanup)))
enum redis_type redis_reply_type(const struct redis_reply *reply);
int64_t redis_reply_int(const struct redis_reply *reply); /* also decimal text; 0 otherwise */
/* Text and its length; NULL when it is no text. Lives as long as the reply. */
const char *redis_reply_text(const struct redis_reply *reply, size_t *len);
size_t redis_reply_length(const struct redis_reply *reply);
/* Element of an array, borrowed; NULL past the end. */
const struct redis_reply *redis_reply_at(const struct redis_reply *reply, size_t i);

/* Called on the reactor with a borrowed reply, or NULL when the command
 * failed, timed out or Redis is down. */
typedef void redis_reply_fn(void *arg, const struct redis_reply *reply);
/* Called on the reactor for each message of a channel; with payload NULL once
 * after every reconnect (messages may have been missed).  May unsubscribe. */
typedef void redis_message_fn(void *arg, const char *channel, const char *payload, size_t len);

/* The reactor's two connections (commands; subscriptions), made at once and
 * again with back-off for as long as the object lives. */
struct redis_async *redis_async_new(struct reactor *reactor, const struct conf *conf);
/* Close; pending callbacks are called with NULL, subscriptions are freed.  Not
 * from a callback of its own. */
void redis_async_free(struct redis_async *ra);
/* Queue a command; all commands queued within one turn of the loop leave in
 * one write.  The arguments are copied.  `fn` may be NULL.  False (and no
 * callback) when Redis is down. */
bool redis_async_command(
    struct redis_async *ra, redis_reply_fn *fn, void *arg, int argc, const char *const *argv, const size_t *lens);
/* The same for a Lua script: by digest, sent again in full when Redis does not
 * know it (then after commands queued meanwhile). */
bool redis_async_eval(struct redis_async *ra, redis_reply_fn *fn, void *arg, const struct redis_script *script,
    int nkeys, int argc, const char *const *argv);
/* Let the commands queued leave now: for what others must find even if this
 * process is killed in the next instant. */
void redis_async_flush(struct redis_async *ra);
/* True while Redis has not answered a command of ours.  Never for longer than
 * conf->redis_timeout after the last one: then the connection is dropped. */
bool redis_async_busy(const struct redis_async *ra);
/* Subscribe; several subscribers of one channel share one subscription.
 * Returns a handle for redis_unsubscribe(); the subscription survives reconnects. */
struct redis_subscription *redis_subscribe(
    struct redis_async *ra, const char *channel, redis_message_fn *fn, void *arg);
void redis_unsubscribe(struct redis_subscription *sub);
/* True when the command connection is up. */
bool redis_async_up(const struct redis_async *ra);

#endif
