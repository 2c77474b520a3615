/*
 * GET /api/search -- find messages of one's own by their words.
 *
 * in      q: 1-200 characters; all of its words must be there, of the last one (and of a single Chinese character) the
 *         beginning is enough; limit 1-50 (20), before_id (older) or after_id (newer): a hit of the list
 * out     200 {items: [hit], has_more}, questions and answers of all versions, newest first; nothing where q has no words
 * errors  400 q, limit or stale cursor
 * note    what was written a moment ago may not be found yet: weir-worker notes its words; of a text the first 65,536
 *         characters count
 * proof   tests/it/chat/test_search.py
 */
#include "weir.h"

#define LIMIT_DEFAULT 20
#define LIMIT_MAX 50

enum status
h_search(struct request *rq)
{
	struct page page;
	const char *q;
	json_t *items;
	bool more;
	enum status st;

	if ((st = page_read(rq, &page)) != OK || (st = page_search(rq, &q)) != OK)
		return st;
	if (q == NULL)
		return fail_field(&rq->cx, "q", "must not be empty");
	if ((st = query_int(rq, "limit", LIMIT_DEFAULT, 1, LIMIT_MAX, &page.limit)) != OK)
		return st;
	if ((st = words_find(&rq->cx, q, &page, &items, &more)) != OK)
		return st;
	return reply_list(rq, items, more);
}
