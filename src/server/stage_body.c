#include "server/stages.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "core/spool.h"
#include "io/fcgi.h"

/* What a route that takes no body reads and forgets: clients and libraries send
 * "{}" or a form's remains with every POST. */
#define UNWANTED_BODY_MAX_BYTES 4096

/* "application/json", with or without parameters, or any +json type. */
static bool
is_json_type(const char *type)
{
	size_t len = type == NULL ? 0 : strcspn(type, "; \t");

	return (len == 16 && strncasecmp(type, "application/json", 16) == 0) ||
	    (len > 5 && strncasecmp(type + len - 5, "+json", 5) == 0);
}

static enum status
parse_object(struct request *rq)
{
	json_error_t err;

	rq->json = json_own(rq->cx.arena, json_loadb(rq->body, rq->body_len, 0, &err));
	if (rq->json == NULL)
		return fail_field(&rq->cx, "body", "is not valid JSON (line %d, column %d)", err.line, err.column);
	if (!json_is_object(rq->json))
		return fail_field(&rq->cx, "body", "must be a JSON object");
	return OK;
}

static enum status
check_fields(struct request *rq)
{
	struct field_problem problem;

	if (rq->route->fields == NULL || fields_check(rq->cx.arena, rq->route->fields, rq->json, &problem))
		return OK;
	return fail_field(&rq->cx, problem.field, "%s", problem.message);
}

void
stage_body_discard(struct request *rq)
{
	char *body;
	size_t len;

	if (fcgi_read_body(rq->conn, rq->cx.arena, 0, &body, &len) == E_UNAVAILABLE)
		rq->cx.error = E_UNAVAILABLE;
}

static enum status
take_piece(void *body, const void *bytes, size_t len)
{
	return buf_add(body, bytes, len) ? OK : E_TOO_LARGE;
}

/* One that may be larger than the request's arena. */
static enum status
read_big(struct request *rq, size_t cap_bytes, char **body, size_t *len)
{
	struct buf b = BUF_INIT(cap_bytes);
	enum status st = fcgi_read_body_to(rq->conn, cap_bytes, take_piece, &b);

	arena_cleanup(rq->cx.arena, free, b.data);
	*body = b.data;
	*len = b.len;
	return st;
}

/* The body into rq->body; nothing of it where the route takes none. */
static enum status
read_body(struct request *rq)
{
	const struct route *r = rq->route;
	bool wanted = (r->flags & (ROUTE_JSON | ROUTE_RAW)) != 0;
	size_t cap_bytes = wanted ? r->body_cap_bytes : UNWANTED_BODY_MAX_BYTES, len;
	char *body;
	enum status st = (r->flags & ROUTE_BIG) ? read_big(rq, cap_bytes, &body, &len)
						: fcgi_read_body(rq->conn, rq->cx.arena, cap_bytes, &body, &len);

	if (st == E_TOO_LARGE)
		return fail_with(&rq->cx, st, json_pack("{s:I}", "limit", (json_int_t)cap_bytes), NULL);
	if (st != OK)
		return fail(&rq->cx, st, "the client left while sending");
	rq->body = wanted ? body : NULL;
	rq->body_len = wanted ? len : 0;
	return OK;
}

enum status
stage_body(struct request *rq)
{
	const struct route *r = rq->route;
	enum status st;

	if (r->flags & ROUTE_FILE)
		return spool_read(rq);
	st = read_body(rq);
	if (st != OK || !(r->flags & ROUTE_JSON))
		return st;
	if (rq->body == NULL && (r->flags & ROUTE_OPTIONAL)) {
		rq->json = json_own(rq->cx.arena, json_object());
		return check_fields(rq);
	}
	if (!is_json_type(fcgi_param(rq->conn, "CONTENT_TYPE")))
		return fail(&rq->cx, E_UNSUPPORTED_MEDIA_TYPE, NULL);
	if (rq->body == NULL)
		return fail_field(&rq->cx, "body", "is missing");
	if ((st = parse_object(rq)) != OK)
		return st;
	return check_fields(rq);
}
