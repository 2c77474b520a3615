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
	char *text; /* of them all */
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
make(const char *words, const char *shares)
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
	    "SELECT array_to_string(most_common_elems, E'\\n') AS words, array_to_string(most_common_elem_freqs, ' ') AS shares"
	    " FROM pg_stats WHERE schemaname = 'public' AND tablename = 'kb_chunk' AND attname = 'tsv'");

	if (st != OK)
		return fail(cx, st, "statistics of words: %s", pg_error(cx->pg));
	known = rows_count(rows) == 1;
	*out = make(known ? row_text(rows, 0, "words") : NULL, known ? row_text(rows, 0, "shares") : NULL);
	pthread_mutex_lock(&lock);
	before = newest;
	newest = *out;
	pthread_mutex_unlock(&lock);
	drop(before);
	return OK;
}

enum status
rarity_shares(struct context *cx, const char *const *terms, size_t n, double *shares)
{
	struct table *t = take();
	enum status st;

	if (t == NULL && (st = read_table(cx, &t)) != OK)
		return st;
	for (size_t i = 0; i < n; i++) {
		const struct word wanted = { .text = terms[i] };
		const struct word *found = bsearch(&wanted, t->words, t->n, sizeof *t->words, compare_words);

		shares[i] = found == NULL ? 0 : found->share;
	}
	drop(t);
	return OK;
}
