#include "search/cite.h"

#include <string.h>

#include "search/chunk.h"
#include "search/terms.h"

enum {
	MARKS_MAX = 200,
	UNCLOSED_MAX = 32,
};

#define OPEN_WIDE "\xe3\x80\x90"  /* 【 */
#define CLOSE_WIDE "\xe3\x80\x91" /* 】 */

/* The numbers of a mark at `s`, as in [1] or [2, 3]: its length, or 0. */
static size_t
read_mark(const char *s, int numbers[8], int *n)
{
	bool wide = strncmp(s, OPEN_WIDE, 3) == 0;
	const char *at = s + (wide ? 3 : 1);

	*n = 0;
	if (!wide && *s != '[')
		return 0;
	for (;;) {
		int number = 0, digits = 0;

		while (*at == ' ')
			at++;
		for (; *at >= '0' && *at <= '9' && digits < 3; at++, digits++)
			number = number * 10 + (*at - '0');
		if (digits == 0 || *n == 8)
			return 0;
		numbers[(*n)++] = number;
		while (*at == ' ')
			at++;
		if (*at == ',')
			at++;
		else
			break;
	}
	if (wide)
		return strncmp(at, CLOSE_WIDE, 3) == 0 ? (size_t)(at + 3 - s) : 0;
	/* [1](address) and [1]: are links. */
	return *at == ']' && at[1] != '(' && at[1] != ':' ? (size_t)(at + 1 - s) : 0;
}

/* Past the code that begins at text[at], between as many backquotes. */
static size_t
skip_code(const char *text, size_t at)
{
	size_t ticks = strspn(text + at, "`");

	for (size_t end = at + ticks; text[end] != '\0'; end++) {
		size_t n = strspn(text + end, "`");

		if (n == ticks)
			return end + n;
		end += n > 0 ? n - 1 : 0;
	}
	return at + ticks;
}

size_t
cite_marks(struct arena *a, const char *text, int most, struct mark **out)
{
	struct mark *marks = ARENA_ARRAY(a, struct mark, MARKS_MAX);
	size_t count = 0, claim = 0, claim_end = 0, end = 0, len;
	int unclosed = 0; /* backquotes: whoever leaves many open is not searched for each */

	for (size_t at = 0; text[at] != '\0';) {
		int numbers[8], n;

		if (text[at] == '`') {
			size_t ticks = strspn(text + at, "`"),
			       behind = unclosed < UNCLOSED_MAX ? skip_code(text, at) : at + ticks;

			unclosed += behind == at + ticks;
			at = behind;
			continue;
		}
		if ((len = read_mark(text + at, numbers, &n)) == 0 ||
		    (at > 0 && text[at] == '[' && text[at - 1] == '!')) {
			at++;
			continue;
		}
		/* Marks in a row mean the same. */
		if (strspn(text + end, " ") < at - end || count == 0) {
			claim = chunk_last_sentence(text, end, at);
			claim_end = at;
		}
		for (int i = 0; i < n; i++)
			if (numbers[i] >= 1 && numbers[i] <= most && count < MARKS_MAX)
				marks[count++] = (struct mark){ .n = numbers[i], .from = claim, .to = claim_end };
		at += len;
		end = at;
	}
	*out = marks;
	return count;
}

/* How many of the words are in a sentence. */
static int
shared(struct arena *a, const char *const *terms, size_t n, const char *sentence)
{
	const char *there[TERMS_QUERY_MAX];
	size_t m = terms_query(a, sentence, there);
	int both = 0;

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < m; k++)
			if (strcmp(terms[i], there[k]) == 0) {
				both++;
				break;
			}
	return both;
}

int
cite_sentence(
    struct arena *a, const char *claim, size_t claim_len, const char *body, size_t body_len, size_t *from, size_t *to)
{
	const char *terms[TERMS_QUERY_MAX];
	size_t n = terms_query(a, arena_strndup(a, claim, claim_len), terms);
	int best = -1;

	*from = 0;
	*to = body_len;
	for (size_t at = 0, begin, end; chunk_next_sentence(body, body_len, &at, &begin, &end);) {
		int both = shared(a, terms, n, arena_strndup(a, body + begin, end - begin));

		if (both > best) {
			best = both;
			*from = begin;
			*to = end;
		}
	}
	return best < 0 ? 0 : best;
}
