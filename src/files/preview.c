#include "files/preview.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fields.h"
#include "base/log.h"
#include "base/thread.h"
#include "core/spool.h"
#include "io/helper.h"
#include "store/local.h"
#include "store/store.h"

#define LENS "weir-lens"
#define LOOK_MS 60000
#define CAN_MS 5000
#define AT_ONCE 2
#define REST_AT_ONCE 500
#define PATH_BYTES 512
#define SAID_BYTES 4096

/* As weir-lens ends. */
enum { LENS_DONE, LENS_UNREADABLE, LENS_UNABLE, LENS_MISSING };

/* ---- whether ------------------------------------------------------------------------ */

static void
say_missing(const char *what)
{
	static atomic_flag was_said = ATOMIC_FLAG_INIT;

	if (!atomic_flag_test_and_set(&was_said))
		LOG(WARN, "no_previews", LS("missing", what),
		    LS("hint", "install libvips-tools and ffmpeg for small pictures of pictures and films"));
}

static const char *
first_line(struct arena *a, const struct buf *said)
{
	const char *text = buf_str(said);

	return arena_strndup(a, text, strcspn(text, "\n"));
}

bool
preview_can(struct arena *a, const char *type, const char **missing)
{
	char path[PATH_BYTES];
	const char *const argv[] = { LENS, "can", type, NULL };
	struct buf said = BUF_INIT(SAID_BYTES);
	struct helper h = { .path = path, .argv = argv, .in = -1, .file = -1, .total_ms = CAN_MS, .said = &said };
	bool can = false;

	*missing = LENS;
	if (helper_find(LENS, path, sizeof(path)) && helper_run(&h) &&
	    (h.exit_status == LENS_DONE || h.exit_status == LENS_MISSING)) {
		*missing = first_line(a, &said);
		can = h.exit_status == LENS_DONE;
	}
	buf_free(&said);
	return can;
}

/* ---- looking --------------------------------------------------------------------------- */

static struct {
	pthread_mutex_t lock;
	pthread_cond_t freed;
	int busy;
} lenses = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0 };

static void
lens_take(void)
{
	pthread_mutex_lock(&lenses.lock);
	while (lenses.busy >= AT_ONCE)
		pthread_cond_wait(&lenses.freed, &lenses.lock);
	lenses.busy++;
	pthread_mutex_unlock(&lenses.lock);
}

static void
lens_give_back(void)
{
	pthread_mutex_lock(&lenses.lock);
	lenses.busy--;
	pthread_cond_signal(&lenses.freed);
	pthread_mutex_unlock(&lenses.lock);
}

static bool
stopping(void *job)
{
	return job != NULL && job_stopping(job);
}

/* What weir-lens wrote is looked at as a stranger's, too. */
static enum status
keep_small(struct context *cx, struct spool *s, struct preview *out)
{
	const struct media_type *type;
	struct stat st;
	ssize_t n;
	enum status kept;

	n = pread(s->fd, s->head, sizeof(s->head), 0);
	type = n > 0 ? media_sniff(s->head, (size_t)n) : NULL;
	if (type == NULL || strcmp(type->type, "image/webp") != 0 || fstat(s->fd, &st) != 0 || st.st_size == 0)
		return OK;
	if ((kept = local_keep(cx, s, store_name_of(cx->arena, s->id))) != OK)
		return kept;
	memcpy(out->small_id, s->id, UUID_LEN);
	out->small_bytes = st.st_size;
	return OK;
}

static void
read_told(const char *said, struct preview *out)
{
	json_t *told = json_loads(said, 0, NULL);

	out->width = field_int(told, "width", 0);
	out->height = field_int(told, "height", 0);
	out->duration_ms = field_int(told, "duration_ms", 0);
	json_decref(told);
}

static enum status
run_lens(struct context *cx, const struct job *job, int fd, const struct media_type *type, struct spool *small,
    struct buf *said, struct helper *h)
{
	char path[PATH_BYTES];
	const char *const argv[] = { LENS, "look", type->type, NULL };

	*h = (struct helper){ .path = path,
		.argv = argv,
		.in = fd,
		.file = small->fd,
		.total_ms = LOOK_MS,
		.said = said,
		.stopping = stopping,
		.arg = (void *)job };
	if (!helper_find(LENS, path, sizeof(path))) {
		say_missing(LENS);
		return fail(cx, E_NOT_FOUND, "no " LENS);
	}
	lens_take();
	if (!helper_run(h))
		h->exit_status = LENS_UNABLE;
	lens_give_back();
	h->path = NULL;
	h->argv = NULL;
	return OK;
}

/* What it told, when it has ended. */
static enum status
judge(
    struct context *cx, const struct helper *h, const struct media_type *type, struct spool *small, struct preview *out)
{
	const char *missing;

