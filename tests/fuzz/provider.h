/*
 * What an upstream sends, read by its wire: what fuzz_provider_*.c have in common.
 */
#ifndef WEIR_FUZZ_PROVIDER_H
#define WEIR_FUZZ_PROVIDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/*
 * An upstream may send anything.  The first byte of the input says whether the rest is a
 * stream and how it is sliced.  The events of a chat's answer must not depend on the slicing;
 * texts must be UTF-8 without NUL, calls numbered in their order and named once, and nothing
 * follows a failure.  The same bytes are read as the body of an error, too.
 * `whole_calls`: the wire tells the arguments of a call at once, which are a JSON object.
 * Aborts where one of it is not so; else 0, for libFuzzer.
 */
int provider_read(const struct wire *w, bool whole_calls, const uint8_t *data, size_t size);

#endif
