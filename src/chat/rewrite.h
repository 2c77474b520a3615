/*
 * The last question of a conversation as one that says all by itself: "and how much of it?" can be searched for only
 * with what was said before.  A chat model puts it so, [knowledge] rewrite_model or the conversation's
 * own, as a paid task of its own (knowledge/query.h), and nobody waits on a worker.
 */
#ifndef WEIR_CHAT_REWRITE_H
#define WEIR_CHAT_REWRITE_H

#include "chat/history.h"
#include "chat/plan.h"
#include "core/request.h"

#define REWRITE_CHARS 400 /* of what comes */

struct rewritten {
	const char *query; /* NULL: it stays as it was */
	const char *why;   /* then a code */
	const char *model; /* that was to be asked; NULL: none was on offer */
	int64_t input_tokens, output_tokens, charged_ucr;
};

/* Put `question` so, after those `n` messages of the history; then(rq, rewritten, arg) goes on, on a worker again or at
 * once.  What a model does not do, within REWRITE_TIMEOUT_MS, is told and no error.  Worker, not in a transaction. */
#define REWRITE_TIMEOUT_MS 10000
typedef enum status rewrite_then_fn(struct request *rq, const struct rewritten *r, void *arg);
enum status rewrite_question(struct request *rq, const struct turn_plan *plan, const struct history *h, size_t n,
    const char *question, rewrite_then_fn *then, void *arg) MUST_CHECK;

#endif
