/*
 * PUT /api/knowledge/{knowledge_id}/documents/{document_id} -- replace a document by a new version.
 *
 * in      the document itself as the body, with ?filename= and ?title=; or JSON without
 *         ?filename=: one of upload_id, url and text, and title.  What it is, is told by its content.
 * out     202 {document, duplicate: false}; it is read later: GET shows how far it is, and so do
 *         "knowledge" events; 200 with duplicate: true: the base has that content already
 * errors  400 a field; 403 uploads are off; 404 not the caller's; 409 knowledge_limit; 413 too_large,
 *         storage_quota; 507 storage_full
 * note    the version that is there is found until the new one is ready; what was cited of it can
 *         be read after that, too
 * proof   tests/it/knowledge/test_documents.py
 */
#include "weir.h"

enum status
h_knowledge_documents_replace(struct request *rq)
{
	const char *kb_id = path_uuid(rq, "knowledge_id");
	struct document_source from;
	json_t *document;
	const char *id = path_uuid(rq, "document_id");
	bool is_new;
	enum status st;

	if (id == NULL)
		return fail(&rq->cx, E_NOT_FOUND, "no such document");
	if ((st = document_may_add(&rq->cx, kb_id, id)) != OK || (st = document_source_read(rq, &from)) != OK ||
	    (st = document_add(&rq->cx, kb_id, id, &from, &is_new, &document)) != OK)
		return st;
	return reply_json(rq, is_new ? 202 : 200, json_pack("{s:o, s:b}", "document", document, "duplicate", !is_new));
}
