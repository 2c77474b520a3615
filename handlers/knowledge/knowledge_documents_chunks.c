/*
 * GET /api/knowledge/{knowledge_id}/documents/{document_id}/chunks -- the passages it was cut into.
 *
 * in      limit 1-100 (50), before_id (those behind it) or after_id (those before it)
 * out     200 {items: [KnowledgeChunk], has_more}, in the order of the document
 * errors  400 limit or stale cursor; 404 none that the caller may read
 * proof   tests/it/knowledge/test_documents.py
 */
#include "weir.h"

enum status
h_knowledge_documents_chunks(struct request *rq)
{
	struct page page;
	json_t *items;
	bool more;
	enum status st;

	if ((st = page_read_int(rq, &page)) != OK ||
	    (st = document_chunks(
		 &rq->cx, path_uuid(rq, "knowledge_id"), path_uuid(rq, "document_id"), &page, &items, &more)) != OK)
		return st;
	return reply_list(rq, items, more);
}
