#include "search/fuse.h"

#include <stdlib.h>
#include <string.h>

enum {
	RESULTS = 8,
	PER_DOCUMENT = 3,
};

#define WEIGHT .45
#define BEYOND .4
#define COVERED_MOST 1.2

static int
compare_hits(const void *a, const void *b)
{
	const struct hit *x = a, *y = b;
	int order;

	if (x->score != y->score)
		return x->score < y->score ? 1 : -1;
	if (x->lexical != y->lexical)
		return x->lexical < y->lexical ? 1 : -1;
	order = strcmp(x->document, y->document);
	return order != 0 ? order : (x->ord > y->ord) - (x->ord < y->ord);
}

/* Of two that have all the words, the one that has them more often is a little better. */
static double
share_of(double covered)
{
	double more = (covered - 1) * BEYOND;

	return covered < 1 ? covered : 1 + (more < COVERED_MOST - 1 ? more : COVERED_MOST - 1);
}

void
fuse_order(struct hit *hits, size_t count, const struct fuse_rules *rules)
{
	float low = 0, high = 0;
	bool any = false;
	double weight = rules->weight < 0 ? WEIGHT : rules->weight;

	for (size_t i = 0; i < count; i++) {
		if (!hits[i].has_cosine)
			continue;
		low = !any || hits[i].cosine < low ? hits[i].cosine : low;
		high = !any || hits[i].cosine > high ? hits[i].cosine : high;
		any = true;
	}
	if (!any)
		weight = 0;
	else if (rules->idf_total <= 0)
		weight = 1;
	for (size_t i = 0; i < count; i++) {
		struct hit *h = &hits[i];
		double near = !h->has_cosine ? 0 : high > low ? (double)(h->cosine - low) / (high - low) : 1;
		double covered = rules->idf_total > 0 ? h->lexical / rules->idf_total : 0;

		h->score = weight * near + (1 - weight) * share_of(covered);
	}
	if (count > 1)
		qsort(hits, count, sizeof *hits, compare_hits);
}

static size_t
count_of(const struct hit *hits, size_t count, const char *document)
{
	size_t n = 0;

	for (size_t i = 0; i < count; i++)
		n += strcmp(hits[i].document, document) == 0;
	return n;
}

size_t
fuse_take(struct hit *hits, size_t count, const struct fuse_rules *rules)
{
	size_t results = rules->results > 0 ? (size_t)rules->results : RESULTS, taken = 0;
	size_t per_document = rules->per_document > 0 ? (size_t)rules->per_document : PER_DOCUMENT;
	int64_t tokens = 0;

	for (size_t i = 0; i < count && taken < results; i++) {
		struct hit hit = hits[i];

		if (count_of(hits, taken, hit.document) >= per_document)
			continue;
		if (taken > 0 && rules->token_budget > 0 && tokens + hit.tokens > rules->token_budget)
			continue;
		tokens += hit.tokens;
		hits[taken++] = hit;
	}
	return taken;
}

size_t
fuse_neighbours(const struct hit *hits, size_t count, size_t *which)
{
	size_t passages = 0;

	for (size_t i = 0; i < count; i++)
		which[i] = i;
	/* Whatever touches takes the better one's place, until nothing changes: at most `count` rounds. */
	for (bool changed = true; changed;) {
		changed = false;
		for (size_t i = 0; i < count; i++)
			for (size_t k = 0; k < count; k++)
				if (which[k] < which[i] && abs(hits[i].ord - hits[k].ord) <= 1 &&
				    strcmp(hits[i].document, hits[k].document) == 0) {
					which[i] = which[k];
					changed = true;
				}
	}
	for (size_t i = 0; i < count; i++)
		which[i] = which[i] == i ? passages++ : which[which[i]];
	return passages;
}
