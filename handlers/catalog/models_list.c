/*
 * GET /api/models -- the models the caller may use.
 *
 * in      type? chat, image, video, embedding, audio, rerank or moderation; limit 1-100 (50),
 *         before_id or after_id: a model of the list
 * out     200 {items: [model], has_more}, in the order the operator gave them
 * errors  400 limit or stale cursor
 * note    prices are those of the caller's group, now; ratio multiplies them; makes: what a model for
 *         pictures or films can do, and the values it takes
 * units   credits: per million tokens, per call, or for `per` units
 * proof   tests/it/chat/test_conversations.py
 */
#include "weir.h"

enum status
h_models_list(struct request *rq)
{
	struct page page;
	json_t *items;
	bool more;
	enum status st;

	if ((st = page_read_int(rq, &page)) != OK)
		return st;
	if ((st = models_offered(&rq->cx, &page, query_text(rq, "type"), &items, &more)) != OK)
		return st;
	if ((st = prices_tell(&rq->cx, items)) != OK || (st = media_makes_tell(&rq->cx, items)) != OK) {
		json_decref(items);
		return st;
	}
	return reply_list(rq, items, more);
}
