#include "core/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "io/fcgi.h"

#define FOLDER_MODE 0750
#define FILE_MODE 0640

bool
spool_make_folders(struct context *cx, const char *path)
{
	const char *folder = dirname(arena_strdup(cx->arena, path));

	if (mkdir(cx->conf->uploads_folder, FOLDER_MODE) != 0 && errno != EEXIST)
		return false;
	return mkdir(folder, FOLDER_MODE) == 0 || errno == EEXIST;
}

enum status
spool_refuse(struct context *cx, const char *what, const char *path)
{
	enum status st = errno == ENOSPC || errno == EDQUOT || errno == EFBIG ? E_STORAGE_FULL : E_UNAVAILABLE;

	LOG(ERROR, "upload_failed", LS("call", what), LS("path", path), LS("error", strerror(errno)));
	return fail(cx, st, "%s %s: %s", what, path, strerror(errno));
}

void
spool_close(void *arg)
{
	struct spool *s = arg;

	if (s->fd >= 0)
		close(s->fd);
	if (s->path != NULL)
		unlink(s->path);
	if (s->hash != NULL)
		crypto_sha256_end(s->hash, s->sha256);
	s->fd = -1;
	s->path = NULL;
	s->hash = NULL;
}

bool
spool_open(struct context *cx, struct spool *s)
{
	const int how = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC;

	uuid_v7(s->id);
	s->path = arena_printf(cx->arena, "%s/" SPOOL_TMP "/%s", cx->conf->uploads_folder, s->id);
	s->fd = open(s->path, how, FILE_MODE);
	if (s->fd < 0 && errno == ENOENT && spool_make_folders(cx, s->path))
		s->fd = open(s->path, how, FILE_MODE);
	if (s->fd < 0) {
		s->path = NULL;
		return false;
	}
	s->hash = crypto_sha256_new();
	arena_cleanup(cx->arena, spool_close, s);
	return true;
}

/* What takes the pieces of the body. */
struct spooling {
	struct spool *spool;
	int error; /* errno of the write that failed */
};

bool
spool_add(struct spool *s, const void *bytes, size_t len)
{
	if (s->len < sizeof(s->head)) {
		size_t room = sizeof(s->head) - s->len;

		memcpy(s->head + s->len, bytes, len < room ? len : room);
	}
	crypto_sha256_add(s->hash, bytes, len);
	for (size_t at = 0; at < len;) {
		ssize_t n = write(s->fd, (const char *)bytes + at, len - at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			errno = n < 0 ? errno : ENOSPC;
			return false;
		}
		at += (size_t)n;
	}
	s->len += len;
	return true;
}

static enum status
take_piece(void *arg, const void *bytes, size_t len)
{
	struct spooling *sp = arg;

	if (spool_add(sp->spool, bytes, len))
		return OK;
	sp->error = errno;
	return E_STORAGE_FULL;
}

/* Refuse before anything was read: what comes is thrown away, so that the
 * client reads the answer and not a reset. */
static enum status
refuse_unread(struct request *rq, enum status st)
{
	char *body;
	size_t len;

	if (fcgi_read_body(rq->conn, rq->cx.arena, 0, &body, &len) == E_UNAVAILABLE)
		return fail(&rq->cx, E_UNAVAILABLE, "the client left while sending");
	return st;
}

/* Read the body into the open file. */
static enum status
spool_body(struct request *rq, struct spool *s)
{
	struct spooling sp = { s, 0 };
	size_t max_bytes = rq->cx.conf->uploads_max_bytes;
	enum status st = fcgi_read_body_to(rq->conn, max_bytes, take_piece, &sp);

	if (st == E_TOO_LARGE)
		return fail_with(&rq->cx, st, json_pack("{s:I}", "limit_bytes", (json_int_t)max_bytes), NULL);
	if (sp.error != 0) {
		errno = sp.error;
		return spool_refuse(&rq->cx, "write", s->path);
	}
	if (st != OK)
		return fail(&rq->cx, st, "the client left while sending");
	if (s->len == 0)
		return fail_field(&rq->cx, "body", "is missing");
	crypto_sha256_end(s->hash, s->sha256);
	s->hash = NULL;
	return OK;
}

enum status
spool_read(struct request *rq)
{
	struct spool *s = ARENA_NEW(rq->cx.arena, struct spool);
	enum status st;

	if (*rq->cx.conf->uploads_folder == '\0')
		return refuse_unread(rq, fail(&rq->cx, E_FORBIDDEN, "uploads are off"));
	if (!spool_open(&rq->cx, s))
		return refuse_unread(rq, spool_refuse(&rq->cx, "open", rq->cx.conf->uploads_folder));
	if ((st = spool_body(rq, s)) != OK) {
		spool_close(s);
		return st;
	}
	rq->spool = s;
	return OK;
}
