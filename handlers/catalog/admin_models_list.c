/*
 * GET /api/admin/models -- all models.
 *
 * in      limit 1-100 (50), before_id or after_id, sort: a model
 * out     200 {items: [model], has_more}, in the order the operator gave them
 * errors  400 limit or stale cursor; 403 no admin
 * proof   tests/it/house/test_admin.py
 */
#include "weir.h"

enum status
h_admin_models_list(struct request *rq)
{
	struct page page;
	json_t *items;
	bool more;
	enum status st;

	if ((st = page_read_int(rq, &page)) != OK)
		return st;
	if ((st = models_list(&rq->cx, &page, &items, &more)) != OK)
		return st;
	return reply_list(rq, items, more);
}
