/* The API described: OpenAPI 3.1 (https://spec.openapis.org/oas/v3.1.0) from
 * the route table, the field tables, schemas.def and errors.def. */
#ifndef WEIR_CORE_OPENAPI_H
#define WEIR_CORE_OPENAPI_H

#include "core/request.h"

/* The document as it is sent. */
struct openapi_text {
	const char *json, *gzip;
	size_t json_len, gzip_len;
	char etag[20]; /* "..." with its quotes: names the content, whatever its encoding */
};
/* The document for `routes` (ends with a row without method), served at
 * `base_url`.  It says the same as long as the process lives: made at the first
 * call, kept to the end.  Any thread. */
const struct openapi_text *openapi_text(const struct route *routes, const char *base_url);

#endif
