#include "demo/meaning.h"

#include <math.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unicase.h>
#include <uninorm.h>

#include "base/buf.h"
#include "base/memory.h"
#include "demo/script.h"

enum {
	COORDINATES = 6,     /* of each feature */
	WORD_BYTES = 64,     /* of which a word is told by */
	HAN_WORD_BYTES = 12, /* four characters */
	WORDS_MAX = 1024,    /* of all concepts */
	WEIGHT_CONCEPT = 24,
	WEIGHT_WORD = 10,
	WEIGHT_PAIR = 5,
	WEIGHT_TRIGRAM = 2,
	WEIGHT_HAN = 1,
	WEIGHT_HAN_TWO = 5,
	WEIGHT_HAN_THREE = 4,
};

/* What features are hashed by, beside their text. */
enum feature {
	FEATURE_WORD,
	FEATURE_PAIR,
	FEATURE_TRIGRAM,
	FEATURE_HAN,
	FEATURE_CONCEPT,
};

struct found {
	uint64_t hash;
	uint32_t weight, times;
};

/* The features of a text, in a table of open addresses. */
struct features {
	struct found *rows;
	size_t count, room; /* a power of two */
};

static const char *const concepts[] = {
#define CONCEPT(words) words,
#include "demo/concepts.def"
#undef CONCEPT
};

static const char *const stop_words =
    " a about an and any are as at be been but by can could do does for from had has have how i "
    "if in into is it its may me my no not of on or our should so such than that the their "
    "them then there these they this those to was we were what when where which who why "
    "will with would you your ";

static void
note(struct features *f, enum feature kind, const char *text, size_t len, uint32_t weight)
{
	uint64_t hash = script_hash((uint64_t)kind + 11, text, len);
	size_t at;

	if (2 * f->count >= f->room) {
		struct found *old = f->rows;
		size_t room = f->room;

		f->room = room > 0 ? room * 2 : 256;
		f->rows = xmalloc(f->room * sizeof *f->rows);
		memset(f->rows, 0, f->room * sizeof *f->rows);
		for (size_t i = 0; i < room; i++)
			if (old[i].times > 0) {
				at = (size_t)old[i].hash & (f->room - 1);
				while (f->rows[at].times > 0)
					at = (at + 1) & (f->room - 1);
				f->rows[at] = old[i];
			}
		free(old);
	}
	at = (size_t)hash & (f->room - 1);
	while (f->rows[at].times > 0 && f->rows[at].hash != hash)
		at = (at + 1) & (f->room - 1);
	f->count += f->rows[at].times == 0;
	f->rows[at].hash = hash;
	f->rows[at].weight = weight;
	f->rows[at].times++;
}

/* ---- words ---------------------------------------------------------------- */

/* Cut common endings, so that forms of a word agree; no dictionary, so short words stay. */
static size_t
stem(const char *word, size_t len)
{
	static const char *const endings[] = { "ation", "ing", "ion", "er", "ed", "ly", "e", "y" };

	if (len >= 6 && memcmp(word + len - 3, "ies", 3) == 0)
		return len - 3;
	if (len >= 4 && word[len - 1] == 's' && word[len - 2] != 's')
		len--;
	for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
		size_t n = strlen(endings[i]);

		if (len >= n + 3 && memcmp(word + len - n, endings[i], n) == 0)
			return len - n;
	}
	return len;
}

static bool
is_stop(const char *word, size_t len)
{
	for (const char *at = stop_words; (at = strstr(at, " ")) != NULL && at[1] != '\0'; at++)
		if (strncmp(at + 1, word, len) == 0 && at[1 + len] == ' ')
			return true;
	return false;
}

/* A word of a concept, stemmed where it is no Han. */
struct known {
	const char *word;
	size_t len;
	int concept;
};

static struct known known[WORDS_MAX];
static size_t n_known;
static pthread_once_t known_once = PTHREAD_ONCE_INIT;

static int
compare_known(const void *a, const void *b)
{
	const struct known *x = a, *y = b;
	int order = memcmp(x->word, y->word, x->len < y->len ? x->len : y->len);

	return order != 0 ? order : (x->len > y->len) - (x->len < y->len);
}

/* The words of all concepts, sorted. */
static void
know(void)
{
	for (size_t i = 0; i < sizeof concepts / sizeof *concepts; i++)
		for (const char *at = concepts[i]; *at != '\0' && n_known < WORDS_MAX; at += *at == ' ') {
			size_t len = strcspn(at, " ");

			known[n_known++] = (struct known){
				.word = at, .len = (unsigned char)*at < 0x80 ? stem(at, len) : len, .concept = (int)i
			};
			at += len;
		}
	qsort(known, n_known, sizeof *known, compare_known);
}

