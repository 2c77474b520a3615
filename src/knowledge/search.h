/*
 * Search in knowledge bases, by vectors and by words at once.
 *
 *	1 which bases the user may read, and their spaces
 *	2 the vector of the query: one call for each model, or none where it is kept;
 *	  a task of its own, held before and charged once
 *	3 400 candidates of each space by their codes or an index of pgvector, 200 by words; all of them
 *	  compared exactly, and put into one order (search/fuse.h)
 *	4 a ranking model puts the best 30 into its order, where that is wanted
 *	5 at most so many, not too many of one document
 *
 * Nobody waits for a model on a worker: then() goes on when all is there.
 */
#ifndef WEIR_KNOWLEDGE_SEARCH_H
#define WEIR_KNOWLEDGE_SEARCH_H

#include <jansson.h>

#include "core/request.h"

enum {
	SEARCH_RESULTS = 8,
	SEARCH_RESULTS_MAX = 50,
	SEARCH_QUERY_MAX_CHARS = 2000, /* more of a query is not looked at */
	SEARCH_BASES_MAX = 10,
	SEARCH_DOCUMENTS_MAX = 100,
};

enum search_mode {
	SEARCH_HYBRID,
	SEARCH_VECTOR,
	SEARCH_TEXT,
};

struct search_ask {
	const char *const *kb_ids; /* UUIDs */
	size_t n_kbs;
	const char *query;
	enum search_mode mode;
	const char *const *document_ids; /* UUIDs of those that are searched; none: all */
	size_t n_documents;
	int results;	  /* 0: SEARCH_RESULTS */
	int per_document; /* 0: as many as there are; else at most so many */
	int token_budget; /* 0: none */
	bool rerank;
};

/* One passage that was found; all in the request's arena. */
struct search_hit {
	int64_t chunk_id;
	const char *kb_id, *document_id, *title, *heading, *body;
	int version, ord, tokens;
	int page_from, page_to; /* 0: there are no pages */
	int64_t c0, c1;		/* of the canonical text, in code points */
	double score;		/* by which they are ordered, 0-1; with `has_rank` the ranking model's */
	bool has_cosine, has_rank;
	double cosine;	 /* of the vectors as they are */
	double likeness; /* of the vectors less their mean: near 0 for what has nothing in common, with any model */
	double lexical;	 /* Σ idf · times of the query's words */
	double coverage; /* lexical as a share of what the query's words can give, 0-1 */
	double fused;	 /* of both */
};

struct search_found {
	struct search_hit *hits; /* best first */
	size_t n;
	bool any_base;	     /* false: none of the bases is one that the user may read */
	const char *vectors; /* NULL: they were used; else why not: a code */
	const char *rank;    /* NULL: not wanted; "used"; else why not: a code */
	const char *model;   /* that was asked for a vector last; NULL: none was */
	int64_t tokens;	     /* that were embedded and ranked, */
	int64_t charged_ucr; /* and what that cost */
	size_t calls;	     /* to providers */
};

/* Search; then(rq, found, arg) answers, on a worker again, or at once.  E_NOT_FOUND and such are
 * then()'s to tell.  SEARCH_VECTOR fails with what keeps it from vectors: E_INSUFFICIENT_CREDITS,
 * E_UNAVAILABLE, E_UPSTREAM_FAILED …; SEARCH_HYBRID goes on with words alone and says so.  Worker, not
 * in a transaction. */
typedef enum status search_then_fn(struct request *rq, const struct search_found *found, void *arg);
enum status knowledge_search(
    struct request *rq, const struct search_ask *ask, search_then_fn *then, void *arg) MUST_CHECK;

/* The bases that input names as "knowledge_ids": *array is a uuid[] as text, in the arena; NULL where
 * they are null or absent.  E_INVALID_REQUEST (that field) not UUIDs, or one that the caller may not read. */
enum status knowledge_ids_read(struct context *cx, const json_t *in, const char **array) MUST_CHECK;

/* The API's KnowledgeFound; the caller owns it. */
json_t *search_json(const struct search_found *found);

#endif
