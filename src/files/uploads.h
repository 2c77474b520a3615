/*
 * Files people attach to their messages.
 *
 * A file's bytes are an object (store/store.h), its owner and type stand in table
 * uploads; the same bytes are kept once, and count in full for each who keeps them.
 * Sending is left to the web server, or to the bucket, after the owner was checked.
 */
#ifndef WEIR_FILES_UPLOADS_H
#define WEIR_FILES_UPLOADS_H

#include "core/page.h"
#include "core/spool.h"

/* Keep the spooled file as the caller's; *out is its description (the caller
 * owns the reference).  With a filename whatever is no picture, film or sound is taken for
 * a document, which weir-worker reads (knowledge/attached.h); without (NULL) a PDF alone.  E_UNSUPPORTED_MEDIA_TYPE, E_STORAGE_QUOTA
 * (details.limit_bytes, used_bytes), E_STORAGE_FULL, E_UNAVAILABLE.  Worker. */
enum status upload_store(struct context *cx, struct spool *spool, const char *filename, json_t **out) MUST_CHECK;
/* Put a spooled file where it is served from, without a row: whoever writes that (table
 * uploads, with the spool's id) makes it somebody's, and until then it is nobody's and will be
 * removed.  Its type by its content; E_UNSUPPORTED_MEDIA_TYPE, E_STORAGE_FULL, E_UNAVAILABLE. */
enum status upload_place(struct context *cx, struct spool *spool, const struct media_type **type) MUST_CHECK;
/* A path's last part, without what no file name has; "" for NULL.  In the arena. */
const char *upload_plain_name(struct arena *a, const char *name);
/* The header Content-Disposition: `how` is inline or attachment.  In the arena. */
const char *upload_disposition(struct arena *a, const char *how, const char *name);
/* Where the file of an id is read, for those it belongs to; in the arena. */
const char *upload_url(struct arena *a, const struct conf *conf, const char *id);
/* Answer with the file: store_send().  E_NOT_FOUND also for other people's and for a NULL id. */
enum status upload_send(struct request *rq, const char *id) MUST_CHECK;
/* The same of that user, whoever asks: who calls has seen to it that they may. */
enum status upload_send_of(struct request *rq, const char *id, const char *user_id) MUST_CHECK;
/* The same with a small picture of it, or of a picture that has none (yet) with the picture.  E_NOT_FOUND also for what
 * has none. */
enum status upload_send_small(struct request *rq, const char *id) MUST_CHECK;
/* The same of that user, whoever asks: who calls has seen to it that they may. */
enum status upload_send_small_of(struct request *rq, const char *id, const char *user_id) MUST_CHECK;
/* The caller's upload of that id; the caller owns the reference.  E_NOT_FOUND. */
enum status upload_find(struct context *cx, const char *id, json_t **out) MUST_CHECK;
/* Refuse for a kind of file that is not taken: E_UNSUPPORTED_MEDIA_TYPE. */
enum status upload_refuse_type(struct context *cx);
/* Remove it, and its bytes unless somebody else keeps them.  E_NOT_FOUND. */
enum status upload_delete(struct context *cx, const char *id) MUST_CHECK;
/* The caller's files, newest first. */
enum status uploads_list(struct context *cx, const struct page *page, json_t **items, bool *more) MUST_CHECK;

/* True when `url` is the address of one of this site's uploads; its id to `id`. */
bool upload_id_of_url(const struct conf *conf, const char *url, char id[UUID_LEN]);

#endif
