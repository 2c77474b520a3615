#include "wire/value.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* A count above this is a mistake, not a bill. */
#define TOKENS_MAX 1000000000
#define NUMBER_BYTES 64 /* of its text: JSON sets no bound, but nobody means more */

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

/* The number that was just skipped; false: it was none.  `from`: before it. */
static bool
number_of(const struct scan *s, const char *from, double *out)
{
	char text[NUMBER_BYTES], *end;
	size_t len;

	while (from < s->at && strchr(" \t\r\n", *from) != NULL)
		from++;
	len = (size_t)(s->at - from);
	if (s->is_wrong || len == 0 || len >= sizeof(text) || (*from != '-' && (*from < '0' || *from > '9')))
		return false;
	memcpy(text, from, len);
	text[len] = '\0';
	*out = strtod(text, &end); /* the programs keep the locale "C" */
	return isfinite(*out);
}

void
value_units(struct scan *s, int64_t *out)
{
	const char *from = s->at;
	double n;

	scan_skip(s);
	*out = number_of(s, from, &n) && n >= 0 && n <= TOKENS_MAX ? (int64_t)n + (n > (double)(int64_t)n) : -1;
}

bool
value_floats(struct scan *s, float **values, size_t *n, size_t max)
{
	size_t room = *n;
	bool ok = true;
	double number;

	if (!scan_array(s))
		return false;
	while (scan_element(s)) {
		const char *from = s->at;

		scan_skip(s);
		if (!ok || *n == max || !number_of(s, from, &number) || fabs(number) > (double)FLT_MAX) {
			ok = false;
			continue;
		}
		if (*n == room) {
			room = room < 1024 ? 1024 : 2 * room;
			*values = xrealloc(*values, room * sizeof(**values));
		}
		(*values)[(*n)++] = (float)number;
	}
	return ok;
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
