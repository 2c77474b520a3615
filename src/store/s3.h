/*
 * An S3-compatible object store, as [storage] describes it.
 *
 * Requests are signed with their payload (store/sigv4.h). Bodies above
 * S3_PART_BYTES go in parts. What fails for a passing reason (no answer, 429, 5xx, a
 * clock that is off) is asked again, with a longer pause each time. Keys and signatures are never logged.
 *
 * Everything here waits. One thread at a time; never the reactor.
 */
#ifndef WEIR_STORE_S3_H
#define WEIR_STORE_S3_H

#include "base/arena.h"
#include "base/conf.h"
#include "base/status.h"
#include "store/xml.h"

#define S3_PART_BYTES (16 << 20)
#define S3_KEY_BYTES 512
#define S3_LIST_MAX 1000

struct s3;

/* True when [storage] says all that is needed. */
bool s3_configured(const struct conf *conf);
/* What is missing for that, or NULL. */
const char *s3_problem(const struct conf *conf);
/* What must not be in [storage] of a program that starts, or NULL: an unknown driver, or a bucket without what it needs. */
const char *storage_problem(const struct conf *conf);
/* `patience_ms` bounds each of the calls below, with all its tries; 0: as long as there is progress. */
struct s3 *s3_new(const struct conf *conf, int64_t patience_ms);
void s3_free(struct s3 *s);
/* Why the last call failed: for the log and for operators. */
const char *s3_why(const struct s3 *s);

/* All of these: E_NOT_FOUND no such object; E_UNAVAILABLE no answer, or one that may be another later; E_INTERNAL
 * it refuses (keys, bucket, permissions).  `name` is put behind [storage] prefix. */

/* Put the first `len` bytes of a file. */
enum status s3_put(struct s3 *s, const char *name, int fd, int64_t len) MUST_CHECK;
/* Append an object to a file; E_TOO_LARGE past max_bytes, E_STORAGE_FULL. */
enum status s3_get(struct s3 *s, const char *name, int fd, int64_t max_bytes) MUST_CHECK;
enum status s3_head(struct s3 *s, const char *name, int64_t *size_bytes) MUST_CHECK;
/* Its length, and its first *len bytes at most to `head`; *len becomes how many there were. */
enum status s3_look(struct s3 *s, const char *name, int64_t *size_bytes, void *head, size_t *len) MUST_CHECK;
/* OK also when there is none. */
enum status s3_delete(struct s3 *s, const char *name) MUST_CHECK;

/* One of those that are there. */
struct s3_item {
	char name[S3_KEY_BYTES];      /* without the prefix */
	char upload_id[S3_KEY_BYTES]; /* of an upload in parts that has not ended; "" of an object */
	int64_t size_bytes, changed_ms;
};
struct s3_page {
	struct s3_item *items; /* the caller's, free() */
	size_t n;
	bool more;
	/* Where the next page begins; all zero: the first. */
	char token[2 * S3_KEY_BYTES], key_marker[S3_KEY_BYTES];
};
/* The objects below the prefix, a page at a time: pass the page again until `more` is false. */
enum status s3_list(struct s3 *s, int limit, struct s3_page *page) MUST_CHECK;
/* The uploads in parts that have not ended. */
enum status s3_list_uploads(struct s3 *s, struct s3_page *page) MUST_CHECK;
/* Forget such an upload. */
enum status s3_abort(struct s3 *s, const char *name, const char *upload_id) MUST_CHECK;

/* An address for GET that holds for ttl_s seconds, in the arena; how it is shown may be NULL.  By [storage]
 * public_endpoint, if there is one.  Does not wait; any thread. */
const char *s3_presign(struct arena *a, const struct conf *conf, const char *name, const char *content_type,
    const char *disposition, int ttl_s);
/* The same for PUT of a file of that type and length, which whoever asks has to send as headers, with
 * "If-None-Match: *": where the store knows that, a file is put there once. */
const char *s3_presign_put(struct arena *a, const struct conf *conf, const char *name, const char *content_type,
    int64_t size_bytes, int ttl_s);

/* ---- pure, for tests ---- */

/* Read what s3_list() and s3_list_uploads() are told.  False: it is not that. */
bool s3_read_page(const char *xml, size_t len, const char *prefix, struct s3_page *out);
/* The text of the first element of that name; false: there is none, or the XML is wrong. */
bool s3_read_text(const char *xml, size_t len, const char *element, char *out, size_t size);

#endif
