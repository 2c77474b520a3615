/*
 * A request's body on disk: what routes with ROUTE_FILE take.  It comes in as
 * tmp/ID below [uploads] folder; who keeps it moves it from there.
 */
#ifndef WEIR_CORE_SPOOL_H
#define WEIR_CORE_SPOOL_H

#include "base/crypto.h"
#include "base/media.h"
#include "core/request.h"

/* Folder of what is coming in, below [uploads] folder. */
#define SPOOL_TMP "tmp"

/* rq->spool.  Ends with the request. */
struct spool {
	char id[UUID_LEN];
	const char *path; /* in SPOOL_TMP; NULL once it was moved away */
	int fd;
	size_t len;
	unsigned char head[MEDIA_HEAD_BYTES]; /* its first bytes, for media_sniff() */
	struct crypto_sha256 *hash;
	unsigned char sha256[SHA256_BYTES]; /* of it all */
};

/* The stage of routes with ROUTE_FILE: read the body into a new file.
 * E_TOO_LARGE (details.limit_bytes), E_STORAGE_FULL no room on disk,
 * E_FORBIDDEN uploads are off, E_INVALID_REQUEST empty, E_UNAVAILABLE the
 * client left or the folder cannot be written.  Worker. */
enum status spool_read(struct request *rq) MUST_CHECK;
/* A new file for what comes from elsewhere than a request; ends with cx->arena.  False:
 * errno says why. */
bool spool_open(struct context *cx, struct spool *s) MUST_CHECK;
/* More of it.  False: errno says why.  Any thread that has it. */
bool spool_add(struct spool *s, const void *bytes, size_t len) MUST_CHECK;
/* Forget what is left of a spool: at the latest when the request ends, but
 * before a refusal is answered, so that nothing of it can be seen then. */
void spool_close(void *spool);
/* Make the folder the file `path` is to stand in, and [uploads] folder. */
bool spool_make_folders(struct context *cx, const char *path) MUST_CHECK;
/* Refuse for what errno says of `what` on `path`: E_STORAGE_FULL or
 * E_UNAVAILABLE; logged. */
enum status spool_refuse(struct context *cx, const char *what, const char *path);

#endif
