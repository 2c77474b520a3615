/* A copy of a file with the mark of what a machine has made (lens/label.h). */
#ifndef WEIR_LENS_MARKED_H
#define WEIR_LENS_MARKED_H

#include <stdbool.h>

/* To the descriptor `out`, which is empty.  Films are not held in memory.  False: its type cannot be marked, it is damaged
 * or too large; standard error says why, and what was written is of no use. */
bool marked_copy(const char *type, int in, int out, const char *aigc);

#endif
