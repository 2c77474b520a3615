#include "search/terms.h"

#include <libstemmer.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unicase.h>
#include <unictype.h>
#include <uninorm.h>

#include "base/buf.h"
#include "search/script.h"

enum {
	POSITION_MAX = 16383, /* of a tsvector */
	PLACES_MAX = 255,     /* of one term in it */
	STEM_MIN_BYTES = 3,
	WORD_MAX_BYTES = 1024, /* of which TERM_MAX_BYTES are kept */
};

static const uint16_t simplified[][2] = {
#include "search/simplified.def"
};

/* English words that are everywhere, and those that only ask; sorted. */
static const char *const stop_words[] = {
	"a",
	"about",
	"after",
	"all",
	"also",
	"am",
	"an",
	"and",
	"any",
	"are",
	"as",
	"at",
	"be",
	"because",
	"been",
	"before",
	"being",
	"between",
	"both",
	"but",
	"by",
	"can",
	"could",
	"did",
	"do",
	"does",
	"doing",
	"down",
	"during",
	"each",
	"few",
	"for",
	"from",
	"further",
	"had",
	"has",
	"have",
	"having",
	"he",
	"her",
	"here",
	"hers",
	"him",
	"his",
	"how",
	"i",
	"if",
	"in",
	"into",
	"is",
	"it",
	"its",
	"just",
	"me",
	"more",
	"most",
	"my",
	"no",
	"nor",
	"not",
	"of",
	"off",
	"on",
	"once",
	"only",
	"or",
	"other",
	"our",
	"ours",
	"out",
	"over",
	"own",
	"please",
	"same",
	"she",
	"should",
	"so",
	"some",
	"such",
	"than",
	"that",
	"the",
	"their",
	"theirs",
	"them",
	"then",
	"there",
	"these",
	"they",
	"this",
	"those",
	"through",
	"to",
	"too",
	"under",
	"until",
	"up",
	"very",
	"was",
	"we",
	"were",
	"what",
	"when",
	"where",
	"which",
	"while",
	"who",
	"whom",
	"why",
	"will",
	"with",
	"would",
	"you",
	"your",
	"yours",
};

/* Chinese words that only ask; not 的, 和, 是, which fragments of a text need. */
static const char *const asking_words[] = { "请问", "如何", "怎么样", "怎么", "怎样", "为什么", "什么", "哪个" };

/* A term that was found: called in the order of the text. */
typedef void take_fn(void *arg, const char *term, size_t len, int position);

struct reading {
	take_fn *take;
	void *arg;
	struct sb_stemmer *stemmer;
	int position;	 /* of the last word; 0: none yet */
	bool only_whole; /* words of several parts: not the parts */
	bool ends;	 /* the last character of a run, too */
	bool as_is;	 /* the text is read as it stands, so that its places are those of the caller's */
	/* For `take`: the word as it is written, folded, "" in a run; the bytes of the text it stands in. */
	char word[TERM_MAX_BYTES + 1];
	size_t from, to;
	size_t run_from; /* where the run begins */
	const char *text;
	char left_out[TERM_MAX_BYTES + 1]; /* the stop word behind all that was taken, or "" */
};

static uint32_t
simplify(uint32_t c)
{
	size_t low = 0, high = sizeof simplified / sizeof simplified[0];

	if (c < simplified[0][0] || c > 0xffff)
		return c;
	while (low < high) {
		size_t mid = (low + high) / 2;

		if (simplified[mid][0] == c)
			return simplified[mid][1];
		if (simplified[mid][0] < c)
			low = mid + 1;
		else
			high = mid;
	}
	return c;
}

static size_t
put_utf8(char *out, uint32_t c)
{
	size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

	if (n == 1)
		out[0] = (char)c;
	else
		out[0] = (char)((0xf00u >> n & 0xff) | c >> (6 * (n - 1)));
	for (size_t i = 1; i < n; i++)
		out[i] = (char)(0x80 | (c >> (6 * (n - 1 - i)) & 0x3f));
	return n;
}

static bool
is_ascii(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)s[i] >= 0x80)
			return false;
	return true;
}

static int
compare_words(const void *a, const void *b)
{
	return strcmp(a, *(const char *const *)b);
}

