/*
 * POST /api/knowledge/{knowledge_id}/documents/{document_id}/cancel -- stop what is being done for it.
 *
 * out     200 KnowledgeDocument: failed, with code cancelled; a new version goes, and the one
 *         before it stays
 * errors  404 not the caller's; 409 nothing is being done
 * proof   tests/it/knowledge/test_documents.py
 */
#include "weir.h"

enum status
h_knowledge_documents_cancel(struct request *rq)
{
	json_t *document;
	enum status st;

	st = document_cancel(&rq->cx, path_uuid(rq, "knowledge_id"), path_uuid(rq, "document_id"), &document);
	return st == OK ? reply_json(rq, 200, document) : st;
}