static int
find_concept(const char *word, size_t len)
{
	struct known wanted = { .word = word, .len = len };
	const struct known *found = bsearch(&wanted, known, n_known, sizeof *known, compare_known);

	return found == NULL ? -1 : found->concept;
}

/* The concept that a word names, or -1.  `len` of Han is what is left of its run: the longest
 * word that begins there. */
static int
concept_of(const char *text, size_t len, bool is_han)
{
	int found = -1;

	pthread_once(&known_once, know);
	if (!is_han)
		return find_concept(text, len);
	len = len < HAN_WORD_BYTES ? len : HAN_WORD_BYTES;
	for (; found < 0 && len >= 3; len -= 3)
		found = find_concept(text, len);
	return found;
}

static void
note_concept(struct features *f, int concept)
{
	unsigned of = (unsigned)concept;
	char number[2] = { (char)(of & 0xff), (char)(of >> 8) };

	if (concept >= 0)
		note(f, FEATURE_CONCEPT, number, sizeof number, WEIGHT_CONCEPT);
}

/* What is told of each word and each pair of characters. */
typedef void word_fn(void *arg, const char *word, size_t len, bool is_han, size_t left);

static size_t
sequence(const char *s)
{
	unsigned char c = (unsigned char)*s;

	return c < 0xc0 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}

static bool
is_han(const char *s)
{
	unsigned char c = (unsigned char)*s, d = (unsigned char)s[c >= 0xc0];

	/* U+3041-U+9FFF, Hangul, and what is past the first plane and no picture. */
	return (c == 0xe3 && d >= 0x81) || (c >= 0xe4 && c <= 0xe9) ||
	    (c >= 0xea && c <= 0xed && d >= 0x80 && c != 0xea) || (c == 0xea && d >= 0xb0) || (c == 0xf0 && d >= 0xa0);
}

static bool
is_letter(const char *s)
{
	unsigned char c = (unsigned char)*s;

	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c >= 0xc3 && c <= 0xe1);
}

/* Tell the words of folded text: letters together, characters of Han one by one with what is
 * left of their run. */
static void
each_word(const char *s, size_t len, word_fn *fn, void *arg)
{
	for (size_t at = 0, n; at < len; at += n) {
		n = sequence(s + at);
		if (n > len - at)
			return;
		if (is_han(s + at)) {
			size_t left = n;

			while (at + left < len && is_han(s + at + left) && at + left + sequence(s + at + left) <= len)
				left += sequence(s + at + left);
			fn(arg, s + at, n, true, left);
		} else if (is_letter(s + at)) {
			while (at + n < len && is_letter(s + at + n) && at + n + sequence(s + at + n) <= len)
				n += sequence(s + at + n);
			fn(arg, s + at, n, false, n);
		}
	}
}

/* NFKC, case folded; to be freed. */
static char *
fold(const char *text, size_t len, size_t *out_len)
{
	uint8_t *made = u8_casefold((const uint8_t *)text, len, NULL, UNINORM_NFKC, NULL, out_len);
	char *copy;

	if (made == NULL) {
		copy = xmalloc(len + 1);
		memcpy(copy, text, len);
		*out_len = len;
	} else {
		copy = xmalloc(*out_len + 1);
		memcpy(copy, made, *out_len);
		free(made);
	}
	copy[*out_len] = '\0';
	return copy;
}

/* ---- vectors -------------------------------------------------------------- */

struct reading {
	struct features features;
	char before[WORD_BYTES]; /* the word before, stemmed */
	size_t before_len;
};

static void
read_han(struct reading *rd, const char *at, size_t len, size_t left)
{
	size_t two = len + (left > len ? sequence(at + len) : 0);
	size_t three = left > two && two > len ? two + sequence(at + two) : 0;

	note(&rd->features, FEATURE_HAN, at, len, WEIGHT_HAN);
	if (two > len)
		note(&rd->features, FEATURE_HAN, at, two, WEIGHT_HAN_TWO);
	if (three > 0)
		note(&rd->features, FEATURE_HAN, at, three, WEIGHT_HAN_THREE);
	note_concept(&rd->features, concept_of(at, left, true));
	rd->before_len = 0;
}

