/* Base URLs of providers, as people write them.  Pure. */
#ifndef WEIR_WIRE_URL_H
#define WEIR_WIRE_URL_H

#include "base/arena.h"

/* One of them taken apart; all lies in its text. */
struct url {
	const char *base; /* without the slashes at its end, and without a query */
	size_t len;
	const char *path; /* of it, from its "/" on; path_len 0: there is none */
	size_t path_len;
	const char *query; /* from its "?" on; "": none */
};

/* Take it apart; false when it is no http(s) URL: NULL, without a host, or with characters
 * that none has, or with a fragment, which no server would see. */
bool url_read(const char *text, struct url *out) MUST_CHECK;
/* Do these bytes end so? */
bool url_ends(const char *at, size_t len, const char *tail);
/* Has its path a segment like v1, v3 or v1beta; or has its last one such a name? */
bool url_has_version(const struct url *url);
bool url_ends_in_version(const struct url *url);
/* The base, what is put behind it, and the query. */
const char *url_join(struct arena *a, const struct url *url, const char *behind);

#endif
