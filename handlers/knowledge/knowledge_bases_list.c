/*
 * GET /api/knowledge -- the bases the caller may read, newest first.
 *
 * in      limit 1-100 (50), before_id (older) or after_id
 * out     200 {items: [Knowledge], has_more}
 * errors  400 limit or stale cursor
 * proof   tests/it/knowledge/test_documents.py
 */
#include "weir.h"

enum status
h_knowledge_bases_list(struct request *rq)
{
	struct page page;
	json_t *items;
	bool more;
	enum status st;

	if ((st = page_read(rq, &page)) != OK || (st = kb_list(&rq->cx, &page, &items, &more)) != OK)
		return st;
	return reply_list(rq, items, more);
}
