/* Identifiers: UUIDs (RFC 9562) as canonical lower-case text, made by us as
 * version 7 so that they sort by time in indexes. */
#ifndef WEIR_BASE_IDS_H
#define WEIR_BASE_IDS_H

#include <stdbool.h>
#include <stddef.h>

#define UUID_LEN 37 /* 36 characters and NUL */

/* A new version 7 UUID.  Any thread. */
void uuid_v7(char out[UUID_LEN]);
/* Copy `text` canonically (lower case) to `out`; false when it is not a UUID, as NULL is not. */
bool uuid_parse(const char *text, char out[UUID_LEN]);
/* True when `id` is fit to be logged and echoed as a request id: 8-64
 * characters of [A-Za-z0-9._-]. */
bool request_id_is_sane(const char *id);

#endif
