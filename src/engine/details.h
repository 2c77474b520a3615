/*
 * What usage.metadata keeps of a call beside its columns, for whoever asks what it cost
 * and why: the lines of its bill, and the tries that failed.
 *
 *	{"lines": [{"meter", "units", "price", "per", "cost"}], "ratio", "tries": [{"channel", "model", "code", "status", "ms"}]}
 *
 * Each only where it says something: no lines where they do not add up to the cost (what
 * is charged by the call, or as something else), no ratio of 1, no tries where none failed.
 * Pure.
 */
#ifndef WEIR_ENGINE_DETAILS_H
#define WEIR_ENGINE_DETAILS_H

#include <jansson.h>

#include "engine/call.h"
#include "ledger/price.h"

/* Of a call that is over and used `usage`, which costs that much.  A new object. */
json_t *details_json(const struct call *c, const struct usage *usage, int64_t cost_ucr);

#endif
