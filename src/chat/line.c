#include "chat/line.h"

#include <string.h>

#include "base/utf8.h"

/* What models put around a line: as bytes, the longest first. */
static const char *const around[] = { "\xe2\x80\x9c", "\xe2\x80\x9d", "\xe2\x80\x98", "\xe2\x80\x99", "\xe3\x80\x8a",
	"\xe3\x80\x8b", "\xe3\x80\x8c", "\xe3\x80\x8d", "\xe3\x80\x82", "\xe3\x80\x80", "\"", "'", "`", "*", "#", "_",
	".", " ", "\t", "\r" };
static const char *const labels[] = { "Title:", "title:", "\xe6\xa0\x87\xe9\xa2\x98\xef\xbc\x9a",
	"\xe6\xa0\x87\xe9\xa2\x98:", "Question:", "Query:", "\xe9\x97\xae\xe9\xa2\x98\xef\xbc\x9a",
	"\xe9\x97\xae\xe9\xa2\x98:" };

static bool
strip_once(const char **text, size_t *len)
{
	for (size_t i = 0; i < sizeof(around) / sizeof(around[0]); i++) {
		size_t n = strlen(around[i]);

		if (*len >= n && memcmp(*text, around[i], n) == 0) {
			*text += n;
			*len -= n;
			return true;
		}
		if (*len >= n && memcmp(*text + *len - n, around[i], n) == 0) {
			*len -= n;
			return true;
		}
	}
	for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
		size_t n = strlen(labels[i]);

		if (*len >= n && memcmp(*text, labels[i], n) == 0) {
			*text += n;
			*len -= n;
			return true;
		}
	}
	return false;
}

char *
line_of_answer(struct arena *a, const char *answer, size_t chars)
{
	const char *thought = strstr(answer, "</think>"),
		   *text = thought == NULL ? answer : thought + strlen("</think>");
	size_t len = 0;
	char *line;

	if (thought == NULL && strncmp(answer, "<think>", 7) == 0)
		return NULL;
	while (len == 0 && *text != '\0') {
		text += strspn(text, "\r\n");
		len = strcspn(text, "\r\n");
		while (strip_once(&text, &len))
			;
		if (len == 0)
			text += strcspn(text, "\n");
	}
	if (len == 0 || !utf8_valid(text, len))
		return NULL;
	line = arena_strndup(a, text, utf8_prefix(text, len, chars));
	for (char *c = line; *c != '\0'; c++)
		if ((unsigned char)*c < 32 || *c == 127)
			*c = ' ';
	return line;
}
