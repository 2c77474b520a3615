#include "server/router.h"

#include <string.h>

#include "chat/wire.h"
#include "core/reply.h"
#include "score/board.h"
#include "wire/anthropic/anthropic.h"
#include "wire/gemini/gemini.h"
#include "wire/openai/openai.h"
#include "wire/responses/responses.h"

/* Declare every handler and field table of the route table … */
#define ROUTE(method, path, handler, caller, rate, wire, cap, flags, fields, reply, summary) \
	handler_fn handler; \
	extern const struct field fields[];
#include "routes.def"
#undef ROUTE

const struct field no_fields[] = { { .name = NULL } };

/* How its callers are talked to. */
#define DIALECT_WEIR &dialect_weir
#define DIALECT_OPENAI &dialect_openai
#define DIALECT_COMPLETIONS &dialect_completions
#define DIALECT_ANTHROPIC &dialect_anthropic
#define DIALECT_GEMINI &dialect_gemini
#define DIALECT_RESPONSES &dialect_responses
#define DIALECT_COMPACT &dialect_compact

/* … and the table itself. */
const struct route routes[] = {
#define ROUTE(method, path, handler, caller, rate, wire, cap, flags, fields, reply, summary) \
	{ #method, path, handler, CALLER_##caller, RATE_##rate, DIALECT_##wire, cap, flags, fields, reply, summary, \
		#handler },
#include "routes.def"
#undef ROUTE
	{ .method = NULL },
};

_Static_assert(sizeof(routes) / sizeof(routes[0]) - 1 <= SCORE_ROUTES_MAX, "the scoreboard tells every route apart");

const char *const route_names[] = {
#define ROUTE(method, path, handler, caller, rate, wire, cap, flags, fields, reply, summary) #handler,
#include "routes.def"
#undef ROUTE
	NULL,
};

/* The literal text before the first parameter decides most rows cheaply. */
static bool
may_match(const char *pattern, const char *path)
{
	size_t literal = strcspn(pattern, "{");

	return strncmp(pattern, path, literal) == 0;
}

static enum status
decode_params(struct request *rq)
{
	for (int i = 0; i < PATH_PARAMS_MAX && rq->path_params[i].name != NULL; i++) {
		const char *raw = rq->path_params[i].value;

		rq->path_params[i].value = percent_decode(rq->cx.arena, raw, strlen(raw), false);
		if (rq->path_params[i].value == NULL)
			return fail_field(&rq->cx, rq->path_params[i].name, "is not well-formed");
	}
	return OK;
}

enum status
router_find(struct request *rq)
{
	const char *method = strcmp(rq->method, "HEAD") == 0 ? "GET" : rq->method;
	const char *allow = NULL;

	for (const struct route *r = routes; r->method != NULL; r++) {
		if (!may_match(r->path, rq->path) || !request_match(rq, r->path))
			continue;
		if (strcmp(r->method, method) == 0) {
			rq->route = r;
			return decode_params(rq);
		}
		allow = allow == NULL ? r->method : arena_printf(rq->cx.arena, "%s, %s", allow, r->method);
	}
	if (allow == NULL)
		return fail(&rq->cx, E_NOT_FOUND, NULL);
	reply_header(rq, "Allow", "%s", allow);
	return fail(&rq->cx, E_METHOD_NOT_ALLOWED, NULL);
}

/* Clients of several vendors ask below the same path: their headers tell them apart; NULL: they do not. */
static const struct dialect *
dialect_of_client(const struct request *rq)
{
	if (strncmp(rq->path, "/v1/", 4) != 0)
		return NULL;
	if (request_header(rq, "x-goog-api-key") != NULL || request_header(rq, "x-goog-api-client") != NULL)
		return &dialect_gemini;
	return request_header(rq, "anthropic-version") != NULL ? &dialect_anthropic : NULL;
}

const struct dialect *
router_dialect(const struct request *rq)
{
	/* Paths that lead nowhere are asked for by somebody, too. */
	static const struct {
		const char *prefix;
		const struct dialect *dialect;
	} elsewhere[] = { { "/v1beta/", &dialect_gemini }, { "/v1/messages", &dialect_anthropic },
		{ "/v1/responses", &dialect_responses }, { "/v1/", &dialect_openai }, { "/v2/", &dialect_openai } };
	const struct dialect *of_client = dialect_of_client(rq);

	if (of_client != NULL && (rq->route == NULL || strncmp(rq->path, "/v1/models", 10) == 0))
		return of_client;
	if (rq->route != NULL)
		return rq->route->dialect;
	for (size_t i = 0; i < sizeof(elsewhere) / sizeof(elsewhere[0]); i++)
		if (strncmp(rq->path, elsewhere[i].prefix, strlen(elsewhere[i].prefix)) == 0)
			return elsewhere[i].dialect;
	return &dialect_weir;
}
