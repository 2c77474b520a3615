/*
 * Bytes that are kept: of uploads, of generated pictures and films, of documents.
 *
 * An object is a row of table objects and the bytes it stands for, in a folder of this
 * host ([uploads] folder) or in a bucket ([storage] driver = s3).  The same bytes are one
 * object, whoever brings them: who keeps one refers to it from a row of his own (a
 * column object_id with the trigger count_object(), functions/storage.sql), which counts as its
 * use; quotas go by those rows.  An object that nobody uses any more is removed by
 * store_release(), or by the sweep after [storage] orphan_age.
 *
 * What comes in is on this host's disk first, in either case, and that is all that the
 * one who brings it waits for; a job takes it to the bucket.  A copy stays here for
 * [storage] keep_local.  A name is never used twice, so bytes can be removed after
 * their row without a lock.
 *
 * Any thread that may wait for PostgreSQL: workers of a responder, jobs, sweeps,
 * weirctl.  What may wait for the bucket says so.
 */
#ifndef WEIR_STORE_STORE_H
#define WEIR_STORE_STORE_H

#include "core/request.h"
#include "core/spool.h"

#define STORE_NAME_BYTES 96

struct store_object {
	char id[UUID_LEN];
	char name[STORE_NAME_BYTES]; /* below the folder, and behind the prefix in the bucket */
	int64_t size_bytes;
	bool in_bucket;
};

/* Keep what was spooled (core/spool.h: spool_new(), spool_write(), spool_end()), which is moved
 * away.  `id` is that of a new object or of one with the same bytes.  Submit it in the
 * transaction in which the row is written that refers to it; without one it stays unused, for
 * [storage] orphan_age.  E_STORAGE_FULL, E_UNAVAILABLE (also: [uploads] folder is empty). */
enum status store_put(struct context *cx, struct spool *s, char id[UUID_LEN]) MUST_CHECK;
/* The same for bytes at hand, and for all that a descriptor gives from where it stands:
 * E_TOO_LARGE past max_bytes, E_INVALID_REQUEST nothing at all. */
enum status store_put_bytes(struct context *cx, const void *bytes, size_t len, char id[UUID_LEN]) MUST_CHECK;
enum status store_put_fd(struct context *cx, int fd, int64_t max_bytes, char id[UUID_LEN]) MUST_CHECK;

/* What there is of it.  E_NOT_FOUND. */
enum status store_head(struct context *cx, const char *id, struct store_object *out) MUST_CHECK;
/* Open its bytes to be read; *fd is the caller's.  Fetches them from the bucket where there is no copy
 * on this host: in weir-worker and weirctl it waits as long as that takes; a responder waits for
 * 5 s, with one of its workers at a time, and gives E_UNAVAILABLE then.  E_NOT_FOUND. */
enum status store_open(struct context *cx, const char *id, struct store_object *out, int *fd) MUST_CHECK;

/* How an object is shown to who asked for it. */
struct store_show {
	const char *content_type;
	const char *file_name; /* offered for saving, of A-Z a-z 0-9 . _ - */
	bool attachment;       /* saved rather than shown */
};
/* Answer with it: headers for the web server (X-Accel-Redirect, X-Sendfile), or a redirect to
 * the bucket that holds for 10 minutes.  The caller has checked who may.  E_NOT_FOUND. */
enum status store_send(struct request *rq, const char *id, const struct store_show *show) MUST_CHECK;
/* An address at which whoever has it can read the object for ttl_s seconds, in the arena: for providers that fetch
 * what they work on.  NULL: it is in no bucket.  E_NOT_FOUND. */
enum status store_url(struct context *cx, const char *id, const struct store_show *show, int ttl_s, const char **url)
    MUST_CHECK;

/* A row that referred to it is gone (after its transaction): remove it if that was the last.  Does not
 * wait for the bucket. */
enum status store_release(struct context *cx, const char *id) MUST_CHECK;

#endif
