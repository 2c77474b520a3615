/*
 * What a provider made, fetched, or taken from its answer, and kept by us before it is gone
 * there: with a cap, on open addresses only, a picture or film by its content.
 */
#ifndef WEIR_MEDIA_FETCH_H
#define WEIR_MEDIA_FETCH_H

#include "core/spool.h"
#include "media/work.h"

/* Into the open spool: at most max_bytes, over https and in the open, but where the account may be at a
 * private address.  E_FORBIDDEN, E_UPSTREAM_FAILED, E_STORAGE_FULL. */
enum status media_get(struct context *cx, const struct job *job, const struct offer_account *account, int64_t max_bytes,
    const char *url, struct spool *file) MUST_CHECK;
/* Fetch them all: *files is what media_end() takes, in the arena, whose files are
 * nobody's until work_end().  E_UPSTREAM_FAILED: another try may help; E_UNSUPPORTED_MEDIA_TYPE,
 * E_FORBIDDEN: none will; E_STORAGE_FULL, E_UNAVAILABLE: it is not their fault. */
enum status media_fetch(struct context *cx, const struct job *job, const struct offer_account *account, bool is_film,
    const struct media_told *told, json_t **files) MUST_CHECK;

#endif
