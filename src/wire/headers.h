/* The header lines of a request to a provider.  Pure. */
#ifndef WEIR_WIRE_HEADERS_H
#define WEIR_WIRE_HEADERS_H

#include "wire/wire.h"

#define HEADERS_LINES_MAX 4 /* of a wire's, or a client's */

/* What every wire says, NULL-terminated, in the arena: the types, `lines` (NULL-terminated
 * and checked; at most HEADERS_LINES_MAX are taken; NULL: none), the key behind `key_name`
 * ("x-api-key: "), and whose request it is.  NULL when a value would end its line. */
const char *const *headers_make(
    struct arena *a, const struct wire_target *to, const char *key_name, const char *const *lines);
/* The same of a request, or for an answer, that is no JSON: their types. */
const char *const *headers_make_as(struct arena *a, const struct wire_target *to, const char *type, const char *accept,
    const char *key_name, const char *const *lines);

#endif
