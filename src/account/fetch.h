/*
 * A request that asks another server something before it answers, without a worker
 * (core/await.h): one exchange of JSON over the process' HTTP client.
 */
#ifndef WEIR_ACCOUNT_FETCH_H
#define WEIR_ACCOUNT_FETCH_H

#include <jansson.h>
#include <stdbool.h>

#include "core/request.h"

#define FETCH_BYTES_MAX (1 << 20)
#define FETCH_TIMEOUT_MS 10000

struct fetch_ask {
	const char *method, *url;
	const char *const *headers; /* "Name: value", NULL-terminated; in the arena, as all here is */
	const char *body;	    /* NULL: none */
	bool allow_private;	    /* the address guard, see io/http.h */
};

/* Goes on on a worker, as a handler: with the answer, an object that it borrows, or NULL and why there is
 * none (for the log); http_status 0: no answer came. */
typedef enum status fetch_fn(struct request *rq, int http_status, const json_t *answer, const char *why, void *arg);

/* Ask, and go on with `then`.  Worker. */
enum status fetch_await(struct request *rq, const struct fetch_ask *ask, fetch_fn *then, void *arg) MUST_CHECK;

#endif
