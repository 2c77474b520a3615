/* What a model made says so: a mark in the file's metadata, as GB 45438-2025 asks of who serves people in China. */
#ifndef WEIR_MEDIA_LABEL_H
#define WEIR_MEDIA_LABEL_H

#include "base/media.h"
#include "core/spool.h"
#include "jobs/job.h"

/* Mark what is spooled, if [media] label says so and its format can be marked (PNG, JPEG, WebP, MP4): weir-lens makes a
 * copy, and *file becomes that.  What cannot be marked stays as it is, and that is logged: what was paid for is kept.
 * E_STORAGE_FULL, E_UNAVAILABLE ours to mend.  Worker of weir-worker. */
enum status media_label(
    struct context *cx, const struct job *job, const struct media_type *type, struct spool **file) MUST_CHECK;

#endif
