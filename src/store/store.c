#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "core/reply.h"
#include "io/fcgi.h"
#include "store/local.h"
#include "store/s3.h"

#define REDIRECT_S 600
#define LOOK_MS 10000

/* A responder's workers do not all wait for the bucket: one may. */
static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;

/* ---- bringing ---------------------------------------------------------------- */

/* The hash, and a mark that makes the name new. */
static void
make_name(const unsigned char sha256[SHA256_BYTES], char out[STORE_NAME_BYTES])
{
	char hex[2 * SHA256_BYTES + 1], mark[LOCAL_MARK_LEN + 1];
	unsigned char dice[LOCAL_MARK_LEN / 2];

	crypto_hex(sha256, SHA256_BYTES, hex);
	crypto_random(dice, sizeof(dice));
	crypto_hex(dice, sizeof(dice), mark);
	snprintf(out, STORE_NAME_BYTES, "%.2s/%s.%s", hex, hex, mark);
}

enum status
store_place(struct context *cx, struct spool *s, struct store_new *out)
{
	if (s->hash != NULL) {
		crypto_sha256_end(s->hash, s->sha256);
		s->hash = NULL;
	}
	memcpy(out->sha256, s->sha256, sizeof(out->sha256));
	out->size_bytes = (int64_t)s->len;
	make_name(s->sha256, out->name);
	return local_keep(cx, s, out->name);
}

void
store_placed(struct context *cx, const struct store_new *placed, const char *kept)
{
	if (kept == NULL) {
		local_remove(cx, placed->name);
	} else if (strcmp(kept, placed->name) != 0 && local_rename(cx, placed->name, kept) != OK) {
		local_remove(cx, placed->name); /* the same bytes are there under their own name */
		cx->error = OK;
	}
}

void
store_read(const struct rows *rows, int row, struct store_object *out)
{
	snprintf(out->name, sizeof(out->name), "%s", row_text(rows, row, "object_name"));
	out->size_bytes = row_int(rows, row, "object_bytes");
	out->in_bucket = strcmp(row_text(rows, row, "object_place"), "s3") == 0;
}

/* ---- reading ------------------------------------------------------------------- */

enum status
store_fetch(struct context *cx, const struct store_object *o, int64_t patience_ms)
{
	struct spool *s = ARENA_NEW(cx->arena, struct spool); /* which closes it again */
	struct s3 *bucket;
	enum status st;

	if (!s3_configured(cx->conf))
		return fail(cx, E_UNAVAILABLE, "%s is in the bucket: %s", o->name, s3_problem(cx->conf));
	if (!spool_open(cx, s))
		return spool_refuse(cx, "open", cx->conf->uploads_folder);
	bucket = s3_new(cx->conf, patience_ms);
	st = s3_get(bucket, o->name, s->fd, o->size_bytes);
	if (st != OK)
		st = fail(cx, st == E_INTERNAL || st == E_TOO_LARGE ? E_UNAVAILABLE : st, "get %s: %s", o->name,
		    s3_why(bucket));
	else if (!local_is_whole(s->fd, o->name, o->size_bytes))
		st = fail(cx, E_UNAVAILABLE, "get %s: what came is not what was put there", o->name);
	else
		st = local_keep(cx, s, o->name);
	s3_free(bucket);
	spool_close(s);
	return st;
}

static enum status
fetch_patiently(struct context *cx, const struct store_object *o, int64_t patience_ms)
{
	enum status st;

	if (patience_ms == 0)
		return store_fetch(cx, o, 0);
	if (pthread_mutex_trylock(&one_at_a_time) != 0)
		return fail(cx, E_UNAVAILABLE, "%s: another object is being fetched", o->name);
	st = store_fetch(cx, o, patience_ms);
	pthread_mutex_unlock(&one_at_a_time);
	return st;
}

enum status
store_open(struct context *cx, const struct store_object *o, int64_t patience_ms, int *fd)
{
	const char *path = local_path(cx->arena, cx->conf, o->name);
	enum status st;

	*fd = open(path, O_RDONLY | O_CLOEXEC);
	if (*fd < 0 && errno == ENOENT && o->in_bucket) {
		if ((st = fetch_patiently(cx, o, patience_ms)) != OK)
			return st;
		*fd = open(path, O_RDONLY | O_CLOEXEC);
	}
	if (*fd >= 0)
		return OK;
	return errno == ENOENT ? fail(cx, E_NOT_FOUND, "%s is gone", o->name) : spool_refuse(cx, "open", path);
}

/* ---- brought to the bucket by others ------------------------------------------------ */

