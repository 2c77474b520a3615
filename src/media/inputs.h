/*
 * Pictures that go with what is asked, for providers that want their bytes and no
 * addresses: our users' uploads, or from the open Internet.
 */
#ifndef WEIR_MEDIA_INPUTS_H
#define WEIR_MEDIA_INPUTS_H

#include "media/work.h"

/* Of all pictures of one task. */
#define MEDIA_INPUTS_BYTES_MAX (INT64_C(64) << 20)

/* Those whose addresses the task's input has in `member`, freed with the arena; *n 0: it has none.  Uploads are read
 * where they belong to the task's user.  E_INVALID_REQUEST one cannot be had, is no picture, or they are too
 * much; E_STORAGE_FULL, E_UNAVAILABLE ours to mend. */
enum status media_inputs(struct context *cx, const struct job *job, const struct work_task *w, const char *member,
    struct media_file **files, size_t *n) MUST_CHECK;

#endif
