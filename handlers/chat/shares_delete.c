/*
 * DELETE /api/shares/{share_id} -- revoke a link: it opens nothing any more.
 *
 * out     204
 * errors  404 not the caller's
 * proof   tests/it/chat/test_shares.py
 */
#include "weir.h"

enum status
h_shares_delete(struct request *rq)
{
	enum status st = share_revoke(&rq->cx, path_uuid(rq, "share_id"));

	return st == OK ? reply_empty(rq) : st;
}
