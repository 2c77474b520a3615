/*
 * Bytes that are kept: of uploads, of generated pictures and films, of documents.
 *
 * An object is a row of table objects and the bytes it stands for: in a folder of this host
 * ([uploads] folder), or in a bucket ([storage] driver = s3).  The same bytes are one object,
 * whoever brings them: who keeps one refers to it from a row of his own (a column object_id
 * with the trigger count_object(), functions/storage.sql), which counts as its use; quotas go
 * by those rows.  An object without a use goes.
 *
 * What comes in is on this host's disk first, in either case, and that is all that whoever
 * brings it waits for; weir-worker takes it to the bucket within seconds (store/move.h) and
 * leaves a copy here for [storage] keep_local.  A name is never used twice, so that bytes can
 * be removed after their row without a lock.
 *
 * Any thread that may wait for PostgreSQL and a disk: workers of a responder, jobs, sweeps,
 * weirctl.  Nothing here waits for the bucket but store_open().
 */
#ifndef WEIR_STORE_STORE_H
#define WEIR_STORE_STORE_H

#include "core/request.h"
#include "core/spool.h"

#define STORE_NAME_BYTES 96

/* Columns of an object, joined as "o", for store_read(). */
#define STORE_COLUMNS "o.name AS object_name, o.size_bytes AS object_bytes, o.place AS object_place"

struct store_object {
	char name[STORE_NAME_BYTES]; /* below the folder, and behind the prefix in the bucket */
	int64_t size_bytes;
	bool in_bucket;
};

/* Bytes on disk that no row knows yet. */
struct store_new {
	char name[STORE_NAME_BYTES];
	unsigned char sha256[SHA256_BYTES];
	int64_t size_bytes;
};

/* Put what was spooled where it stays, through a power cut too.  Then call object_put() with
 * it in the transaction that writes the row which uses it, and tell store_placed() how that went;
 * who dies in between leaves a file that the sweep finds.  E_STORAGE_FULL, E_UNAVAILABLE. */
enum status store_place(struct context *cx, struct spool *s, struct store_new *out) MUST_CHECK;
/* `kept`: the name object_put() answered, of these bytes or of the same that were there before;
 * NULL: nobody wants them, they are removed. */
void store_placed(struct context *cx, const struct store_new *placed, const char *kept);

/* The object of a row with STORE_COLUMNS. */
void store_read(const struct rows *rows, int row, struct store_object *out);
/* Open its bytes to be read; *fd is the caller's.  Without a copy on this host they are fetched from the
 * bucket, for patience_ms at most (0: as long as bytes come), and with a patience one at a time per process.
 * E_NOT_FOUND the bytes are gone, E_UNAVAILABLE, E_STORAGE_FULL. */
enum status store_open(struct context *cx, const struct store_object *o, int64_t patience_ms, int *fd) MUST_CHECK;

/* Bring a copy from the bucket to this host, and look whether it is whole.  The same, and the same errors. */
enum status store_fetch(struct context *cx, const struct store_object *o, int64_t patience_ms) MUST_CHECK;

/* The name of an object that stands under an id of its own, in the arena. */
const char *store_name_of(struct arena *a, const char *id);
/* An address of the bucket at which whoever has it can put the object of that id, of that type and length, for ttl_s
 * seconds; in the arena.  It is nobody's until a row says whose, and the bucket's sweep removes it.  NULL: objects are in no bucket. */
const char *store_put_url(struct context *cx, const char *id, const char *content_type, int64_t size_bytes, int ttl_s);
/* Look at what was put there: its length and its first *len bytes at most.  For 10 s at most, and one at a time per
 * process.  E_NOT_FOUND nothing was, E_UNAVAILABLE. */
enum status store_look(struct context *cx, const char *id, int64_t *size_bytes, void *head, size_t *len) MUST_CHECK;

/* How an object is shown to who asked for it. */
struct store_show {
	const char *content_type, *disposition; /* of the headers */
};
/* Answer 200 with the file in a header for the web server (X-Accel-Redirect, X-Sendfile), or 302 to an address of
 * the bucket that holds for 10 minutes.  The caller has checked who may.  E_NOT_FOUND the bytes are gone. */
enum status store_send(struct request *rq, const struct store_object *o, const struct store_show *show) MUST_CHECK;
/* An address of the bucket at which whoever has it can read the object for ttl_s seconds, in the arena: for
 * providers that fetch what they work on.  NULL: it is in no bucket. */
const char *store_url(struct context *cx, const struct store_object *o, const struct store_show *show, int ttl_s);

/* A row that used it is gone, after its transaction: remove the object if that was the last use; one in the
 * bucket is left to weir-worker.  Trouble is logged and left to the sweep. */
void store_release(struct context *cx, const char *object_id);

#endif
