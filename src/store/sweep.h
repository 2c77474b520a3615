/*
 * Files that no row knows: a process died before it wrote the row, or after it removed
 * it; what never came in whole; and copies of what is in the bucket.
 */
#ifndef WEIR_STORE_SWEEP_H
#define WEIR_STORE_SWEEP_H

#include "core/sweep.h"
#include "jobs/job.h"

/* Sweep, of each host: remove from [uploads] folder what no row knows for [storage] orphan_age,
 * what did not come in whole, and copies older than [storage] keep_local. */
enum status sweep_folder(struct sweeper *s);

/* What was found in the bucket. */
struct bucket_swept {
	int64_t seen, removed, aborted;
};
/* Remove from the bucket what no row knows, and uploads in parts that nobody ended, both for [storage] orphan_age.
 * `stopping` may be NULL.  E_UNAVAILABLE, E_INTERNAL.  Waits for the bucket. */
enum status sweep_bucket(struct context *cx, bool (*stopping)(void *), void *arg, struct bucket_swept *out) MUST_CHECK;
/* Job: the same, when there is a bucket. */
enum status j_sweep_bucket(struct context *cx, struct job *job);

#endif