static bool
is_stop_word(const char *word)
{
	return bsearch(word, stop_words, sizeof stop_words / sizeof *stop_words, sizeof *stop_words, compare_words) !=
	    NULL;
}

static bool
is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static bool
is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

/* A part of a word, folded, stemmed; nothing of a stop word. */
static void
take_part(struct reading *rd, const char *part, size_t len, bool is_whole)
{
	char *word = rd->word;
	bool is_plain = true;

	if (len > TERM_MAX_BYTES) {
		len = TERM_MAX_BYTES;
		while (len > 0 && ((unsigned char)part[len] & 0xc0) == 0x80)
			len--;
	}
	for (size_t i = 0; i < len; i++) {
		word[i] = is_upper(part[i]) ? (char)(part[i] | 0x20) : part[i];
		is_plain = is_plain && is_lower(word[i]);
	}
	word[len] = '\0';
	if (len == 0)
		return;
	if (!is_whole && is_stop_word(word)) {
		memcpy(rd->left_out, word, len + 1);
		return;
	}
	rd->left_out[0] = '\0';
	if (is_plain && !is_whole && len >= STEM_MIN_BYTES) {
		const sb_symbol *stem = sb_stemmer_stem(rd->stemmer, (const sb_symbol *)word, (int)len);

		if (stem != NULL) {
			rd->take(rd->arg, (const char *)stem, (size_t)sb_stemmer_length(rd->stemmer), rd->position);
			return;
		}
	}
	rd->take(rd->arg, word, len, rd->position);
}

/* Where the part of an identifier that begins at `at` ends: at a joiner, or where camelCase does. */
static size_t
part_end(const char *w, size_t len, size_t at)
{
	size_t i = at + 1;

	for (; i < len; i++) {
		if (w[i] == '_' || w[i] == '-' || w[i] == '.')
			break;
		if (is_upper(w[i]) && is_lower(w[i - 1]))
			break;
		if (is_upper(w[i]) && is_upper(w[i - 1]) && i + 1 < len && is_lower(w[i + 1]))
			break;
	}
	return i;
}

/* A word, or several that are joined to one. */
static void
take_word(struct reading *rd, const char *w, size_t len)
{
	char folded[WORD_MAX_BYTES];
	size_t first;

	if (len == 0)
		return;
	if (!is_ascii(w, len)) {
		size_t folded_len = sizeof folded;
		uint8_t *made = u8_casefold(
		    (const uint8_t *)w, len, NULL, UNINORM_NFKC, (uint8_t *)folded, &folded_len);

		if (made != NULL) { /* NULL for want of memory: then as it stands */
			if ((char *)made != folded) {
				folded_len = folded_len < sizeof folded ? folded_len : sizeof folded;
				memcpy(folded, made, folded_len);
				free(made);
			}
			w = folded;
			len = folded_len;
		}
	}
	rd->position++;
	if ((first = part_end(w, len, 0)) == len) {
		take_part(rd, w, len, false);
		return;
	}
	take_part(rd, w, len, true);
	for (size_t at = 0; at < len && !rd->only_whole; at = first) {
		while (at < len && (w[at] == '_' || w[at] == '-' || w[at] == '.'))
			at++;
		if (at >= len)
			break;
		first = part_end(w, len, at);
		if (at > 0)
			rd->position++;
		if (w != folded) {
			rd->from = (size_t)(w + at - rd->text);
			rd->to = rd->from + first - at;
		}
		take_part(rd, w + at, first - at, false);
	}
}

/* What stands between two bytes of a run. */
static void
take_piece(struct reading *rd, const char *run, size_t from, size_t to)
{
	rd->word[0] = rd->left_out[0] = '\0';
	rd->from = rd->run_from + from;
	rd->to = rd->run_from + to;
	rd->take(rd->arg, run + from, to - from, rd->position);
}

/* Characters of a run, which are written without spaces: each two of them. */
static void
take_run(struct reading *rd, const char *run, size_t from, size_t len)
{
	size_t at = from, before = from, end;

	if (from >= len)
		return;
	script_next(run, len, &at);
	if (at >= len) { /* it stands alone */
		rd->position++;
		take_piece(rd, run, from, len);
		return;
	}
	for (; at < len; at = end) {
		end = at;
		script_next(run, len, &end);
		rd->position++;
		take_piece(rd, run, before, end);
		before = at;
	}
	if (rd->ends)
		take_piece(rd, run, before, len);
}

