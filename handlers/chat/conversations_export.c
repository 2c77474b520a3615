/*
 * GET /api/conversations/{conversation_id}/export -- take it away as a file.
 *
 * in      format: json (as /api/import/conversation takes it) or markdown; default json
 * out     200 the file, to be saved
 * errors  400 format; 404 not the caller's; 409 temporary; 413 more than 64 MB of text
 * proof   tests/it/chat/test_shares.py
 */
#include "weir.h"

enum status
h_conversations_export(struct request *rq)
{
	struct exported file;
	enum status st;

	st = conversation_export(&rq->cx, path_uuid(rq, "conversation_id"), query_text(rq, "format"), &file);
	if (st != OK)
		return st;
	reply_header(rq, "Content-Disposition", "attachment; filename=\"conversation.%s\"", file.extension);
	return reply_text(rq, 200, file.content_type, file.text);
}
