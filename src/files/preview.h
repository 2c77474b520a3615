/*
 * What a picture or film is like (its size, how long it lasts) and a small picture of it: a
 * row of table previews, for the object it shows, and an object of its own.  Made by
 * weir-worker with weir-lens (src/lens), which may be missing, or lack the programs it
 * needs: then there are none.
 */
#ifndef WEIR_FILES_PREVIEW_H
#define WEIR_FILES_PREVIEW_H

#include "base/media.h"
#include "core/context.h"
#include "jobs/job.h"

struct preview {
	int64_t width, height; /* pixels, as it is shown; 0: not known, it is damaged */
	int64_t duration_ms;   /* of a film; 0: not known */
	/* The small one stands where it is served from, under this id, and is nobody's until a row
	 * says whose; "": there is none. */
	char small_id[UUID_LEN];
	int64_t small_bytes;
};

/* Look at the open file.  E_NOT_FOUND: there is no program for it, which is logged once; E_CANCELLED the job should
 * stop; E_STORAGE_FULL, E_UNAVAILABLE ours to mend.  At most two at a time in a process: others wait.  Worker of
 * weir-worker. */
enum status preview_look(
    struct context *cx, const struct job *job, int fd, const struct media_type *type, struct preview *out) MUST_CHECK;
/* Is there a program for files of that type? `missing`, which one is not, in the arena.  Any thread. */
bool preview_can(struct arena *a, const char *type, const char **missing);

/* Kind preview, {object_id, content_type}: make the preview of one object. */
enum status j_preview(struct context *cx, struct job *job);
/* Kind preview_rest: have those made that are missing, of files that came while there was no program. */
enum status j_preview_rest(struct context *cx, struct job *job);

#endif
