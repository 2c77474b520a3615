/* The API described: OpenAPI 3.1 (https://spec.openapis.org/oas/v3.1.0) from
 * the route table, the field tables, schemas.def and errors.def. */
#ifndef WEIR_CORE_OPENAPI_H
#define WEIR_CORE_OPENAPI_H

#include "core/request.h"

/* The document for `routes` (ends with a row without method), served at
 * `base_url`.  The caller owns the reference.  Any thread. */
json_t *openapi_document(const struct route *routes, const char *base_url);

#endif
