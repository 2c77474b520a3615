/*
 * What a search asks of models: its query in other words, the vector of that, and a ranking.  Each is a
 * paid task of its own, held before it is asked and charged once; a vector that is kept already costs nothing.
 */
#ifndef WEIR_KNOWLEDGE_QUERY_H
#define WEIR_KNOWLEDGE_QUERY_H

#include "core/request.h"

/* Borrowed until it is told. */
struct query_ask {
	int64_t model_id; /* of query_embed() and query_words() */
	const char *text; /* well-formed UTF-8, not empty */
	int64_t timeout_ms;
	bool may_fail; /* what goes wrong is told and no error of the request */
};

struct query_told {
	enum status status;
	const float *vector; /* OK: of length 1, as long as the request */
	size_t dims;
	const char *body; /* of a ranking, or words */
	size_t body_len;
	const char *model; /* its name; NULL: there is none */
	bool was_asked;	   /* a provider, and not the cache */
	int64_t tokens, output_tokens, charged_ucr;
};

/* The vector of ask->text by that model; then(rq, told, arg) goes on, at once or on a worker
 * again.  Statuses besides those of calls: E_UNAVAILABLE the model is not on offer or nobody can be
 * asked; E_PRICE_UNKNOWN; E_INSUFFICIENT_CREDITS (details balance, required) and other refusals
 * of task_open().  Worker, not in a transaction. */
typedef enum status query_then_fn(struct request *rq, const struct query_told *told, void *arg);
enum status query_embed(struct request *rq, const struct query_ask *ask, query_then_fn *then, void *arg) MUST_CHECK;
/* How well `n` texts answer ask->text, by the ranking model of the site: told->body is its answer
 * in Jina's and Cohere's words.  Never an error of the request. */
enum status query_rank(struct request *rq, const struct query_ask *ask, const char *const *texts, size_t n,
    query_then_fn *then, void *arg) MUST_CHECK;
/* What a chat model says to ask->text, told what to do with it; in told->body, not longer than so many tokens.
 * Never an error of the request. */
enum status query_words(struct request *rq, const struct query_ask *ask, const char *instructions,
    int64_t max_output_tokens, query_then_fn *then, void *arg) MUST_CHECK;

#endif
