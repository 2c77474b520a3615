/*
 * A request passed on to a provider as it is, and its answer taken whole: a call
 * without a task, for what costs nothing.  No other channel is tried, nothing again.
 */
#ifndef WEIR_ENGINE_PASS_H
#define WEIR_ENGINE_PASS_H

#include "catalog/offer.h"
#include "core/request.h"

#define PASS_ANSWER_MAX_BYTES (32 << 20)

/* What to ask.  Strings live as long as the request. */
struct pass_ask {
	const char *method, *url;
	const char *const *headers; /* "Name: value", NULL-terminated */
	const char *body;	    /* NULL: none */
	size_t body_len;
	bool allow_private;
	const char *proxy; /* as http_spec.proxy; NULL: none */
	int64_t connect_ms, total_ms;
};

struct pass_answer {
	enum status status; /* OK: an answer came, whatever it says */
	int http_status;
	const char *body; /* NUL-terminated; lives as long as the request */
	size_t body_len;
	char detail[256]; /* of a failure, for the log; no secrets */
};

/* Ask through the process' reactor, without a worker (core/await.h); then(rq, answer,
 * arg) goes on, on a worker again.  Worker. */
typedef enum status pass_then_fn(struct request *rq, const struct pass_answer *answer, void *arg);
enum status pass_await(struct request *rq, const struct pass_ask *ask, pass_then_fn *then, void *arg) MUST_CHECK;

#endif
