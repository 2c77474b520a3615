/*
 * What an operator has a channel say otherwise: header lines and members of the
 * body that are set, or taken out, on the way to the provider.  The last word,
 * after the wire's own and the client's.  Pure.
 */
#ifndef WEIR_WIRE_OVERRIDE_H
#define WEIR_WIRE_OVERRIDE_H

#include "base/arena.h"
#include "base/status.h"

#include <jansson.h>

#define OVERRIDE_MAX 32 /* headers, and members */

struct override_header {
	const char *name, *value; /* NULL value: the line is taken out */
};

struct override {
	const struct override_header *headers; /* ends with a NULL name; NULL: none */
	const char *const *names;	       /* of the members, NULL-terminated; NULL: none */
	const char *members;		       /* those that are set, as JSON: "a":1,"b":[2] */
	size_t members_len;
};

/* May operators say this?  NULL: yes; else why not, in English.  `headers`: {name: text or null};
 * `members`: {name: anything}; either may be NULL. */
const char *override_refuse(const json_t *headers, const json_t *members);
/* The same as a plain value in the arena.  NULL: nothing is said otherwise. */
const struct override *override_read(struct arena *a, const json_t *headers, const json_t *members);
/* The lines ("Name: value", NULL-terminated) with what `o` (NULL: nothing) says; in the arena, or
 * the same. */
const char *const *override_headers(struct arena *a, const struct override *o, const char *const *lines);
/* The same for a body, a JSON object.  False: it is none. */
bool override_body(struct arena *a, const struct override *o, const char **body, size_t *len) MUST_CHECK;

#endif
