/*
 * A probe: one small call to a model provider, to see whether a channel
 * answers.  Nothing is stored and nobody is charged (the provider may charge
 * for the single token asked for).
 */
#ifndef WEIR_ENGINE_PROBE_H
#define WEIR_ENGINE_PROBE_H

#include "catalog/offer.h"
#include "catalog/health.h"
#include "core/process.h"
#include "core/request.h"

#define PROBE_TIMEOUT_MS 20000

/* What to ask whom.  Strings are borrowed until the probe has run. */
struct probe_spec {
	const char *provider, *base_url;
	const char *api_key; /* NULL: none */
	const char *model;   /* the provider's name for it */
	bool allow_private;
	const struct offer_account *account; /* its proxy and what it says otherwise; NULL: neither */
	int64_t key_id;			     /* of api_key; 0: none */
	int64_t connect_timeout_ms;
};

struct probe_result {
	enum status status; /* OK: it answered as its wire says it should */
	int http_status;    /* 0: no answer */
	enum health_class outcome;
	int64_t latency_ms;
	char detail[256]; /* of a failure, for admins; no secrets */
	char text[128];	  /* how its answer begins */
};

/* Fill `spec` for a channel, enabled or not, and one of its models (`model`
 * NULL: its test_model, or the first), whose name becomes *model_name.  E_NOT_FOUND;
 * E_INVALID_REQUEST (field model) it does not serve it; E_CONFLICT it serves
 * none; E_UNAVAILABLE its key cannot be opened.  Worker, weirctl. */
enum status probe_channel(struct context *cx, int64_t channel_id, const char *model, const char **model_name,
    struct probe_spec *spec) MUST_CHECK;
/* The same with that key of it; 0: the first that is active, or else the first.  E_NOT_FOUND no such key, too. */
enum status probe_channel_key(struct context *cx, int64_t channel_id, int64_t key_id, const char *model,
    const char **model_name, struct probe_spec *spec) MUST_CHECK;
/* The same of a channel of `o`, with its first active key.  E_CONFLICT, E_UNAVAILABLE; nothing is told of why. */
enum status probe_account(struct context *cx, const struct offer *o, const struct offer_account *account,
    const char **model_name, struct probe_spec *spec) MUST_CHECK;
/* Ask through the process' reactor, for up to PROBE_TIMEOUT_MS, without a worker
 * (core/await.h); then(rq, result, arg) answers, on a worker again.  Worker. */
typedef enum status probe_then_fn(struct request *rq, const struct probe_result *result, void *arg);
enum status probe_await(struct request *rq, const struct probe_spec *spec, probe_then_fn *then, void *arg) MUST_CHECK;
/* The same for several at once: their results in the order of `specs`. */
#define PROBES_MAX 50
typedef enum status probe_all_fn(struct request *rq, const struct probe_result *results, size_t n, void *arg);
enum status probe_await_all(
    struct request *rq, const struct probe_spec *specs, size_t n, probe_all_fn *then, void *arg) MUST_CHECK;
/* Ask one, for a program that runs no reactor: weirctl. */
void probe_run_alone(struct context *cx, const struct probe_spec *spec, struct probe_result *result);
/* Ask `n` at once, on a reactor of this thread's own, where waiting keeps nobody else.  It is looked at
 * `stopping` (NULL: never) now and then: what had not ended by then is E_INTERRUPTED. */
void probe_run_all(
    struct context *cx, const struct probe_spec *specs, struct probe_result *results, size_t n, bool (*stopping)(void));
/* {ok, model, upstream_name, http_status, latency_ms, error, detail, text}; the
 * caller owns the reference. */
json_t *probe_json(const struct probe_result *result, const char *model, const char *upstream_name);

#endif
