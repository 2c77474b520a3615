/*
 * DELETE /api/knowledge/{knowledge_id} -- remove a base with all its documents.
 *
 * out     204
 * errors  404 not the caller's
 * note    what was being embedded is stopped, and charged as far as it had come
 * proof   tests/it/knowledge/test_documents.py
 */
#include "weir.h"

enum status
h_knowledge_bases_delete(struct request *rq)
{
	enum status st;

	if ((st = kb_remove(&rq->cx, path_uuid(rq, "knowledge_id"))) != OK)
		return st;
	return reply_empty(rq);
}