static bool
is_word_char(uint32_t c)
{
	if (c < 0x80)
		return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
	return uc_is_general_category_withtable(c, UC_CATEGORY_MASK_L | UC_CATEGORY_MASK_M | UC_CATEGORY_MASK_N) &&
	    !script_is_cjk(c);
}

/* What joins two words to an identifier. */
static bool
is_joiner(uint32_t c)
{
	return c == '_' || c == '-' || c == '.';
}

/* The text in NFKC: itself where it is ASCII. */
static const char *
normal(struct arena *a, const char *text, size_t *len)
{
	size_t n = 0;
	const char *out = text;
	uint8_t *made;

	*len = strlen(text);
	if (is_ascii(text, *len))
		return text;
	if ((made = u8_normalize(UNINORM_NFKC, (const uint8_t *)text, *len, NULL, &n)) == NULL)
		return text; /* for want of memory only: as it stands */
	out = arena_strndup(a, (const char *)made, n);
	*len = n;
	free(made);
	return out;
}

/* The length of the word at `s` that only asks, or 0. */
static size_t
asking(const char *s, size_t len)
{
	for (size_t i = 0; i < sizeof asking_words / sizeof *asking_words; i++) {
		size_t n = strlen(asking_words[i]);

		if (n <= len && memcmp(s, asking_words[i], n) == 0)
			return n;
	}
	return 0;
}

/* A run without the words that only ask. */
static void
take_asked(struct reading *rd, const char *run, size_t len)
{
	size_t from = 0, at = 0, n;

	while (at < len) {
		if ((n = asking(run + at, len - at)) == 0) {
			script_next(run, len, &at);
			continue;
		}
		take_run(rd, run, from, at);
		from = at += n;
	}
	take_run(rd, run, from, len);
}

/* Tell all terms of `text`.  `cut`: without words that only ask. */
static void
read_text(struct arena *a, struct reading *rd, const char *text, bool cut)
{
	size_t len = strlen(text), at = 0, next;
	const char *s = rd->as_is ? text : normal(a, text, &len);

	rd->text = s;
	while (at < len) {
		size_t from = at;
		uint32_t c = script_next(s, len, &at);

		if (script_is_cjk(c)) {
			struct buf run = BUF_INIT(0);
			char utf8[4];

			do {
				buf_add(&run, utf8, put_utf8(utf8, simplify(c)));
				next = at;
			} while (at < len && script_is_cjk(c = script_next(s, len, &next)) && (at = next) > 0);
			rd->run_from = from; /* what is simplified is as long */
			if (cut)
				take_asked(rd, buf_str(&run), run.len);
			else
				take_run(rd, buf_str(&run), 0, run.len);
			buf_free(&run);
		} else if (is_word_char(c)) {
			size_t end = at;

			for (next = at; at < len; at = next) {
				c = script_next(s, len, &next);
				if (is_word_char(c))
					end = next;
				else if (end < at || !is_joiner(c)) /* one joiner joins, two end it */
					break;
			}
			rd->from = from;
			rd->to = end;
			take_word(rd, s + from, end - from);
			at = end;
		}
	}
}

/* ---- a document's ------------------------------------------------------------ */

struct place {
	const char *term;
	size_t len;
	int position;
};

struct gathering {
	struct arena *arena;
	struct place *places;
	size_t count, room;
};

static void
gather(void *arg, const char *term, size_t len, int position)
{
	struct gathering *g = arg;

	if (g->count == g->room) {
		struct place *more = ARENA_ARRAY(g->arena, struct place, g->room * 2 + 256);

		if (g->count > 0)
			memcpy(more, g->places, g->count * sizeof *more);
		g->places = more;
		g->room = g->room * 2 + 256;
	}
	g->places[g->count++] = (struct place){
		.term = arena_strndup(g->arena, term, len),
		.len = len,
		.position = position < POSITION_MAX ? position : POSITION_MAX,
	};
}

static int
compare_places(const void *a, const void *b)
{
	const struct place *x = a, *y = b;
	int order = strcmp(x->term, y->term);

	return order != 0 ? order : (x->position > y->position) - (x->position < y->position);
}

