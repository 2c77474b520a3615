/* What weir-worker does: sweeps.def. */
#ifndef WEIR_HOUSE_SWEEPS_H
#define WEIR_HOUSE_SWEEPS_H

#include "core/sweep.h"

extern const struct sweep sweeps[]; /* ends with a row without name */
enum {
#define SWEEP(name, every_ms, fn) SWEEP_##name,
#include "house/sweeps.def"
#undef SWEEP
	SWEEPS
};

#endif
