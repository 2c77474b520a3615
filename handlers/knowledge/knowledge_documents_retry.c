/*
 * POST /api/knowledge/{knowledge_id}/documents/{document_id}/retry -- do it again from where it failed.
 *
 * in      password: of an encrypted document; it is not kept
 * out     200 KnowledgeDocument
 * errors  400 a field; 404 not the caller's; 409 it has not failed
 * proof   tests/it/knowledge/test_documents.py
 */
#include "weir.h"

const struct field knowledge_retry_fields[] = {
	{ "password", F_TEXT, 0, .min = 1, .max = 256, .help = "opens an encrypted document; it is not kept" },
	{ .name = NULL },
};

enum status
h_knowledge_documents_retry(struct request *rq)
{
	const char *password = field_text(rq->json, "password");
	json_t *document;
	enum status st;

	st = document_retry(&rq->cx, path_uuid(rq, "knowledge_id"), path_uuid(rq, "document_id"), password, &document);
	return st == OK ? reply_json(rq, 200, document) : st;
}
