/*
 * PATCH /api/knowledge/{knowledge_id} -- change a base.
 *
 * in      as POST /api/knowledge, each field may be absent
 * out     200 Knowledge; with another embedding_model its vectors are made anew beside those
 *         that are searched: member index
 * errors  400 a field; 403 it may not be shared like that; 404 not the caller's
 * note    chunk holds for documents that come from then on
 * proof   tests/it/knowledge/test_documents.py
 */
#include "weir.h"

enum status
h_knowledge_bases_patch(struct request *rq)
{
	json_t *base;
	enum status st;

	if ((st = kb_update(&rq->cx, path_uuid(rq, "knowledge_id"), rq->json, &base)) != OK)
		return st;
	return reply_json(rq, 200, base);
}
