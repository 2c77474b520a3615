/*
 * GET /api/keys -- the caller's API keys, newest first.
 * GET /api/admin/keys -- those of all users.
 *
 * in      status? active, rotated, revoked, expired or locked; label?; q? occurs in name, label or
 *         prefix; limit 1-100 (50), before_id (older) or after_id, sort; for admins user_id?, and q also
 *         occurs in who has it
 * out     200 {items: [key], has_more}; of the keys themselves their beginning only; for admins
 *         also user_id and user
 * errors  400 limit, q or stale cursor; 403 no admin
 * units   budget and spent in credits
 * proof   tests/it/account/test_keys.py, test_key_life.py
 */
#include "weir.h"

enum status
h_keys_list(struct request *rq)
{
	struct key_filter filter;
	struct page page;
	json_t *items;
	bool more;
	enum status st;

	if ((st = page_read(rq, &page)) != OK || (st = key_filter_read(rq, &filter)) != OK ||
	    (st = keys_list(&rq->cx, &page, &filter, &items, &more)) != OK)
		return st;
	return reply_list(rq, items, more);
}
