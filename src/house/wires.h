/* The wires of this build: wires.def. */
#ifndef WEIR_HOUSE_WIRES_H
#define WEIR_HOUSE_WIRES_H

#include "wire/wire.h"

/* All of them, NULL-terminated, for wires_register(). */
const struct wire *const *wires_all(void);

#endif
