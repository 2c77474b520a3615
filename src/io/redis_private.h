/* What redis.c (blocking) and redis_async.c share: the breaker and addresses. */
#ifndef WEIR_IO_REDIS_PRIVATE_H
#define WEIR_IO_REDIS_PRIVATE_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/conf.h"

/* May Redis be asked now?  When the breaker's pause is over, true for one
 * caller, which probes for all; in a process with a redis_async, whose links
 * probe in the background, only when they have found Redis back.  Any thread. */
bool redis_breaker_ask(const struct conf *conf);
/* `links` more (or less) probe in the background: they connect again and again
 * and report success. */
void redis_breaker_background(int links);
/* Redis answered. */
void redis_breaker_success(void);
/* Redis did not: refused, lost, timed out.  `what` is for the log. */
void redis_breaker_failure(const struct conf *conf, const char *what);

/* conf->redis_address: a socket's path, or host and port. */
struct redis_address {
	bool is_path;
	char host[256]; /* or the path */
	int port;
};
void redis_address_parse(const struct conf *conf, struct redis_address *out);

/* True when an error reply says that Redis cannot serve anybody now (loading,
 * out of memory, not signed in), rather than that the command was wrong. */
bool redis_error_is_outage(const char *text);

#endif
