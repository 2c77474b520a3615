/* The adapters of this build. */
#ifndef WEIR_HOUSE_WIRES_H
#define WEIR_HOUSE_WIRES_H

#include "wire/wire.h"

/* All of them, NULL-terminated, for provider_register(). */
const struct provider *const *providers_all(void);

#endif
