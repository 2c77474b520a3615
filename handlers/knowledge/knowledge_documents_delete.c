/*
 * DELETE /api/knowledge/{knowledge_id}/documents/{document_id} -- remove a document.
 *
 * out     204; nothing of it is left: versions, texts, passages, vectors
 * errors  404 not the caller's
 * note    what was being embedded is stopped, and charged as far as it had come
 * proof   tests/it/knowledge/test_documents.py
 */
#include "weir.h"

enum status
h_knowledge_documents_delete(struct request *rq)
{
	enum status st;

	st = document_remove(&rq->cx, path_uuid(rq, "knowledge_id"), path_uuid(rq, "document_id"));
	return st == OK ? reply_empty(rq) : st;
}
