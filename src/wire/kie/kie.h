/* KIE: pictures and films of many makers, in tasks.  docs.kie.ai, read 2026-11. */
#ifndef WEIR_WIRE_KIE_H
#define WEIR_WIRE_KIE_H

#include "wire/media.h"

extern const struct media_wire media_kie;

#endif
