/* The kinds of task of this build: kinds.def. */
#ifndef WEIR_HOUSE_KINDS_H
#define WEIR_HOUSE_KINDS_H

#include "engine/kind.h"

/* All of them, NULL-terminated, for kinds_register(). */
const struct kind *const *kinds_all(void);

#endif