const char *
store_name_of(struct arena *a, const char *id)
{
	return arena_printf(a, "%s/%s", id + UUID_LEN - 3, id);
}

const char *
store_put_url(struct context *cx, const char *id, const char *content_type, int64_t size_bytes, int ttl_s)
{
	if (strcmp(cx->conf->storage_driver, "s3") != 0 || !s3_configured(cx->conf))
		return NULL;
	return s3_presign_put(cx->arena, cx->conf, store_name_of(cx->arena, id), content_type, size_bytes, ttl_s);
}

static enum status
look(struct context *cx, const char *name, int64_t *size_bytes, void *head, size_t *len)
{
	struct s3 *bucket = s3_new(cx->conf, LOOK_MS);
	enum status st = s3_look(bucket, name, size_bytes, head, len);

	if (st != OK)
		st = fail(cx, st == E_INTERNAL ? E_UNAVAILABLE : st, "look at %s: %s", name, s3_why(bucket));
	s3_free(bucket);
	return st;
}

enum status
store_look(struct context *cx, const char *id, int64_t *size_bytes, void *head, size_t *len)
{
	const char *name = store_name_of(cx->arena, id);
	enum status st;

	if (!s3_configured(cx->conf))
		return fail(cx, E_UNAVAILABLE, "%s is in the bucket: %s", name, s3_problem(cx->conf));
	if (pthread_mutex_trylock(&one_at_a_time) != 0) {
		fail(cx, E_UNAVAILABLE, "%s: another object is being looked at", name);
		fail_retry_after(cx, 1);
		return E_UNAVAILABLE;
	}
	st = look(cx, name, size_bytes, head, len);
	pthread_mutex_unlock(&one_at_a_time);
	return st;
}

/* ---- showing --------------------------------------------------------------------- */

/* nginx wants a path below an internal location; the others the file's own. */
static void
name_file(struct request *rq, const struct store_object *o)
{
	const char *how = rq->cx.conf->uploads_sendfile, *server = fcgi_param(rq->conn, "SERVER_SOFTWARE");
	bool is_nginx = server != NULL && strncmp(server, "nginx", 5) == 0;

	if (strcmp(how, "x-accel-redirect") == 0 || (strcmp(how, "x-sendfile") != 0 && is_nginx))
		reply_header(rq, "X-Accel-Redirect", LOCAL_ACCEL_PATH "%s", o->name);
	else
		reply_header(rq, "X-Sendfile", "%s", local_path(rq->cx.arena, rq->cx.conf, o->name));
}

const char *
store_url(struct context *cx, const struct store_object *o, const struct store_show *show, int ttl_s)
{
	if (!o->in_bucket || !s3_configured(cx->conf))
		return NULL;
	return s3_presign(cx->arena, cx->conf, o->name, show->content_type, show->disposition, ttl_s);
}

enum status
store_send(struct request *rq, const struct store_object *o, const struct store_show *show)
{
	const char *url = NULL;

	if (!local_has(&rq->cx, o->name, o->size_bytes) && (url = store_url(&rq->cx, o, show, REDIRECT_S)) == NULL)
		return o->in_bucket
		    ? fail(&rq->cx, E_UNAVAILABLE, "%s is in the bucket: %s", o->name, s3_problem(rq->cx.conf))
		    : fail(&rq->cx, E_NOT_FOUND, "%s is gone", o->name);
	reply_empty(rq);
	rq->http_status = url == NULL ? 200 : 302;
	rq->cache_control = "private, no-cache"; /* may be kept, but the owner is checked each time */
	if (url != NULL) {
		reply_header(rq, "Location", "%s", url);
		return OK;
	}
	name_file(rq, o);
	reply_header(rq, "Content-Type", "%s", show->content_type);
	reply_header(rq, "Content-Disposition", "%s", show->disposition);
	reply_header(rq, "Content-Security-Policy", "default-src 'none'; sandbox");
	return OK;
}

/* ---- giving up --------------------------------------------------------------------- */

void
store_release(struct context *cx, const char *object_id)
{
	AUTO_ROWS struct rows *rows = NULL;

	if (pg_query_again(cx->pg, &rows, "SELECT name FROM objects_drop($1, 'local', 1)", PS(object_id)) != OK)
		LOG(WARN, "object_not_removed", LS("id", object_id), LS("error", pg_error(cx->pg)),
		    LS("hint", "weir-worker will try again"));
	else if (rows_count(rows) > 0)
		local_remove(cx, row_text(rows, 0, "name"));
}
