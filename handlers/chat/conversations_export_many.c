/*
 * POST /api/conversations/export -- take several conversations away as one file.
 *
 * in      ids: 1-200 conversations of the caller; format: json ({format: "weir-conversations", version,
 *         conversations: […]}, each as /api/import/conversation takes it) or markdown; default json
 * out     200 the file, to be saved; in the order of ids
 * errors  400 ids, format; 404 one of them is not the caller's; 409 one is temporary; 413 more than
 *         64 MB of text
 * proof   tests/it/chat/test_folders.py
 */
#include "weir.h"

const struct field conversations_export_fields[] = {
	{ "format", F_CHOICE, 0, .choices = "json markdown", .help = "default json" },
	{ "ids", F_TEXTS, F_REQUIRED, .min = 1, .max = ARRANGE_MAX, .help = "conversations" },
	{ .name = NULL },
};

enum status
h_conversations_export_many(struct request *rq)
{
	struct exported file;
	const char *ids;
	enum status st;

	if ((st = arrange_ids(&rq->cx, rq->json, &ids)) != OK ||
	    (st = conversations_export(&rq->cx, ids, field_text(rq->json, "format"), &file)) != OK)
		return st;
	reply_header(rq, "Content-Disposition", "attachment; filename=\"conversations.%s\"", file.extension);
	return reply_text(rq, 200, file.content_type, file.text);
}
