/*
 * GET /api/openapi.json -- the API described, from the tables that run it.
 *
 * out     200 an OpenAPI 3.1 document, compressed where that is accepted;
 *         304 for its ETag in If-None-Match
 * proof   tests/it/ops/test_ops.py, tests/it/server/test_frontends.py
 */
#include <stdlib.h>
#include <strings.h>

#include "weir.h"

/* Is gzip among the encodings of the Accept-Encoding header, not with q=0? */
static bool
accepts_gzip(const char *list)
{
	while (list != NULL && *list != '\0') {
		size_t n;

		list += strspn(list, ", \t");
		n = strcspn(list, ",; \t");
		if (n == 4 && strncasecmp(list, "gzip", n) == 0) {
			list += n;
			list += strspn(list, "; \t");
			return strncasecmp(list, "q=", 2) != 0 || strtod(list + 2, NULL) > 0;
		}
		list += strcspn(list, ",");
	}
	return false;
}

enum status
h_ops_openapi(struct request *rq)
{
	const struct openapi_text *t = openapi_text(rq->cx.process->routes, rq->cx.conf->server_base_url);
	const char *known = request_header(rq, "If-None-Match");
	bool gzip = accepts_gzip(request_header(rq, "Accept-Encoding"));

	rq->cache_control = "public, no-cache"; /* may be kept, and is asked for by its tag */
	reply_header(rq, "ETag", "W/%s", t->etag);
	reply_header(rq, "Vary", "Accept-Encoding");
	if (known != NULL && (strcmp(known, "*") == 0 || strstr(known, t->etag) != NULL))
		return reply_not_modified(rq);
	if (!gzip)
		return reply_text(rq, 200, "application/json", t->json);
	reply_header(rq, "Content-Encoding", "gzip");
	return reply_bytes(rq, 200, "application/json", t->gzip, t->gzip_len);
}
