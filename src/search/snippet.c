#include "search/snippet.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "search/script.h"

enum {
	BEFORE_CHARS = 40, /* as much of what stands before the first mark is shown */
	PLACES_MAX = 2048,
};

#define DOTS "\xe2\x80\xa6"

static bool
is_inside(char byte)
{
	return ((unsigned char)byte & 0xc0) == 0x80;
}

/* The byte that many characters behind `at`, or the end. */
static size_t
forward(const char *text, size_t len, size_t at, int chars)
{
	for (; chars > 0 && at < len; chars--)
		do
			at++;
		while (at < len && is_inside(text[at]));
	return at;
}

static size_t
back(const char *text, size_t at, int chars)
{
	for (; chars > 0 && at > 0; chars--)
		do
			at--;
		while (at > 0 && is_inside(text[at]));
	return at;
}

/* The place from which on the most of the words stand in as much as a snippet shows. */
static size_t
best(const char *text, size_t len, const struct terms_place *places, size_t n)
{
	size_t found = 0;
	int most = 0;

	for (size_t i = 0; i < n; i++) {
		size_t end = forward(text, len, places[i].from, SNIPPET_CHARS - BEFORE_CHARS);
		uint64_t seen = 0;

		for (size_t j = i; j < n && places[j].to <= end; j++)
			seen |= (uint64_t)1 << places[j].word % 64;
		if (__builtin_popcountll(seen) > most) {
			most = __builtin_popcountll(seen);
			found = i;
		}
	}
	return found;
}

/* Where it begins: behind a blank, if there is one before the mark. */
static size_t
begin_at(const char *text, size_t mark)
{
	size_t from = back(text, mark, BEFORE_CHARS);

	if (from == 0)
		return 0;
	for (size_t at = from; at < mark; at++)
		if (text[at] == ' ' || text[at] == '\n')
			return at + 1;
	return from;
}

static int
chars_between(const char *text, size_t from, size_t to)
{
	int n = 0;

	for (; from < to; from++)
		n += !is_inside(text[from]);
	return n;
}

static void
mark(struct snippet *out, int from, int to)
{
	struct snippet_mark *last = out->count == 0 ? NULL : &out->marks[out->count - 1];

	if (last != NULL && from <= last->to) {
		if (from < last->from) /* a part of a word comes after the whole */
			last->from = from;
		if (to > last->to)
			last->to = to;
	} else if (out->count < SNIPPET_MARKS_MAX)
		out->marks[out->count++] = (struct snippet_mark){ from, to };
}

void
snippet_cut(struct arena *a, const char *text, const struct terms_wanted *wanted, struct snippet *out)
{
	struct terms_place *places = ARENA_ARRAY(a, struct terms_place, PLACES_MAX);
	size_t len = strlen(text), n = terms_find(a, text, wanted, places, PLACES_MAX), from = 0, to, at;
	struct buf piece = BUF_INIT(0);
	int dots;

	*out = (struct snippet){ 0 };
	if (n > 0)
		from = begin_at(text, places[best(text, len, places, n)].from);
	to = forward(text, len, from, SNIPPET_CHARS);
	dots = from > 0;
	if (from > 0)
		buf_puts(&piece, DOTS);
	at = piece.len;
	buf_add(&piece, text + from, to - from);
	for (char *p = piece.data + at; p < piece.data + piece.len; p++)
		if ((unsigned char)*p < ' ')
			*p = ' ';
	if (to < len)
		buf_puts(&piece, DOTS);
	for (size_t i = 0; i < n; i++)
		if (places[i].from >= from && places[i].to <= to)
			mark(out, dots + chars_between(text, from, places[i].from),
			    dots + chars_between(text, from, places[i].to));
	out->text = arena_strndup(a, buf_str(&piece), piece.len);
	buf_free(&piece);
}
