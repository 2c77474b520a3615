/*
 * GET /api/share/{token} -- what a link shows, to whoever has it.
 *
 * out     200 {title, created_at, messages: [{role, content, model, created_at, attachments}]};
 *         search engines are told to leave it alone
 * errors  404 there is no such link, or it was revoked
 * proof   tests/it/chat/test_shares.py
 */
#include "weir.h"

enum status
h_share_get(struct request *rq)
{
	json_t *shared;
	enum status st;

	reply_header(rq, "X-Robots-Tag", "noindex, nofollow");
	if ((st = share_read(&rq->cx, path_text(rq, "token"), &shared)) != OK)
		return st;
	return reply_json(rq, 200, shared);
}
