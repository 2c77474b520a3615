/* Providers: whom a channel may name (wire/quirks.h), as the API tells it.  Any thread. */
#ifndef WEIR_CATALOG_PROVIDERS_H
#define WEIR_CATALOG_PROVIDERS_H

#include <jansson.h>

#include "base/status.h"

/* [{name, label, wire, base_url, note}], with the note in that language, or null. */
json_t *providers_json(enum lang lang);

#endif
