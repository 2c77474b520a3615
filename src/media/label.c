#include "media/label.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "io/helper.h"

#define LENS "weir-lens"
#define LABEL_MS 60000
#define PATH_BYTES 512

/* Who made what: TC260-PG-20258A.  "1": it was made by a model. */
static const char *
words(struct context *cx, const char *file_id)
{
	const char *who = *cx->conf->media_label_producer != '\0' ? cx->conf->media_label_producer
								  : cx->conf->server_base_url;
	json_t *j = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "Label", "1", "ContentProducer", who, "ProduceID",
	    file_id, "ReservedCode1", "", "ContentPropagator", who, "PropagateID", file_id, "ReservedCode2", "");
	char *text = json_dumps(j, JSON_COMPACT);
	const char *copy = arena_strdup(cx->arena, text == NULL ? "{}" : text);

	free(text);
	json_decref(j);
	return copy;
}

static bool
stopping(void *job)
{
	return job != NULL && job_stopping(job);
}

/* Why it was not marked, in the arena; NULL: it was, and the copy is what it was. */
static const char *
mark(struct context *cx, const struct job *job, const struct media_type *type, const struct spool *file,
    struct spool *copy)
{
	char path[PATH_BYTES];
	const char *const argv[] = { LENS, "label", type->type, words(cx, file->id), NULL };
	struct helper *h = ARENA_NEW(cx->arena, struct helper);
	struct buf said = BUF_INIT(1); /* nothing */
	struct stat st;
	ssize_t n;

	*h = (struct helper){ .path = path,
		.argv = argv,
		.in = file->fd,
		.file = copy->fd,
		.total_ms = LABEL_MS,
		.said = &said,
		.stopping = stopping,
		.arg = (void *)job };
	if (!helper_find(LENS, path, sizeof(path)))
		return "no " LENS;
	if (!helper_run(h))
		return strerror(errno);
	buf_free(&said);
	if (h->end != HELPER_ENDED || h->exit_status != 0)
		return h->end == HELPER_LATE ? "it took too long" : h->complained;
	n = pread(copy->fd, copy->head, sizeof(copy->head), 0);
	if (n <= 0 || media_sniff(copy->head, (size_t)n) != type || fstat(copy->fd, &st) != 0 ||
	    (size_t)st.st_size <= file->len)
		return "the copy is not what it was";
	copy->len = (size_t)st.st_size;
	return NULL;
}

enum status
media_label(struct context *cx, const struct job *job, const struct media_type *type, struct spool **file)
{
	static const char *const marked[] = { "image/png", "image/jpeg", "image/webp", "video/mp4" };
	struct spool *copy = ARENA_NEW(cx->arena, struct spool);
	bool can_be = false;
	const char *why;

	for (size_t i = 0; i < sizeof(marked) / sizeof(marked[0]); i++)
		can_be = can_be || strcmp(type->type, marked[i]) == 0;
	if (!cx->conf->media_label || !can_be)
		return OK;
	*copy = (struct spool){ .fd = -1 };
	if (!spool_open(cx, copy))
		return spool_refuse(cx, "open", cx->conf->uploads_folder);
	if ((why = mark(cx, job, type, *file, copy)) != NULL) {
		LOG(WARN, "media_not_labelled", LS("type", type->type), LS("why", why));
		spool_close(copy);
		return OK;
	}
	spool_close(*file);
	*file = copy;
	return OK;
}