/* A term in the quotes that tsvector and tsquery take. */
static void
put_quoted(struct buf *out, const char *term)
{
	buf_puts(out, "'");
	for (; *term != '\0'; term++) {
		if (*term == '\'' || *term == '\\')
			buf_add(out, term, 1);
		buf_add(out, term, 1);
	}
	buf_puts(out, "'");
}

static char *
give(struct arena *a, struct buf *out)
{
	char *text = arena_strndup(a, buf_str(out), out->len);

	buf_free(out);
	return text;
}

static struct sb_stemmer *
stemmer_new(void)
{
	struct sb_stemmer *stemmer = sb_stemmer_new("english", NULL);

	if (stemmer == NULL) {
		fprintf(stderr, "weir: no English stemmer\n");
		abort(); /* it is built in: memory is at its end */
	}
	return stemmer;
}

char *
terms_tsvector(struct arena *a, const char *heading, const char *body)
{
	struct gathering g = { .arena = a };
	struct reading rd = { .take = gather, .arg = &g, .stemmer = stemmer_new() };
	struct buf out = BUF_INIT(0);
	int told = 0;

	if (heading != NULL)
		read_text(a, &rd, heading, false);
	read_text(a, &rd, body, false);
	sb_stemmer_delete(rd.stemmer);
	if (g.count > 0)
		qsort(g.places, g.count, sizeof *g.places, compare_places);
	for (size_t i = 0; i < g.count; i++) {
		const struct place *p = &g.places[i];
		bool is_new = i == 0 || strcmp(p->term, p[-1].term) != 0;

		if (is_new) {
			buf_puts(&out, i == 0 ? "" : " ");
			put_quoted(&out, p->term);
			told = 0;
		} else if (p->position == p[-1].position)
			continue;
		if (told++ < PLACES_MAX)
			buf_printf(&out, "%c%d", is_new ? ':' : ',', p->position);
	}
	return give(a, &out);
}

/* ---- a query's --------------------------------------------------------------- */

struct asked {
	struct arena *arena;
	const char **terms;
	size_t count;
};

static void
ask_term(void *arg, const char *term, size_t len, int position)
{
	struct asked *q = arg;

	(void)position;
	for (size_t i = 0; i < q->count; i++)
		if (strlen(q->terms[i]) == len && memcmp(q->terms[i], term, len) == 0)
			return;
	if (q->count < TERMS_QUERY_MAX)
		q->terms[q->count++] = arena_strndup(q->arena, term, len);
}

size_t
terms_query(struct arena *a, const char *query, const char *terms[TERMS_QUERY_MAX])
{
	struct asked q = { .arena = a, .terms = terms };
	struct reading rd = { .take = ask_term, .arg = &q, .stemmer = stemmer_new() };

	read_text(a, &rd, query, true);
	if (q.count == 0)
		read_text(a, &rd, query, false);
	sb_stemmer_delete(rd.stemmer);
	return q.count;
}

char *
terms_tsquery(struct arena *a, const char *const *terms, size_t count)
{
	struct buf out = BUF_INIT(0);

	if (count == 0)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		buf_puts(&out, i == 0 ? "" : " | ");
		put_quoted(&out, terms[i]);
	}
	return give(a, &out);
}

/* ---- what has all the words -------------------------------------------------- */

char *
terms_set(struct arena *a, const char *text)
{
	struct gathering g = { .arena = a };
	struct reading rd = { .take = gather, .arg = &g, .stemmer = stemmer_new(), .ends = true };
	struct buf out = BUF_INIT(0);

	read_text(a, &rd, text, false);
	sb_stemmer_delete(rd.stemmer);
	if (g.count > 0)
		qsort(g.places, g.count, sizeof *g.places, compare_places);
	for (size_t i = 0; i < g.count; i++) {
		if (i > 0 && strcmp(g.places[i].term, g.places[i - 1].term) == 0)
			continue;
		buf_puts(&out, i == 0 ? "" : " ");
		put_quoted(&out, g.places[i].term);
	}
	return give(a, &out);
}

struct wanting {
	struct arena *arena;
	const struct reading *rd;
	struct terms_wanted *out;
	size_t last; /* the word that was taken last */
	const char *last_written;
};

