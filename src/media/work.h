/*
 * A task of a picture or film as the job that carries it sees it: the row, and how it ends.
 * Worker of weir-worker.
 */
#ifndef WEIR_MEDIA_WORK_H
#define WEIR_MEDIA_WORK_H

#include "catalog/offer.h"
#include "catalog/select.h"
#include "engine/task.h"
#include "jobs/job.h"
#include "wire/media.h"

struct work_task {
	struct task task;
	const char *state, *status, *conversation_id, *message_id, *group, *external_id, *model, *type;
	const json_t *input, *tried;
	int64_t model_id, channel_id, key_id;
	int64_t age_ms, sent_ms, accepted_ms; /* ago; 0: not yet */
	int64_t images;			      /* how many were asked for; 0: it is a film */
	int typical_s, progress;
	bool has_ended, is_cancelled;
};

/* Read it; in the arena.  E_NOT_FOUND. */
enum status work_read(struct context *cx, const char *task_id, struct work_task *out) MUST_CHECK;
/* Tell the pages how far it is. */
void work_tell(struct context *cx, const struct work_task *w, const char *status, int progress);

struct work_end {
	enum outcome outcome;
	enum status why;      /* OK: it is done */
	int64_t cost_ucr;     /* at most what is held */
	json_t *files;	      /* NULL: none; borrowed */
	double provider_cost; /* negative: not told */
	bool is_unconfirmed;
};
/* End it, once, whoever says so again; give its slot back, tell the pages. */
enum status work_end(struct context *cx, const struct work_task *w, const struct work_end *end) MUST_CHECK;

/* Tell whom it concerns that it has ended so; a row of media_end()'s columns. */
void work_ended(struct context *cx, const struct work_task *w, const struct work_end *end, const struct rows *rows);

#endif
