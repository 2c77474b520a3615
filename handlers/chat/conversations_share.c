/*
 * POST /api/conversations/{conversation_id}/share -- share it as it is now.
 *
 * out     201 {id, conversation_id, title, url, message_count, created_at}; whoever has
 *         the url reads the questions and answers there are now, and their pictures
 * errors  404 not the caller's; 409 nothing was answered yet, or too many shares; 413
 * note    what is said later is not in it; share again for that
 * proof   tests/it/chat/test_shares.py
 */
#include "weir.h"

enum status
h_conversations_share(struct request *rq)
{
	json_t *share;
	enum status st;

	if ((st = share_create(&rq->cx, path_uuid(rq, "conversation_id"), &share)) != OK)
		return st;
	return reply_json(rq, 201, share);
}
