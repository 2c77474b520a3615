/*
 * The piece of a text that shows why it was found.
 *
 * Pure, any thread.
 */
#ifndef WEIR_SEARCH_SNIPPET_H
#define WEIR_SEARCH_SNIPPET_H

#include <stddef.h>
#include "base/arena.h"
#include "search/terms.h"

enum {
	SNIPPET_CHARS = 160,
	SNIPPET_MARKS_MAX = 40,
};

/* Characters (code points) of a snippet: the first, and the one behind the last. */
struct snippet_mark {
	int from, to;
};

struct snippet {
	char *text; /* in the arena; on one line, with … where something was left out */
	struct snippet_mark marks[SNIPPET_MARKS_MAX];
	size_t count; /* in order, none touching another */
};

/* At most SNIPPET_CHARS characters of a well-formed text and two …, from a little before the place where most of the
 * words stand together; its beginning where none stands. */
void snippet_cut(struct arena *a, const char *text, const struct terms_wanted *wanted, struct snippet *out);

#endif
