/*
 * POST /api/uploads -- keep a file, to be attached to messages.
 *
 * in      the file itself as the body; what it is, is told by its content:
 *         PNG, JPEG, GIF, WebP, MP3, WAV, Ogg, WebM, M4A, MP4, PDF; with ?filename= whatever else is
 *         a document
 * out     201 {id, url, content_type, size_bytes, filename, document, created_at}; the url goes
 *         into image_url, audio_url or video_url of a message, of a document into file_urls: once
 *         it has been read, which GET /api/uploads/{id}/about tells
 * errors  400 no body; 403 uploads are off; 413 too_large with
 *         details.limit_bytes, storage_quota with details.limit_bytes and
 *         used_bytes; 415 another kind of file; 507 storage_full
 * note    honours Idempotency-Key
 * proof   tests/it/files/test_uploads.py
 */
#include "weir.h"

#define FILENAME_BYTES_MAX 255

enum status
h_uploads_create(struct request *rq)
{
	const char *filename = query_text(rq, "filename");
	json_t *upload;
	enum status st;

	if (filename != NULL && strlen(filename) > FILENAME_BYTES_MAX)
		return fail_field(&rq->cx, "filename", "must be at most %d bytes", FILENAME_BYTES_MAX);
	if ((st = upload_store(&rq->cx, rq->spool, filename, &upload)) != OK)
		return st;
	attached_explain(&rq->cx, upload);
	return reply_json(rq, 201, upload);
}
