/*
 * PUT /api/conversations/{conversation_id}/messages/{message_id}/verdict -- say what
 * one thinks of an answer.
 *
 * in      verdict up, down or none (takes it back); note? in words
 * out     204
 * errors  400; 404 no answer of the caller's
 * proof   tests/it/chat/test_verdicts.py
 */
#include "weir.h"

const struct field messages_judge_fields[] = {
	{ "verdict", F_CHOICE, F_REQUIRED, .choices = "up down none", .help = "none takes it back" },
	{ "note", F_TEXT, F_NULLABLE, .max = VERDICT_NOTE_CHARS, .help = "why, in words" },
	{ .name = NULL },
};

enum status
h_messages_judge(struct request *rq)
{
	enum status st;

	st = verdict_give(&rq->cx, path_uuid(rq, "conversation_id"), path_uuid(rq, "message_id"),
	    field_text(rq->json, "verdict"), field_text(rq->json, "note"));
	if (st != OK)
		return st;
	return reply_empty(rq);
}
