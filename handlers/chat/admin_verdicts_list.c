/*
 * GET /api/admin/verdicts -- what users think of answers, the last said first.
 *
 * in      verdict? up or down; model?; limit 1-100 (50), before_id (older) or after_id (newer)
 * out     200 {items: [{id, user_id, model, verdict, note, at}], has_more}; id is the message's
 * errors  400; 403 no admin
 * note    not what was asked and answered: that is the user's
 * proof   tests/it/chat/test_verdicts.py
 */
#include "weir.h"

enum status
h_admin_verdicts_list(struct request *rq)
{
	const char *verdict = query_text(rq, "verdict");
	struct page page;
	json_t *items;
	bool more;
	enum status st;

	if ((st = page_read(rq, &page)) != OK)
		return st;
	if (verdict != NULL && strcmp(verdict, "up") != 0 && strcmp(verdict, "down") != 0)
		return fail_field(&rq->cx, "verdict", "must be up or down");
	if ((st = verdicts_list(&rq->cx, &page, verdict, query_text(rq, "model"), &items, &more)) != OK)
		return st;
	return reply_list(rq, items, more);
}
