/*
 * Failures of providers, as far as they are the same in every wire: what a status
 * means, how long to wait, and one clean line for the log.  What providers say of
 * them in words is each wire's own.  Pure.
 */
#ifndef WEIR_WIRE_FAILURE_H
#define WEIR_WIRE_FAILURE_H

#include <jansson.h>

#include "wire/wire.h"

/* What an HTTP status that is no 2xx means, into status, retryable and next_channel. */
void failure_by_http(int http_status, struct wire_failure *out);
/* The detail: the status, what the provider calls the failure ("": nothing) and what it says
 * of it, cut to one clean line.  What is said of a key may repeat it: with 401 and 403 the
 * message is left out, of other statuses the wire has to know. */
void failure_describe(int http_status, const char *name, const char *message, struct wire_failure *out);
/* An answer that is none: `before`, and the foreign text that shows it, cut to one clean
 * line.  Asking the same again would bring the same. */
void failure_strange(const char *before, const char *text, size_t len, struct wire_failure *out);
/* Retry-After and its like in milliseconds: seconds, with or without a fraction, and `unit`
 * behind them.  0: none (NULL), or a date, which would need a clock; no provider sends one. */
int64_t failure_wait_ms(const char *value, const char *unit);
/* What an error inside an answer says, as a tree, since errors are rare and of many shapes:
 * JSON of any kind, or the text as a string.  NULL: it is not UTF-8. */
json_t *failure_read(const char *text, size_t len);
/* A string, or "" for anything else; lives in the value. */
const char *failure_text(const json_t *value);

#endif
