/* The route table at work: from method and REQUEST_URI to a row of routes.def. */
#ifndef WEIR_SERVER_ROUTER_H
#define WEIR_SERVER_ROUTER_H

#include "core/request.h"

/* Every route; ends with a row without method. */
extern const struct route routes[];
/* The names of their handlers, NULL-terminated: for scoreboard_join(). */
extern const char *const route_names[];

/* Stage: find rq->route for rq->method and rq->path and fill rq->path_params.
 * E_NOT_FOUND; E_METHOD_NOT_ALLOWED with an Allow header; E_INVALID_REQUEST
 * when a path parameter is no well-formed text.  HEAD is served by GET. */
enum status router_find(struct request *rq) MUST_CHECK;
/* How the caller of `rq` wants to be told of errors: its route's, or by its path.  Never NULL. */
const struct dialect *router_dialect(const struct request *rq);

#endif
