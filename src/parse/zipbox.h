/*
 * An archive that a stranger made (libzip): an entry is read whole, within bounds that
 * are counted by what comes out, not by what the archive says of itself.
 */
#ifndef WEIR_PARSE_ZIPBOX_H
#define WEIR_PARSE_ZIPBOX_H

#include <stdbool.h>
#include <stddef.h>

#include "parse/doc.h"

#define ZIP_ENTRIES_MAX 10000
#define ZIP_TOTAL_MAX_BYTES ((size_t)64 << 20) /* of all entries that are read, and so of each */
#define ZIP_RATIO_MAX 200
#define ZIP_RATIO_FROM_BYTES ((size_t)4 << 20) /* below this any ratio will do */

struct zipbox;

/* The archive in d->fd, which stays open.  NULL: d has the detail, *code the reason.
 * The caller frees it, before it closes the file. */
struct zipbox *zipbox_open(struct doc *d, enum code *code);
void zipbox_free(struct zipbox *z);
bool zipbox_has(struct zipbox *z, const char *name);
/* An entry, followed by a NUL that is not counted; the caller frees it.  NULL: it is not
 * there, or zipbox_code() says what is wrong. */
char *zipbox_read(struct zipbox *z, const char *name, size_t *len);
/* What went wrong so far; CODE_OK. */
enum code zipbox_code(const struct zipbox *z);

#endif
