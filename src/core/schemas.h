/* schemas.def as JSON schemas, for the OpenAPI document.  Any thread. */
#ifndef WEIR_CORE_SCHEMAS_H
#define WEIR_CORE_SCHEMAS_H

#include <jansson.h>

/* {Name: schema} of every row; the caller owns the reference. */
json_t *schemas_all(void);
/* The response object of a route's reply column ("200 page Message"), its
 * status to `status` ("200"); the caller owns the reference. */
json_t *schemas_reply(const char *reply, char status[4]);

#endif
