/* Comma-separated values (RFC 4180), for exports that people open in a spreadsheet. */
#ifndef WEIR_BASE_CSV_H
#define WEIR_BASE_CSV_H

#include "base/buf.h"

/* One value more in the line; NULL is an empty one.  Text a spreadsheet would take for
 * a formula gets an apostrophe in front; numbers stay as they are. */
void csv_add(struct buf *b, const char *text);
/* The line is over. */
void csv_end(struct buf *b);

#endif
