/*
 * h1 -- the HTTP/1.x request reader of weir-demo: bytes in, a request out.
 *
 * Pure functions over a buffer, no I/O, any thread. Accepts what a client of
 * RFC 9112 sends: Content-Length or chunked bodies, HTTP/1.0 and 1.1,
 * keep-alive, pipelined requests one after the other.
 */
#ifndef WEIR_DEMO_H1_H
#define WEIR_DEMO_H1_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

#define H1_HEAD_MAX_BYTES (64u << 10)
#define H1_BODY_MAX_BYTES (64u << 20)
#define H1_HEADERS_MAX 64

/* A piece of the caller's buffer. */
struct span {
	const char *at;
	size_t len;
};

struct h1_header {
	struct span name, value; /* value without white space around it */
};

struct h1_request {
	struct span method;
	struct span path;  /* without the query */
	struct span query; /* after its question mark, or empty */
	bool is_http10;
	bool keep_alive;
	bool expects_continue;
	bool chunked;
	size_t head_bytes;     /* request line and headers */
	size_t content_length; /* when not chunked */
	struct h1_header headers[H1_HEADERS_MAX];
	size_t header_count;
};

enum h1_result {
	H1_OK,
	H1_MORE,     /* not all of it is here yet */
	H1_BAD,	     /* not HTTP: answer 400 and close */
	H1_TOO_LONG, /* head or body over its cap: answer 413 and close */
};

/* Parse the request line and headers at the start of bytes. On H1_OK every
 * span of *rq points into bytes. */
enum h1_result h1_parse_head(const char *bytes, size_t len, struct h1_request *rq);

/* Find the end of a chunked body that starts at bytes. On H1_OK *body_bytes
 * is the sum of its chunks and *wire_bytes its length on the wire. */
enum h1_result h1_chunked_extent(const char *bytes, size_t len, size_t *body_bytes, size_t *wire_bytes);

/* Copy the data of a complete chunked body (as h1_chunked_extent() accepted
 * it) to out, which has room for its body_bytes. */
void h1_chunked_copy(const char *bytes, char *out);

/* The value of a header by its lower-case name; at is NULL when absent. */
struct span h1_header(const struct h1_request *rq, const char *name);

/* The value of a name in the query, as it was sent; at is NULL when absent. */
struct span h1_query(const struct h1_request *rq, const char *name);

/* Append text with its %XX decoded. */
void h1_decode(struct buf *out, struct span text);

/* span equals a NUL-terminated text, exactly or without regard to case. */
bool span_is(struct span s, const char *text);
bool span_is_nocase(struct span s, const char *text);

#endif
