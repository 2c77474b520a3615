/*
 * A request on its way through the stages and its handler: a context, and what
 * came over HTTP.  It lives in one arena, on one worker, until the answer is
 * sent or a stream takes over.  A function that takes `struct request` needs
 * HTTP; all others take its context.
 */
#ifndef WEIR_CORE_REQUEST_H
#define WEIR_CORE_REQUEST_H

#include "base/fields.h"
#include "core/context.h"

struct request;
struct fcgi_conn;
struct spool;
struct await;
struct dialect;

typedef enum status handler_fn(struct request *rq);

/* Who may call a route. */
enum caller { CALLER_ANYONE, CALLER_USER, CALLER_CLIENT, CALLER_ADMIN, CALLER_OPS };
/* Which rate limit a route counts against: rates.def. */
enum rate_class {
	RATE_NONE,
#define RATE(NAME, option) RATE_##NAME,
#include "core/rates.def"
#undef RATE
	RATE_CLASSES
};

#define ROUTE_JSON 1u	    /* takes a JSON object as its body */
#define ROUTE_IDEMPOTENT 2u /* honours Idempotency-Key: see core/idempotency.h */
#define ROUTE_STREAM 4u	    /* may end in a stream */
#define ROUTE_RAW 8u	    /* takes any body */
#define ROUTE_OPTIONAL 16u  /* the body may be absent */
#define ROUTE_PASSWORD 64u  /* computes a password's hash: takes a slot, see account/passwords.h */
#define ROUTE_BIG 128u	    /* its body stands beside the request's memory, and is freed with it */
#define ROUTE_FORM 256u	    /* takes a form with files: multipart/form-data */
#define ROUTE_CALL 512u	    /* opens a call of the relay: takes a place among the user's, see limits/slots.h */
#define ROUTE_FILE 32u	    /* takes a file, which is spooled to disk: files/uploads.h */

/* One row of handlers/routes.def. */
struct route {
	const char *method, *path; /* "/api/tasks/{task_id}/abort" */
	handler_fn *handler;
	enum caller caller;
	enum rate_class rate;
	const struct dialect *dialect; /* how its callers are talked to: wire/dialect.h */
	size_t body_cap_bytes;
	unsigned flags;
	const struct field *fields; /* NULL: no body fields */
	const char *reply;	    /* "200 Message": see schemas.def */
	const char *summary;	    /* for OpenAPI, weirctl routes */
	const char *name;	    /* handler name: metrics label */
};

#define PATH_PARAMS_MAX 4

struct slot_holder;

struct request {
	struct context cx;
	struct fcgi_conn *conn; /* NULL in tests */

	/* the request line and what the stages learned */
	const char *method, *path, *query; /* path without query, decoded only in path_params */
	const struct route *route;
	struct {
		const char *name, *value;
	} path_params[PATH_PARAMS_MAX];
	const char *span_id;
	const char *idempotency_key; /* NULL: none given */
	const char *body;	     /* NUL-terminated; NULL: none */
	size_t body_len;
	json_t *json;	     /* the checked body object; NULL unless ROUTE_JSON */
	struct spool *spool; /* the body, where it is a file: ROUTE_FILE */
	int64_t started_us;
	struct slot_holder *place;		/* of ROUTE_CALL; NULL: none was asked for */
	bool has_slot;				/* for password work: account/passwords.h */
	uint64_t pg_before_us, redis_before_us; /* what the worker's connections had spent before */

	/* the answer, unless cx.error is set */
	int http_status;
	const char *content_type;
	const char *reply; /* body; NULL: none */
	size_t reply_len;
	const char *cache_control; /* NULL: no-store */
	const char *extra_headers; /* "Name: value\r\n" lines, "" when none */
	/* of the tightest rate limit that it counted against; limit 0: none */
	struct {
		int64_t limit, remaining, reset_ms;
	} window;
	const char *common_headers; /* what every answer carries, for streams; set before the handler runs */
	/* Set by a handler that streams: called on the reactor after it returned
	 * OK; owns the connection from then on.  The request itself is freed. */
	void (*carry)(void *arg, struct fcgi_conn *conn);
	void *carry_arg;
	bool keep_arena; /* the stream took over the request's arena */
	/* engine/gather.h: until when it waits for credits that others hold, how long it paused last */
	struct {
		int64_t by_ms, pause_ms;
	} gather;
	/* Set by a handler that waits, for anything but PostgreSQL and Redis: see
	 * core/await.h.  It is answered later; the whole request lives on. */
	struct await *await;
};

/* A request header by its HTTP name ("Last-Event-ID"), or NULL. */
const char *request_header(const struct request *rq, const char *name);
/* A cookie's value, or NULL. */
const char *request_cookie(struct request *rq, const char *name);
/* Does rq->path match a route's pattern?  Fills rq->path_params, still encoded.  A
 * parameter ends with its segment, or at the last place in it where the text behind
 * the parameter stands: "/models/{model}:generateContent". */
bool request_match(struct request *rq, const char *pattern);
/* A path parameter, percent-decoded; never NULL for a name in the route. */
const char *path_text(struct request *rq, const char *name);
/* A path parameter that is a UUID, canonical; NULL otherwise: pass it on, every
 * *_find() answers E_NOT_FOUND for NULL. */
const char *path_uuid(struct request *rq, const char *name);
/* A path parameter that is a positive integer; 0 otherwise. */
int64_t path_int(struct request *rq, const char *name);
/* Percent-decoded text in the arena; NULL when it is malformed, no UTF-8 or
 * hides a NUL. */
char *percent_decode(struct arena *a, const char *s, size_t len, bool plus_is_space);
/* The opposite, in the arena: all but what RFC 3986 2.3 leaves as it is. */
char *percent_encode(struct arena *a, const char *text);
/* A query parameter, percent-decoded, or NULL. */
const char *query_text(struct request *rq, const char *name);
/* A query integer: `def` when absent; E_INVALID_REQUEST when out of bounds. */
enum status query_int(
    struct request *rq, const char *name, int64_t def, int64_t min, int64_t max, int64_t *out) MUST_CHECK;
/* A query UUID: NULL when absent; E_INVALID_REQUEST when malformed. */
enum status query_uuid(struct request *rq, const char *name, const char **out) MUST_CHECK;
bool query_bool(struct request *rq, const char *name, bool def);

#endif
