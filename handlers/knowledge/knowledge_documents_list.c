/*
 * GET /api/knowledge/{knowledge_id}/documents -- the documents of a base, newest first.
 *
 * in      limit 1-100 (50), before_id (older) or after_id; state; q: part of a title or file name
 * out     200 {items: [KnowledgeDocument], has_more}
 * errors  400 limit, state or stale cursor; 404 no base that the caller may read
 * proof   tests/it/knowledge/test_documents.py
 */
#include "weir.h"

static bool
is_state(const char *s)
{
	static const char *const states[] = { "pending", "parsing", "chunking", "embedding", "ready", "failed" };

	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		if (strcmp(s, states[i]) == 0)
			return true;
	return false;
}

enum status
h_knowledge_documents_list(struct request *rq)
{
	struct page page;
	const char *q, *state = query_text(rq, "state");
	json_t *items;
	bool more;
	enum status st;

	if (state != NULL && !is_state(state))
		return fail_field(
		    &rq->cx, "state", "must be one of pending, parsing, chunking, embedding, ready, failed");
	if ((st = page_read(rq, &page)) != OK || (st = page_search(rq, &q)) != OK ||
	    (st = documents_list(&rq->cx, path_uuid(rq, "knowledge_id"), &page, state, q, &items, &more)) != OK)
		return st;
	return reply_list(rq, items, more);
}
