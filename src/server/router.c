#include "server/router.h"

#include <string.h>

#include "core/reply.h"

/* Declare every handler and field table of the route table … */
#define ROUTE(method, path, handler, caller, rate, cap, flags, fields, reply, summary) \
	handler_fn handler; \
	extern const struct field fields[];
#include "routes.def"
#undef ROUTE

const struct field no_fields[] = { { .name = NULL } };

/* … and the table itself. */
const struct route routes[] = {
#define ROUTE(method, path, handler, caller, rate, cap, flags, fields, reply, summary) \
	{ #method, path, handler, CALLER_##caller, RATE_##rate, cap, flags, fields, reply, summary, #handler },
#include "routes.def"
#undef ROUTE
	{ .method = NULL },
};

const char *const route_names[] = {
#define ROUTE(method, path, handler, caller, rate, cap, flags, fields, reply, summary) #handler,
#include "routes.def"
#undef ROUTE
	NULL,
};

/* Match `path` against a row's pattern; parameters are left encoded in rq. */
static bool
match(struct request *rq, const char *pattern, const char *path)
{
	int n = 0;

	while (*pattern != '\0') {
		if (*pattern == '{') {
			size_t name = strcspn(++pattern, "}"), value = strcspn(path, "/");

			if (value == 0 || n == PATH_PARAMS_MAX)
				return false;
			rq->path_params[n].name = arena_strndup(rq->cx.arena, pattern, name);
			rq->path_params[n++].value = arena_strndup(rq->cx.arena, path, value);
			pattern += name + 1;
			path += value;
		} else if (*pattern++ != *path++) {
			return false;
		}
	}
	if (n < PATH_PARAMS_MAX)
		rq->path_params[n].name = NULL;
	return *path == '\0';
}

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
		if (!may_match(r->path, rq->path) || !match(rq, r->path, rq->path))
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
