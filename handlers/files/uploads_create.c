/*
 * POST /api/uploads -- keep a file, to be attached to messages.
 *
 * in      the file itself as the body; what it is, is told by its content:
 *         PNG, JPEG, GIF, WebP, MP3, WAV, Ogg, WebM, M4A, MP4, PDF
 * out     201 {id, url, content_type, size_bytes, created_at}; the url goes
 *         into image_url, audio_url or video_url of a message
 * errors  400 no body; 403 uploads are off; 413 too_large with
 *         details.limit_bytes, storage_quota with details.limit_bytes and
 *         used_bytes; 415 another kind of file; 507 storage_full
 * note    honours Idempotency-Key
 * proof   tests/it/files/test_uploads.py
 */
#include "weir.h"

enum status
h_uploads_create(struct request *rq)
{
	json_t *upload;
	enum status st;

	if ((st = upload_store(&rq->cx, rq->spool, &upload)) != OK)
		return st;
	return reply_json(rq, 201, upload);
}
