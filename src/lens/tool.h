/* A program of the system that reads a picture or film, run within bounds. */
#ifndef WEIR_LENS_TOOL_H
#define WEIR_LENS_TOOL_H

#include <stdbool.h>
#include <stddef.h>

#define TOOL_ARGS_MAX 40

/* Is there such a program? */
bool tool_is_there(const char *name);
/* Run it with those arguments (the last NULL), the file at `in` as its standard input, read from its start; what it
 * says goes to the descriptor `out`, its complaints to ours.  True: it ended well. */
bool tool_run(const char *name, const char *const *args, int in, int out);
/* The same; what it says goes to `text`, a string cut at `size`. */
bool tool_ask(const char *name, const char *const *args, int in, char *text, size_t size);

#endif