	if (h->end == HELPER_STOPPED)
		return fail(cx, E_CANCELLED, "the process ends");
	if (h->exit_status == LENS_MISSING) {
		missing = first_line(cx->arena, h->said);
		say_missing(missing);
		return fail(cx, E_NOT_FOUND, "no %s", missing);
	}
	if (h->exit_status == LENS_UNABLE)
		return fail(cx, E_UNAVAILABLE, LENS ": %s", h->complained);
	if (h->exit_status != LENS_DONE) {
		LOG(INFO, "no_preview", LS("type", type->type),
		    LS("why", h->end == HELPER_LATE ? "it took too long" : h->complained));
		return OK;
	}
	read_told(buf_str(h->said), out);
	return keep_small(cx, small, out);
}

static enum status
look_into(struct context *cx, const struct job *job, int fd, const struct media_type *type, struct spool *small,
    struct preview *out)
{
	struct buf said = BUF_INIT(SAID_BYTES);
	struct helper h;
	enum status st = run_lens(cx, job, fd, type, small, &said, &h);

	if (st == OK)
		st = judge(cx, &h, type, small, out);
	buf_free(&said);
	return st;
}

enum status
preview_look(struct context *cx, const struct job *job, int fd, const struct media_type *type, struct preview *out)
{
	struct spool *small = ARENA_NEW(cx->arena, struct spool);
	enum status st;

	*out = (struct preview){ .small_id = "" };
	*small = (struct spool){ .fd = -1 };
	if (!cx->conf->uploads_previews || (type->kind != MEDIA_IMAGE && type->kind != MEDIA_VIDEO))
		return fail(cx, E_NOT_FOUND, "no preview of %s", type->type);
	if (!spool_open(cx, small))
		return spool_refuse(cx, "open", cx->conf->uploads_folder);
	st = look_into(cx, job, fd, type, small, out);
	spool_close(small);
	return st;
}

/* ---- the jobs ------------------------------------------------------------------------------ */

static enum status
note(struct context *cx, const char *object_id, const struct preview *p)
{
	enum status st = pg_query_again(cx->pg, NULL,
	    "SELECT preview_put($1::uuid, nullif($2, '')::uuid, $3::bigint, $4::int, $5::int, $6::bigint)",
	    PS(object_id), PS(p->small_id), PI(p->small_bytes), PI(p->width), PI(p->height), PI(p->duration_ms));

	return st == OK ? OK : fail(cx, st, "note the preview of %s: %s", object_id, pg_error(cx->pg));
}

/* E_NOT_FOUND: it is gone, or has one. */
static enum status
find_object(struct context *cx, const char *id, struct store_object *out)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query_again(cx->pg, &rows,
	    "SELECT " STORE_COLUMNS " FROM objects o WHERE o.id = $1::uuid"
	    " AND NOT EXISTS (SELECT FROM previews p WHERE p.of_id = o.id)",
	    PS(id));

	if (st != OK)
		return fail(cx, st, "find object %s: %s", id, pg_error(cx->pg));
	if (rows_count(rows) == 0)
		return fail(cx, E_NOT_FOUND, "object %s", id);
	store_read(rows, 0, out);
	return OK;
}

enum status
j_preview(struct context *cx, struct job *job)
{
	const char *id = field_text(job->payload, "object_id"), *name = field_text(job->payload, "content_type");
	const struct media_type *type = name == NULL ? NULL : media_find(name);
	struct store_object object = { 0 };
	struct preview found;
	enum status st;
	int fd;

	if (id == NULL || type == NULL)
		return job_give_up(job, fail(cx, E_INTERNAL, "a job without an object"));
	if ((st = find_object(cx, id, &object)) == OK && (st = store_open(cx, &object, 0, &fd)) == OK) {
		st = preview_look(cx, job, fd, type, &found);
		close(fd);
		if (st == OK)
			st = note(cx, id, &found);
	}
	return st == E_NOT_FOUND ? OK : st; /* it is gone, or there is no program */
}

enum status
j_preview_rest(struct context *cx, struct job *job)
{
	const char *missing;
	bool pictures, films;
	enum status st;

	(void)job;
	if (!cx->conf->uploads_previews)
		return OK;
	if (!(pictures = preview_can(cx->arena, "image/png", &missing)))
		say_missing(missing);
	if (!(films = preview_can(cx->arena, "video/mp4", &missing)))
		say_missing(missing);
	st = pg_query_again(cx->pg, NULL, "SELECT previews_want($1::boolean, $2::boolean, $3::int)", PB(pictures),
	    PB(films), PI(REST_AT_ONCE));
	return st == OK ? OK : fail(cx, st, "previews: %s", pg_error(cx->pg));
}
