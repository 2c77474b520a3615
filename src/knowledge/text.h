/* Canonical texts, as they are kept: compressed with gzip, as objects (store/store.h). */
#ifndef WEIR_KNOWLEDGE_TEXT_H
#define WEIR_KNOWLEDGE_TEXT_H

#include "store/store.h"

/* Compress and place; then as store_place() says.  E_STORAGE_FULL, E_UNAVAILABLE. */
enum status text_place(struct context *cx, const char *text, size_t len, struct store_new *out) MUST_CHECK;
/* Code points [from, to) of a text, or as many of these as it has, into *out (in the arena, with a NUL).
 * E_NOT_FOUND, E_UNAVAILABLE.  Waits for a disk, and for a bucket where the text is nowhere else. */
enum status text_slice(
    struct context *cx, const struct store_object *o, int64_t from, int64_t to, const char **out) MUST_CHECK;

#endif
