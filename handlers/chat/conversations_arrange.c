/*
 * POST /api/conversations/arrange -- do one thing with several conversations, all or none.
 *
 * in      ids: 1-200 conversations of the caller; action: pin, unpin, archive, unarchive,
 *         move (folder_id; null or absent: out of any folder), keep (what was temporary), delete
 * out     204
 * errors  400 ids, action; 404 one of them, or the folder, is not the caller's; 409 one is
 *         temporary (it can be kept or deleted), or too many are pinned
 * note    none but delete and keep says that anything happened in them: they keep their place in the list.
 *         What is deleted is gone, as by DELETE /api/conversations/{conversation_id}.
 * proof   tests/it/chat/test_folders.py
 */
#include "weir.h"

const struct field conversations_arrange_fields[] = {
	{ "action", F_CHOICE, F_REQUIRED, .choices = ARRANGE_ACTIONS, .help = "what to do with each of them" },
	{ "folder_id", F_UUID, F_NULLABLE, .help = "of move: where to; null: out of any folder" },
	{ "ids", F_TEXTS, F_REQUIRED, .min = 1, .max = ARRANGE_MAX, .help = "conversations" },
	{ .name = NULL },
};

enum status
h_conversations_arrange(struct request *rq)
{
	enum status st = conversations_arrange(&rq->cx, rq->json);

	return st == OK ? reply_empty(rq) : st;
}
