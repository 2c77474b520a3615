/*
 * GET /api/admin/security/events -- what was odd about the use of API keys, newest first.
 *
 * in      kind? new_model, new_address, failures, size_jump, overspeed or leaked; user_id?,
 *         key_id?; open? yes or no; limit 1-100 (50), before_id (older) or after_id (newer), sort
 * out     200 {items: [event], has_more}
 * errors  400; 403 no admin
 * proof   tests/it/account/test_watch.py
 */
#include "weir.h"

enum status
h_admin_security_list(struct request *rq)
{
	struct security_filter filter = { .kind = query_text(rq, "kind"), .open = query_text(rq, "open") };
	struct page page;
	json_t *items;
	bool more;
	enum status st;

	if ((st = page_read_int(rq, &page)) != OK || (st = query_uuid(rq, "user_id", &filter.user_id)) != OK ||
	    (st = query_uuid(rq, "key_id", &filter.key_id)) != OK)
		return st;
	if (filter.open != NULL && strcmp(filter.open, "yes") != 0 && strcmp(filter.open, "no") != 0)
		return fail_field(&rq->cx, "open", "must be yes or no");
	if ((st = security_events_list(&rq->cx, &page, &filter, &items, &more)) != OK)
		return st;
	return reply_list(rq, items, more);
}
