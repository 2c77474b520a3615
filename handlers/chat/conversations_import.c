/*
 * POST /api/import/conversation -- bring a conversation that was held elsewhere.
 *
 * in      messages: 1-2,000 of {role: user or assistant, content, model?, created_at?}, in order,
 *         one of them an answer; title?; created_at?
 * out     201 the conversation, as if it had been held here when created_at says; it costs nothing
 * errors  400 the field that does not fit, messages/N/… for the Nth message; 413
 * proof   tests/it/chat/test_shares.py
 */
#include "weir.h"

const struct field conversations_import_fields[] = {
	{ "title", F_LINE, 0, .max = CONVERSATION_TITLE_CHARS, .help = "absent: made from the first message" },
	{ "created_at", F_LINE, 0, .max = 40, .help = "when it was held (RFC 3339); absent: now" },
	{ "messages", F_ARRAY, F_REQUIRED, .min = 1, .max = IMPORT_MESSAGES_MAX,
	    .help = "{role: user|assistant, content, model?, created_at?}, in order" },
	{ .name = NULL },
};

enum status
h_conversations_import(struct request *rq)
{
	json_t *conversation;
	enum status st;

	if ((st = conversation_import(&rq->cx, rq->json, &conversation)) != OK)
		return st;
	return reply_json(rq, 201, conversation);
}
