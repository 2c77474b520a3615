/*
 * Files people attach to their messages.
 *
 * A file's bytes stand in [uploads] folder, its owner and type in table
 * uploads.  While a file comes in it is tmp/ID; once whole and on disk it is
 * renamed to XX/ID (XX: the last two digits of the id), then gets its row.  A
 * file without a row belongs to nobody and is removed by weir-worker, so that
 * nothing has to be undone when a process dies in between.
 *
 * Sending is left to the web server: the answer names the file in
 * X-Accel-Redirect or X-Sendfile, after the owner was checked.
 */
#ifndef WEIR_FILES_UPLOADS_H
#define WEIR_FILES_UPLOADS_H

#include "core/page.h"
#include "core/spool.h"

/* The path below which nginx finds the folder: conf/nginx/weir.conf. */
#define UPLOADS_ACCEL_PATH "/weir-uploads/"
/* Keep the spooled file as the caller's; *out is its description (the caller
 * owns the reference).  E_UNSUPPORTED_MEDIA_TYPE, E_STORAGE_QUOTA
 * (details.limit_bytes, used_bytes), E_STORAGE_FULL, E_UNAVAILABLE.  Worker. */
enum status upload_store(struct context *cx, struct spool *spool, json_t **out) MUST_CHECK;
/* Put a spooled file where it is served from, without a row: whoever writes that (table
 * uploads, with the spool's id) makes it somebody's, and until then it is nobody's and will be
 * removed.  Its type by its content; E_UNSUPPORTED_MEDIA_TYPE, E_STORAGE_FULL, E_UNAVAILABLE. */
enum status upload_place(struct context *cx, struct spool *spool, const struct media_type **type) MUST_CHECK;
/* Where the file of an id is read, for those it belongs to; in the arena. */
const char *upload_url(struct arena *a, const struct conf *conf, const char *id);
/* Answer with the file: headers for the web server, no body.  E_NOT_FOUND also
 * for other people's and for a NULL id. */
enum status upload_send(struct request *rq, const char *id) MUST_CHECK;
/* Remove it, row and file.  E_NOT_FOUND. */
enum status upload_delete(struct context *cx, const char *id) MUST_CHECK;
/* The caller's files, newest first. */
enum status uploads_list(struct context *cx, const struct page *page, json_t **items, bool *more) MUST_CHECK;

/* Where the bytes of `id` are, in the arena. */
const char *upload_path(struct arena *a, const struct conf *conf, const char *id);
/* True when `url` is the address of one of this site's uploads; its id to `id`. */
bool upload_id_of_url(const struct conf *conf, const char *url, char id[UUID_LEN]);

#endif