static void
read_word(void *arg, const char *word, size_t len, bool han, size_t left)
{
	struct reading *rd = arg;
	char text[2 * WORD_BYTES + 2];
	size_t n;

	if (han) {
		read_han(rd, word, len, left);
		return;
	}
	len = len < WORD_BYTES ? len : WORD_BYTES;
	if (is_stop(word, len))
		return;
	n = stem(word, len);
	note(&rd->features, FEATURE_WORD, word, n, WEIGHT_WORD);
	note_concept(&rd->features, concept_of(word, n, false));
	text[0] = '^';
	memcpy(text + 1, word, n);
	text[n + 1] = '$';
	for (size_t i = 0; i + 3 <= n + 2; i++)
		note(&rd->features, FEATURE_TRIGRAM, text + i, 3, WEIGHT_TRIGRAM);
	if (rd->before_len > 0) {
		memcpy(text, rd->before, rd->before_len);
		text[rd->before_len] = ' ';
		memcpy(text + rd->before_len + 1, word, n);
		note(&rd->features, FEATURE_PAIR, text, rd->before_len + 1 + n, WEIGHT_PAIR);
	}
	memcpy(rd->before, word, n);
	rd->before_len = n;
}

/* A word is worth more the more often it comes, but not in proportion: 1 + ceil(log2). */
static int64_t
worth(const struct found *row)
{
	int64_t steps = 1;

	for (uint32_t n = 1; n < row->times; n *= 2)
		steps++;
	return (int64_t)row->weight * steps;
}

static uint64_t
mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

/* Spread what stands in few places over all: signs flipped, then Walsh and Hadamard. */
static void
spread(int64_t *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (mix(i + 77) & 1)
			v[i] = -v[i];
	for (size_t half = 1; half < n; half *= 2)
		for (size_t i = 0; i < n; i += 2 * half)
			for (size_t k = i; k < i + half; k++) {
				int64_t a = v[k], b = v[k + half];

				v[k] = a + b;
				v[k + half] = a - b;
			}
}

void
meaning_vector(const char *text, size_t len, size_t dimensions, float *out)
{
	struct reading rd = { .before_len = 0 };
	size_t n = MEANING_DIMENSIONS, folded_len;
	char *folded = fold(text, len, &folded_len);
	double sum = 0;
	int64_t *v;

	while (n < dimensions)
		n *= 2;
	v = xmalloc(n * sizeof *v);
	memset(v, 0, n * sizeof *v);
	each_word(folded, folded_len, read_word, &rd);
	for (size_t i = 0; i < rd.features.room; i++) {
		const struct found *row = &rd.features.rows[i];

		for (uint64_t k = 0; row->times > 0 && k < COORDINATES; k++) {
			uint64_t h = mix(row->hash + k * 0x9e3779b97f4a7c15u);

			v[h & (n - 1)] += h >> 63 ? worth(row) : -worth(row);
		}
	}
	spread(v, n);
	for (size_t i = 0; i < dimensions; i++)
		sum += (double)v[i] * (double)v[i];
	for (size_t i = 0; i < dimensions; i++)
		out[i] = sum > 0 ? (float)((double)v[i] / sqrt(sum)) : i == 0;
	free(v);
	free(rd.features.rows);
	free(folded);
}

/* ---- coverage ------------------------------------------------------------- */

/* Pairs of Han, words and concepts: each once. */
static void
read_term(void *arg, const char *word, size_t len, bool han, size_t left)
{
	struct features *f = arg;

	if (han) {
		if (left > len)
			note(f, FEATURE_HAN, word, len + sequence(word + len), 1);
		note_concept(f, concept_of(word, left, true));
		return;
	}
	if (is_stop(word, len))
		return;
	len = stem(word, len < WORD_BYTES ? len : WORD_BYTES);
	note(f, FEATURE_WORD, word, len, 1);
	note_concept(f, concept_of(word, len, false));
}

static bool
has(const struct features *f, uint64_t hash)
{
	size_t at = (size_t)hash & (f->room - 1);

	if (f->room == 0)
		return false;
	while (f->rows[at].times > 0 && f->rows[at].hash != hash)
		at = (at + 1) & (f->room - 1);
	return f->rows[at].times > 0;
}

double
meaning_coverage(const char *query, const char *document)
{
	struct features asked = { 0 }, there = { 0 };
	size_t len, covered = 0;
	char *folded = fold(query, strlen(query), &len);

	each_word(folded, len, read_term, &asked);
	free(folded);
	folded = fold(document, strlen(document), &len);
	each_word(folded, len, read_term, &there);
	free(folded);
	for (size_t i = 0; i < asked.room; i++)
		covered += asked.rows[i].times > 0 && has(&there, asked.rows[i].hash);
	free(asked.rows);
	free(there.rows);
	return asked.count > 0 ? (double)covered / (double)asked.count : 0;
}
