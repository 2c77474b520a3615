/*
 * A request on its way through the stages and its handler.  It lives in one
 * arena, on one worker, until the answer is sent or a stream takes over.
 */
#ifndef WEIR_CORE_REQUEST_H
#define WEIR_CORE_REQUEST_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/conf.h"
#include "base/fields.h"
#include "base/ids.h"
#include "base/status.h"
#include "io/pg.h"
#include "io/redis.h"

struct request;
struct fcgi_conn;
struct process;
struct upload_spool;

typedef enum status handler_fn(struct request *rq);

/* Who may call a route. */
enum caller { CALLER_ANYONE, CALLER_USER, CALLER_ADMIN, CALLER_OPS };
/* Which rate limit a route counts against (limits_rate_* in config.def). */
enum rate_class {
	RATE_NONE,
	RATE_READ,
	RATE_WRITE,
	RATE_LOGIN,
	RATE_STREAM,
	RATE_REGENERATE,
	RATE_IMAGE,
	RATE_VIDEO,
	RATE_ADMIN,
	RATE_CLASSES
};

#define ROUTE_JSON 1u	    /* takes a JSON object as its body */
#define ROUTE_IDEMPOTENT 2u /* honours Idempotency-Key: see core/idempotency.h */
#define ROUTE_STREAM 4u	    /* may end in a stream */
#define ROUTE_RAW 8u	    /* takes any body */
#define ROUTE_OPTIONAL 16u  /* the body may be absent */
#define ROUTE_FILE 32u	    /* takes a file, which is spooled to disk: files/uploads.h */

/* One row of handlers/routes.def. */
struct route {
	const char *method, *path; /* "/api/tasks/{task_id}/abort" */
	handler_fn *handler;
	enum caller caller;
	enum rate_class rate;
	size_t body_cap_bytes;
	unsigned flags;
	const struct field *fields; /* NULL: no body fields */
	const char *reply;	    /* "200 Message": see schemas.def */
	const char *summary;	    /* for OpenAPI, weirctl routes */
	const char *name;	    /* handler name: metrics label */
};

/* Who is calling: filled by the auth stage; user_id NULL when nobody signed in. */
struct principal {
	const char *user_id, *session_id;
	bool admin;
};

#define PATH_PARAMS_MAX 4

struct request {
	struct arena *arena;
	const struct conf *conf;
	struct process *process; /* the responder this runs in: core/process.h */
	struct pg *pg;
	struct redis *redis;
	struct fcgi_conn *conn; /* NULL in tests and weirctl */

	/* the request line and what the stages learned */
	const char *method, *path, *query; /* path without query, decoded only in path_params */
	const struct route *route;
	struct {
		const char *name, *value;
	} path_params[PATH_PARAMS_MAX];
	const char *request_id, *trace_id, *span_id, *traceparent, *client_ip;
	const char *user_agent;	     /* at most 500 characters of UTF-8; NULL: none */
	const char *idempotency_key; /* NULL: none given */
	struct principal caller;
	enum lang lang;
	const char *body; /* NUL-terminated; NULL: none */
	size_t body_len;
	json_t *json;		    /* the checked body object; NULL unless ROUTE_JSON */
	struct upload_spool *spool; /* the body, where it is a file: ROUTE_FILE */
	int64_t started_us;
	uint64_t pg_before_us, redis_before_us; /* what the worker's connections had spent before */

	/* the answer */
	int http_status;
	enum status error;   /* what fail() was told */
	const char *message; /* localized text of the error */
	const char *log_detail;
	json_t *details; /* of the error; owned */
	const char *content_type;
	const char *reply; /* body; NULL: none */
	size_t reply_len;
	const char *cache_control;  /* NULL: no-store */
	const char *extra_headers;  /* "Name: value\r\n" lines, "" when none */
	const char *common_headers; /* what every answer carries, for streams; set before the handler runs */
	/* Set by a handler that streams: called on the reactor after it returned
	 * OK; owns the connection from then on.  The request itself is freed. */
	void (*carry)(void *arg, struct fcgi_conn *conn);
	void *carry_arg;
	bool keep_arena; /* the stream took over the request's arena */
};

/* End the request with an error: sets status, code, localized text and the log
 * detail (printf, English, may be NULL); returns `st` so that handlers write
 * `return fail(rq, E_NOT_FOUND, "conversation %s", id);`.  Worker. */
enum status fail(struct context *cx, enum status st, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* The same, with "details"; takes over the reference. */
enum status fail_with(struct context *cx, enum status st, json_t *details, const char *fmt, ...) PRINTF_LIKE(4, 5);
/* E_INVALID_REQUEST naming a field: details.field and details.problem. */
enum status fail_field(struct context *cx, const char *field, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Replace the localized text (both languages given; printf-free). */
void fail_message(struct context *cx, const char *en, const char *zh);

/* Flags for json_dumps() of whatever leaves: 15 digits, so that 0.1 stays 0.1
 * and credits are exact up to a thousand million. */
#define JSON_WIRE (JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15))

/* Credits as the decimal number of the API. */
json_t *json_credits(int64_t ucr);

/* Answer with JSON; takes over the reference.  Returns OK (E_INTERNAL when NULL). */
enum status reply_json(struct request *rq, int http_status, json_t *body);
/* Answer with text of a type; `text` must live in the arena or be static. */
enum status reply_text(struct request *rq, int http_status, const char *content_type, const char *text);
/* 204. */
enum status reply_empty(struct request *rq);
/* {"items":[...],"has_more":bool}; takes over `items`. */
enum status reply_list(struct request *rq, json_t *items, bool has_more);
/* Add a response header. */
void reply_header(struct request *rq, const char *name, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* A json_t that dies with the arena. */
json_t *json_own(struct arena *a, json_t *j);

/* A request header by its HTTP name ("Last-Event-ID"), or NULL. */
const char *request_header(const struct request *rq, const char *name);
/* A cookie's value, or NULL. */
const char *request_cookie(struct request *rq, const char *name);
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
/* A query parameter, percent-decoded, or NULL. */
const char *query_text(struct request *rq, const char *name);
/* A query integer: `def` when absent; E_INVALID_REQUEST when out of bounds. */
enum status query_int(
    struct request *rq, const char *name, int64_t def, int64_t min, int64_t max, int64_t *out) MUST_CHECK;
/* A query UUID: NULL when absent; E_INVALID_REQUEST when malformed. */
enum status query_uuid(struct request *rq, const char *name, const char **out) MUST_CHECK;
bool query_bool(struct request *rq, const char *name, bool def);

#endif
