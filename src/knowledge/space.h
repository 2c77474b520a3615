/*
 * A space: the vectors of one model for one base, as they are kept (table kb_space).  Each is
 * centred on the space's mean, which the first vectors make and which is made anew, once,
 * when there are VECTOR_MEAN_OF: without it the signs of models whose vectors share a cone
 * say nothing (search/vector.h).
 */
#ifndef WEIR_KNOWLEDGE_SPACE_H
#define WEIR_KNOWLEDGE_SPACE_H

#include "core/context.h"

struct space {
	int64_t id;
	const char *model;
	size_t dims; /* 0: nothing is in it yet */
	float *mean; /* NULL: the same */
	int mean_count, mean_version;
};

/* A chunk that is to be kept. */
struct space_entry {
	int64_t chunk;
	const char *cache_key; /* hex */
	float *v;	       /* of length 1; NULL: skipped */
	const char *skipped;   /* why: a stable code */
	bool is_cached;	       /* it came from the cache */
};

/* Where it goes, and what it cost. */
struct space_batch {
	const char *document_id, *task_id; /* task_id NULL: it costs nothing */
	int version;
	struct space_entry *entries;
	size_t n;
	int64_t tokens, cost_ucr, channel_id; /* channel_id 0: nobody was asked */
};

/* In cx->arena.  E_NOT_FOUND: it is gone, or retired. */
enum status space_read(struct context *cx, int64_t id, struct space *out) MUST_CHECK;
/* Keep a batch of vectors of `dims` numbers, and what it cost: both or neither.  *outcome (static text): "ok";
 * "cancel": the same, and its task is to be stopped; "gone": nobody wants it any more; "dims": the model
 * gives other vectors than before. */
enum status space_store(
    struct context *cx, struct space *s, size_t dims, const struct space_batch *b, const char **outcome) MUST_CHECK;

#endif
