#include "account/oidc_provider.h"

#include <pthread.h>
#include <string.h>

#include "account/fetch.h"
#include "base/clock.h"

#define KEPT_MS 3600000
/* Whoever comes with tokens of unknown keys has us ask this often at most. */
#define AGAIN_MS 5000

/* What was asked for lately.  Any thread, under the lock. */
struct kept {
	json_t *value;
	int64_t at_ms; /* monotonic */
};
static struct kept discovery, keys;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* A copy, if it is not older; the caller's. */
static json_t *
recall(struct kept *k, int64_t age_ms)
{
	json_t *copy = NULL;

	pthread_mutex_lock(&lock);
	if (k->value != NULL && clock_mono_ms() - k->at_ms < age_ms)
		copy = json_deep_copy(k->value);
	pthread_mutex_unlock(&lock);
	return copy;
}

static void
keep(struct kept *k, const json_t *value)
{
	json_t *copy = json_deep_copy(value), *old;

	pthread_mutex_lock(&lock);
	old = k->value;
	*k = (struct kept){ .value = copy, .at_ms = clock_mono_ms() };
	pthread_mutex_unlock(&lock);
	json_decref(old);
}

struct ask {
	oidc_endpoints_fn *then_endpoints;
	oidc_keys_fn *then_keys;
	void *arg;
};

/* An address of its own; NULL: none that we use. */
static const char *
address(struct request *rq, const json_t *value, const char *name)
{
	const char *url = json_string_value(json_object_get(value, name));
	bool fits = url != NULL &&
	    (strncmp(url, "https://", 8) == 0 || (rq->cx.conf->oidc_allow_private && strncmp(url, "http://", 7) == 0));

	return fits ? arena_strdup(rq->cx.arena, url) : NULL;
}

static bool
takes(const json_t *value, const char *method)
{
	json_t *one;
	size_t i;

	json_array_foreach(json_object_get(value, "token_endpoint_auth_methods_supported"), i, one)
		if (json_is_string(one) && strcmp(json_string_value(one), method) == 0)
			return true;
	return false;
}

/* What a discovery document says; false with why it is of no use. */
static bool
read_discovery(struct request *rq, const json_t *value, struct oidc_endpoints *out, const char **why)
{
	const char *issuer = json_string_value(json_object_get(value, "issuer"));

	*why = "its issuer is another than [oidc] issuer";
	if (issuer == NULL || strcmp(issuer, rq->cx.conf->oidc_issuer) != 0)
		return false;
	*out = (struct oidc_endpoints){
		.authorization = address(rq, value, "authorization_endpoint"),
		.token = address(rq, value, "token_endpoint"),
		.keys = address(rq, value, "jwks_uri"),
		.secret_in_body = takes(value, "client_secret_post") && !takes(value, "client_secret_basic"),
	};
	*why = "an endpoint is missing or not https";
	return out->authorization != NULL && out->token != NULL && out->keys != NULL;
}

static enum status
refuse(struct request *rq, const char *what, int http_status, const char *why)
{
	return fail(
	    &rq->cx, E_PROVIDER_FAILED, "%s of the OpenID provider: %d %s", what, http_status, why == NULL ? "" : why);
}

static enum status
discovered(struct request *rq, int http_status, const json_t *answer, const char *why, void *arg)
{
	struct oidc_endpoints *e = ARENA_NEW(rq->cx.arena, struct oidc_endpoints);
	struct ask *ask = arg;

	if (http_status != 200 || answer == NULL || !read_discovery(rq, answer, e, &why))
		return refuse(rq, "discovery", http_status, why);
	keep(&discovery, answer);
	return ask->then_endpoints(rq, e, ask->arg);
}

enum status
oidc_discover(struct request *rq, oidc_endpoints_fn *then, void *arg)
{
	struct oidc_endpoints *e = ARENA_NEW(rq->cx.arena, struct oidc_endpoints);
	struct ask *ask = ARENA_NEW(rq->cx.arena, struct ask);
	const char *issuer = rq->cx.conf->oidc_issuer, *why;
	json_t *known = recall(&discovery, KEPT_MS);
	size_t len = strlen(issuer);
	bool holds = known != NULL && read_discovery(rq, known, e, &why);

	json_decref(known);
	if (holds)
		return then(rq, e, arg);
	*ask = (struct ask){ .then_endpoints = then, .arg = arg };
	while (len > 0 && issuer[len - 1] == '/')
		len--;
	return fetch_await(rq,
	    &(struct fetch_ask){ .method = "GET",
		.url = arena_printf(rq->cx.arena, "%.*s/.well-known/openid-configuration", (int)len, issuer),
		.allow_private = rq->cx.conf->oidc_allow_private },
	    discovered, ask);
}

static enum status
got_keys(struct request *rq, int http_status, const json_t *answer, const char *why, void *arg)
{
	struct ask *ask = arg;

	if (http_status != 200 || !json_is_array(json_object_get(answer, "keys")))
		return refuse(rq, "keys", http_status, why);
	keep(&keys, answer);
	return ask->then_keys(rq, answer, ask->arg);
}

enum status
oidc_keys(struct request *rq, const struct oidc_endpoints *e, bool newer, oidc_keys_fn *then, void *arg)
{
	struct ask *ask = ARENA_NEW(rq->cx.arena, struct ask);
	json_t *known = recall(&keys, newer ? AGAIN_MS : KEPT_MS);
	enum status st;

	if (known != NULL) {
		st = then(rq, known, arg);
		json_decref(known);
		return st;
	}
	*ask = (struct ask){ .then_keys = then, .arg = arg };
	return fetch_await(rq,
	    &(struct fetch_ask){ .method = "GET", .url = e->keys, .allow_private = rq->cx.conf->oidc_allow_private },
	    got_keys, ask);
}
