/*
 * AWS Signature Version 4, as object stores check it: of a request's header, or of an
 * address that somebody else will ask for ("presigned").  Pure; any thread.
 *
 * Done by hand since libcurl 7.88 encodes the path and the query of some requests in
 * another way than it signs them.
 */
#ifndef WEIR_STORE_SIGV4_H
#define WEIR_STORE_SIGV4_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/crypto.h"

#define SIGV4_UNSIGNED "UNSIGNED-PAYLOAD"
#define SIGV4_DATE_LEN 17 /* "20130524T000000Z" and NUL */
#define SIGV4_PAIRS_MAX 16

struct sigv4_key {
	const char *access_key, *secret_key, *region;
};

/* Of a query or of headers. */
struct sigv4_pair {
	const char *name, *value;
};

struct sigv4_request {
	const char *method;
	const char *host; /* as in the Host header: with a port that is not the scheme's */
	const char *path; /* encoded once: sigv4_encode() */
	/* As they are, not encoded; at most SIGV4_PAIRS_MAX of each.  Headers: lower-case names,
	 * without host, x-amz-date and x-amz-content-sha256, which are added. */
	const struct sigv4_pair *query, *headers;
	size_t n_query, n_headers;
	const char *payload; /* SHA-256 of the body as hex, or SIGV4_UNSIGNED */
	int64_t at_s;	     /* now */
};

/* Time as x-amz-date writes it. */
void sigv4_date(int64_t at_s, char out[SIGV4_DATE_LEN]);
/* RFC 3986: all but A-Z a-z 0-9 - . _ ~ becomes %XX; `keep_slash` for a path.  In the arena. */
char *sigv4_encode(struct arena *a, const char *text, bool keep_slash);
/* The query as it is signed and has to be asked: encoded, sorted, without '?'.  In the arena. */
char *sigv4_query(struct arena *a, const struct sigv4_pair *query, size_t n);
/* The value of the Authorization header, in the arena. */
char *sigv4_authorization(struct arena *a, const struct sigv4_key *key, const struct sigv4_request *rq);
/* The query, signature included, with which `rq` may be asked for ttl_s seconds (7 days at most);
 * whoever asks has to send its `headers` as they are here.  Its payload is not looked at.  In the arena. */
char *sigv4_presign(struct arena *a, const struct sigv4_key *key, const struct sigv4_request *rq, int ttl_s);

#endif
