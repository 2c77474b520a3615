/*
 * GET /api/knowledge/{knowledge_id}/documents/{document_id}/file -- the document as it came.
 *
 * out     200 its bytes, sent by the web server: a PDF to be shown, everything else to be saved
 * errors  404 none that the caller may read, or it was not fetched yet
 * proof   tests/it/knowledge/test_documents.py
 */
#include "weir.h"

enum status
h_knowledge_documents_file(struct request *rq)
{
	return document_send(rq, path_uuid(rq, "knowledge_id"), path_uuid(rq, "document_id"));
}
