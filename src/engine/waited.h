/*
 * A call whose end its caller waits for: a job, or weirctl.  It goes as every call does, with
 * channels, tries and pauses, on a reactor of this thread's own.  Nobody is charged here.
 *
 * In weir-worker and weirctl no channel is passed over for its breaker: those are in the scoreboard of the pool (score/pairs.h),
 * which the pool alone holds, makes anew when it begins, and may have on another host.  A call tries its channels
 * one after the other, and a job that failed is put off by its queue.
 */
#ifndef WEIR_ENGINE_WAITED_H
#define WEIR_ENGINE_WAITED_H

#include "catalog/offer.h"
#include "core/context.h"
#include "engine/call.h"
#include "jobs/job.h"

struct waited_ask {
	const struct ask *ask;
	const struct offer_model *model; /* with its channels in the order in which to try them */
	int64_t max_output_tokens;	 /* 0: what the model allows */
	size_t max_bytes;		 /* of the answer */
	const char *task_id;		 /* sent along; NULL: none */
	const struct job *job;		 /* given up when this should stop; NULL: never */
};

/* How it ended.  Owns the call and its answer. */
struct waited {
	enum status status; /* OK; E_INTERRUPTED the job should stop; else as the call's */
	const char *detail; /* of an error, English, for the log; NULL: none.  Lives as long as `a`. */
	int64_t took_ms;
	struct call call;
	struct answer answer;
};

/* Ask and wait.  What was asked stays borrowed until waited_free(); `a` must outlive it. */
struct waited *waited_run(struct context *cx, struct arena *a, const struct waited_ask *ask);
/* NULL is fine. */
void waited_free(struct waited *w);
/* What was asked is at fault, not who was asked: another try with the same is of no use. */
bool waited_refused(const struct waited *w);

#endif
