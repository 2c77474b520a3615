/*
 * GET /api/knowledge/{knowledge_id} -- a base.
 *
 * out     200 Knowledge
 * errors  404 none that the caller may read
 * proof   tests/it/knowledge/test_documents.py
 */
#include "weir.h"

enum status
h_knowledge_bases_get(struct request *rq)
{
	json_t *base;
	enum status st;

	if ((st = kb_find(&rq->cx, path_uuid(rq, "knowledge_id"), &base)) != OK)
		return st;
	return reply_json(rq, 200, base);
}
