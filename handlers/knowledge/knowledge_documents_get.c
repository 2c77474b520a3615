/*
 * GET /api/knowledge/{knowledge_id}/documents/{document_id} -- a document, and how far it is.
 *
 * out     200 KnowledgeDocument
 * errors  404 none that the caller may read
 * proof   tests/it/knowledge/test_documents.py
 */
#include "weir.h"

enum status
h_knowledge_documents_get(struct request *rq)
{
	json_t *document;
	enum status st;

	st = document_find(&rq->cx, path_uuid(rq, "knowledge_id"), path_uuid(rq, "document_id"), &document);
	return st == OK ? reply_json(rq, 200, document) : st;
}