static bool
is_one_character(const char *term, size_t len)
{
	size_t at = 0;

	return script_is_cjk(script_next(term, len, &at)) && at == len;
}

static void
want_term(void *arg, const char *term, size_t len, int position)
{
	struct wanting *w = arg;
	struct terms_wanted *out = w->out;
	size_t i = 0;

	(void)position;
	while (i < out->count && (strlen(out->words[i].term) != len || memcmp(out->words[i].term, term, len) != 0))
		i++;
	if (i == TERMS_QUERY_MAX)
		return;
	w->last = i;
	w->last_written = w->rd->word[0] == '\0' ? NULL : arena_strdup(w->arena, w->rd->word);
	if (i < out->count)
		return;
	out->words[out->count].term = arena_strndup(w->arena, term, len);
	out->words[out->count].begins = is_one_character(term, len) ? out->words[i].term : NULL;
	out->count++;
}

/* Does a text end within a word that is not of Han? */
static bool
ends_in_word(const char *text)
{
	size_t len = strlen(text), at = len;

	if (len == 0)
		return false;
	do
		at--;
	while (at > 0 && ((unsigned char)text[at] & 0xc0) == 0x80);
	return is_word_char(script_next(text, len, &at));
}

void
terms_want(struct arena *a, const char *query, struct terms_wanted *out)
{
	struct reading rd = { .take = want_term, .stemmer = stemmer_new(), .only_whole = true };
	struct wanting w = { .arena = a, .rd = &rd, .out = out };

	*out = (struct terms_wanted){ 0 };
	rd.arg = &w;
	read_text(a, &rd, query, true);
	if (out->count == 0)
		read_text(a, &rd, query, false);
	sb_stemmer_delete(rd.stemmer);
	if (!ends_in_word(query))
		return;
	if (out->count == 0 && rd.left_out[0] != '\0') { /* stop words alone: what begins so */
		const char *word = arena_strdup(a, rd.left_out);

		out->words[out->count++] = (struct terms_word){ .term = word, .begins = word };
	} else if (out->count > 0 && rd.left_out[0] == '\0' && w.last_written != NULL)
		out->words[w.last].begins = w.last_written;
}

char *
terms_all(struct arena *a, const struct terms_wanted *wanted, const char *also)
{
	struct buf out = BUF_INIT(0);

	put_quoted(&out, also);
	for (size_t i = 0; i < wanted->count; i++) {
		const struct terms_word *word = &wanted->words[i];

		buf_puts(&out, word->begins == NULL ? " & " : " & (");
		put_quoted(&out, word->term);
		if (word->begins == NULL)
			continue;
		buf_puts(&out, " | ");
		put_quoted(&out, word->begins);
		buf_puts(&out, ":*)");
	}
	return give(a, &out);
}

struct finding {
	const struct reading *rd;
	const struct terms_wanted *wanted;
	struct terms_place *places;
	size_t count, max;
};

static void
find_term(void *arg, const char *term, size_t len, int position)
{
	struct finding *f = arg;

	(void)position;
	for (size_t i = 0; i < f->wanted->count && f->count < f->max; i++) {
		const struct terms_word *word = &f->wanted->words[i];
		size_t begins = word->begins == NULL ? 0 : strlen(word->begins);
		bool is_it = strlen(word->term) == len && memcmp(word->term, term, len) == 0;

		if (!is_it && (begins == 0 || begins > len || memcmp(word->begins, term, begins) != 0))
			continue;
		/* a word whole; of a run what was asked for */
		f->places[f->count++] = (struct terms_place){ .from = f->rd->from,
			.to = is_it || f->rd->word[0] != '\0' ? f->rd->to : f->rd->from + begins,
			.word = i };
	}
}

size_t
terms_find(struct arena *a, const char *text, const struct terms_wanted *wanted, struct terms_place *places, size_t max)
{
	struct reading rd = { .take = find_term, .stemmer = stemmer_new(), .ends = true, .as_is = true };
	struct finding f = { .rd = &rd, .wanted = wanted, .places = places, .max = max };

	rd.arg = &f;
	read_text(a, &rd, text, false);
	sb_stemmer_delete(rd.stemmer);
	return f.count;
}
