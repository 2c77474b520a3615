#include "knowledge/rarity.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"

enum {
	KEEP_MS = 300000,
	KEEP_NOTHING_MS = 5000, /* a table that was not analyzed yet will be soon */
};

struct word {
	const char *text;
	double share;
};

/* What was read once; never changed after. */
struct table {
	struct word *words; /* sorted */
	size_t n;
	double chunks; /* of all bases */
	char *text;    /* of the words */
	int64_t until_ms;
	unsigned refs;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct table *newest; /* under the lock, as the refs of all are */

static int
compare_words(const void *a, const void *b)
{
	return strcmp(((const struct word *)a)->text, ((const struct word *)b)->text);
}

static void
drop(struct table *t)
{
	bool last;

	if (t == NULL)
		return;
	pthread_mutex_lock(&lock);
	last = --t->refs == 0;
	pthread_mutex_unlock(&lock);
	if (!last)
		return;
	free(t->words);
	free(t->text);
	free(t);
}

/* The one at hand, if it is not too old; the caller's. */
static struct table *
take(void)
{
	struct table *t;

	pthread_mutex_lock(&lock);
	t = newest != NULL && newest->until_ms > clock_mono_ms() ? newest : NULL;
	if (t != NULL)
		t->refs++;
	pthread_mutex_unlock(&lock);
	return t;
}

/* Words with a line for each, and their shares with blanks between. */
static struct table *
make(const char *words, const char *shares, double chunks)
{
	struct table *t = xcalloc(1, sizeof *t);
	char *end;

	t->text = xstrdup(words == NULL ? "" : words);
	t->words = xcalloc(strlen(t->text) + 1, sizeof *t->words);
	for (char *at = t->text; *at != '\0' && shares != NULL; t->n++) {
		t->words[t->n] = (struct word){ .text = at, .share = strtod(shares, &end) };
		shares = end;
		at += strcspn(at, "\n");
		if (*at == '\n')
			*at++ = '\0';
	}
	t->words = xrealloc(t->words, (t->n + 1) * sizeof *t->words);
	qsort(t->words, t->n, sizeof *t->words, compare_words);
	t->chunks = chunks;
	t->until_ms = clock_mono_ms() + (t->n > 0 ? KEEP_MS : KEEP_NOTHING_MS);
	t->refs = 2; /* the process' and the caller's */
	return t;
}

static enum status
read_table(struct context *cx, struct table **out)
{
	AUTO_ROWS struct rows *rows = NULL;
	struct table *before;
	bool known;
	enum status st = pg_query_again(cx->pg, &rows,
	    "SELECT array_to_string(most_common_elems, E'\\n') AS words, array_to_string(most_common_elem_freqs, ' ') AS shares,"
	    " (SELECT c.reltuples::float8 FROM pg_class c WHERE c.oid = 'public.kb_chunk'::regclass) AS chunks"
	    " FROM pg_stats WHERE schemaname = 'public' AND tablename = 'kb_chunk' AND attname = 'tsv'");

	if (st != OK)
		return fail(cx, st, "statistics of words: %s", pg_error(cx->pg));
	known = rows_count(rows) == 1;
	*out = known
	    ? make(row_text(rows, 0, "words"), row_text(rows, 0, "shares"), strtod(row_text(rows, 0, "chunks"), NULL))
	    : make(NULL, NULL, 0);
	pthread_mutex_lock(&lock);
	before = newest;
	newest = *out;
	pthread_mutex_unlock(&lock);
	drop(before);
	return OK;
}

/* The caller drops it. */
static enum status
table_get(struct context *cx, struct table **out)
{
	*out = take();
	return *out != NULL ? OK : read_table(cx, out);
}

static double
share_of(const struct table *t, const char *text)
{
	const struct word wanted = { .text = text };
	const struct word *found = bsearch(&wanted, t->words, t->n, sizeof *t->words, compare_words);

	return found == NULL ? 0 : found->share;
}

enum status
rarity_shares(struct context *cx, const char *const *terms, size_t n, double *shares)
{
	struct table *t;
	enum status st = table_get(cx, &t);

	if (st != OK)
		return st;
	for (size_t i = 0; i < n; i++)
		shares[i] = share_of(t, terms[i]);
	drop(t);
	return OK;
}

enum status
rarity_chunks(struct context *cx, const char *const *kb_ids, size_t n, int64_t least, int64_t *chunks)
{
	struct table *t;
	enum status st = table_get(cx, &t);

	if (st != OK)
		return st;
	for (size_t i = 0; i < n; i++) {
		double about = share_of(t, arena_printf(cx->arena, "=%s", kb_ids[i])) * t->chunks;

		chunks[i] = about > (double)least ? (int64_t)about : 0;
	}
	drop(t);
	return OK;
}
