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

/* All of a text into *out: it lives as long as the arena, outside its cap.  The same, and E_TOO_LARGE: it has more than
 * max_bytes. */
enum status text_whole(struct context *cx, const struct store_object *o, size_t max_bytes, const char **out) MUST_CHECK;

#endif
