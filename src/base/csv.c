#include "base/csv.h"

#include <string.h>

/* "=1+1" and the like; but "-12.5" is a number. */
static bool
is_formula(const char *text)
{
	if (*text == '-' || *text == '+')
		return text[1 + strspn(text + 1, "0123456789.")] != '\0';
	return *text == '=' || *text == '@' || *text == '\t' || *text == '\r';
}

void
csv_add(struct buf *b, const char *text)
{
	if (b->len > 0 && b->data[b->len - 1] != '\n')
		buf_puts(b, ",");
	buf_puts(b, "\"");
	if (text != NULL && is_formula(text))
		buf_puts(b, "'");
	for (const char *p = text == NULL ? "" : text; *p != '\0'; p++) {
		if (*p == '"')
			buf_puts(b, "\"");
		buf_add(b, p, 1);
	}
	buf_puts(b, "\"");
}

void
csv_end(struct buf *b)
{
	buf_puts(b, "\r\n");
}
