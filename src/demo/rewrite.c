/* A question made of those before it and itself: what a small model does for Weir's searches, without thinking.
 * The contract is in answer.h. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "demo/answer.h"

/* The line at `at`, without blanks at its end. */
static void
put_line(struct buf *out, const char *at)
{
	size_t len = strcspn(at, "\n");

	while (len > 0 && at[len - 1] == ' ')
		len--;
	buf_add(out, at, len);
}

bool
answer_rewrite(struct buf *out, struct span text)
{
	static const char head[] = "Conversation:\n", mark[] = "\nLast question:\n", user[] = "\nUser: ";
	char *copy = xcalloc(1, text.len + 1), *last = NULL;

	memcpy(copy, text.at, text.len);
	if (strncmp(copy, head, sizeof head - 1) == 0)
		for (char *at = copy; (at = strstr(at, mark)) != NULL; at++)
			last = at;
	if (last != NULL) {
		*last = '\0';
		for (char *at = copy; (at = strstr(at, user)) != NULL;) {
			at += sizeof user - 1;
			put_line(out, at);
			buf_puts(out, " ");
		}
		last += sizeof mark - 1;
		put_line(out, last);
	}
	free(copy);
	return last != NULL;
}
