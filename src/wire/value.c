#include "wire/value.h"

#include <string.h>

/* A count above this is a mistake, not a bill. */
#define TOKENS_MAX 1000000000

bool
value_object(struct scan *s)
{
	if (scan_object(s))
		return true;
	scan_skip(s);
	return false;
}

void
value_string(struct scan *s, struct scan_text *out)
{
	if (!scan_string(s, out))
		scan_skip(s);
}

void
value_count(struct scan *s, int64_t *out)
{
	int64_t n = -1;

	if (!scan_integer(s, &n))
		scan_skip(s);
	*out = n >= 0 && n <= TOKENS_MAX ? n : -1;
}

bool
value_was(const struct scan *s, const char *word)
{
	size_t len = strlen(word);

	/* Before a value stand at least a bracket, and a name where it is a member. */
	return !s->is_wrong && memcmp(s->at - len, word, len) == 0;
}

bool
value_says(struct scan *s)
{
	scan_skip(s);
	return !s->is_wrong && !value_was(s, "null") && !value_was(s, "false");
}

bool
value_is_object(const char *json, size_t len)
{
	struct scan s, whole;

	scan_init(&s, json, len);
	whole = s;
	scan_skip(&whole);
	return scan_end(&whole) && scan_object(&s);
}
