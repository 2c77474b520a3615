/* Any text as terms, as chunks and as an answer with marks: literals stay within their quotes, chunks within the cap,
 * and a chunk is what its place says. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "search/chunk.h"
#include "search/cite.h"
#include "search/terms.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(x) \
	do { \
		if (!(x)) \
			abort(); \
	} while (0)

/* Quoted terms, each with its positions. */
static void
check_literal(const char *s)
{
	while (*s != '\0') {
		size_t len = 0;

		CHECK(*s++ == '\'');
		for (; *s != '\'' || s[1] == '\''; s++, len++) {
			CHECK(*s != '\0');
			s += *s == '\\' || *s == '\'';
		}
		CHECK(len > 0 && len <= TERM_MAX_BYTES && *++s == ':');
		s += strspn(s, ":,0123456789");
		CHECK(*s == '\0' || *s++ == ' ');
	}
}

static void
check_chunks(struct arena *a, const char *text, size_t len)
{
	struct chunk_rules rules = { .tokens = 20 + (int)(len % 60), .overlap_percent = (int)(len % 40) };
	struct chunk *chunks;
	int n = chunk_text(a, "Title", text, len, &rules, &chunks);

	for (int i = 0; i < n; i++) {
		const struct chunk *c = &chunks[i];
		size_t from = utf8_prefix(text, len, (size_t)c->c0), to = utf8_prefix(text, len, (size_t)c->c1);

		CHECK(to > from && c->body_len >= to - from && (i == 0 || c->c1 > chunks[i - 1].c1));
		CHECK(memcmp(c->body + c->body_len - (to - from), text + from, to - from) == 0);
		CHECK(chunk_tokens(c->body, c->body_len) <= rules.tokens * 8 / 5);
		CHECK(utf8_valid(c->body, c->body_len) && utf8_valid(c->heading, strlen(c->heading)));
	}
}

/* Marks stand behind what they mean, and a sentence is one of the text. */
static void
check_marks(struct arena *a, const char *text, size_t len)
{
	struct mark *marks;
	size_t n = cite_marks(a, text, 9, &marks), from, to;

	for (size_t i = 0; i < n; i++) {
		CHECK(marks[i].n >= 1 && marks[i].n <= 9 && marks[i].from <= marks[i].to && marks[i].to < len);
		CHECK(utf8_valid(text + marks[i].from, marks[i].to - marks[i].from));
		if (i < 4) {
			cite_sentence(a, text + marks[i].from, marks[i].to - marks[i].from, text, len, &from, &to);
			CHECK(from <= to && to <= len && utf8_valid(text + from, to - from));
		}
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a;
	const char *terms[TERMS_QUERY_MAX];
	char *text;

	if (size == 0 || size > 1u << 16 || !utf8_valid((const char *)data, size) || memchr(data, '\0', size) != NULL)
		return 0;
	a = arena_new(1u << 16, 1u << 28);
	text = arena_strndup(a, (const char *)data, size);
	check_literal(terms_tsvector(a, text, text));
	CHECK(terms_query(a, text, terms) <= TERMS_QUERY_MAX);
	check_chunks(a, text, size);
	check_marks(a, text, size);
	arena_free(a);
	return 0;
}
