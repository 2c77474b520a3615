/*
 * Jobs as operators see them: lists, retries, what is paused, the calendar.
 *
 * Job: {id, kind, status, priority, run_at, payload, has_secret, unique_key, user_id,
 * attempts, error, created_at, started_at, ended_at}.  Queue: {kind, paused, known, waiting,
 * running, dead, oldest_s, done, retried, died, run_ms, tries, at_once}.  Schedule:
 * {name, kind, cron, time_zone, enabled, next_at, last_at, last_job}.
 *
 * Worker, or weirctl.  A json_t given out is the caller's.
 */
#ifndef WEIR_JOBS_DESK_H
#define WEIR_JOBS_DESK_H

#include "base/buf.h"
#include "core/page.h"
#include "jobs/job.h"

/* What the query of the list takes. */
extern const struct field jobs_query[];

/* A page of jobs, newest first; `status` and `kind` NULL: any.  E_INVALID_REQUEST. */
enum status jobs_list(struct context *cx, const char *status, const char *kind, const struct page *page, json_t **items,
    bool *more) MUST_CHECK;
/* E_NOT_FOUND, also for NULL, in all that follow. */
enum status job_find(struct context *cx, const char *id, json_t **out) MUST_CHECK;
/* Cancel what waits, ask what runs to stop.  E_CONFLICT it has ended. */
enum status job_cancel(struct context *cx, const char *id, json_t **out) MUST_CHECK;
/* Let one that is dead, cancelled or put off run now.  E_CONFLICT it runs, is due or done, or another
 * has its unique key. */
enum status job_retry(struct context *cx, const char *id, json_t **out) MUST_CHECK;
/* Let what died of a kind since `from` (RFC 3339) run again, at most 1,000: *n so many.
 * E_INVALID_REQUEST. */
enum status jobs_replay(struct context *cx, const char *kind, const char *from, int64_t *n) MUST_CHECK;

/* All kinds, those of the build and those that are in the table, by name. */
enum status queues_list(struct context *cx, json_t **items) MUST_CHECK;
/* Take nothing of a kind for the time being, or again. */
enum status queue_pause(struct context *cx, const char *kind, bool pause, json_t **out) MUST_CHECK;
/* What stands in the queues, for Prometheus. */
enum status queues_metrics(struct context *cx, struct buf *to) MUST_CHECK;

enum status schedules_list(struct context *cx, json_t **items) MUST_CHECK;
extern const struct field schedule_change_fields[];
/* Change cron, time_zone or enabled.  E_INVALID_REQUEST a line or a zone that is not understood. */
enum status schedule_update(struct context *cx, const char *name, const json_t *in, json_t **out) MUST_CHECK;
/* Its job, now, besides what the calendar says: *out is the job. */
enum status schedule_run(struct context *cx, const char *name, json_t **out) MUST_CHECK;

#endif
