/*
 * GET /api/knowledge/{knowledge_id}/documents/{document_id}/text -- its text, or a part of it.
 *
 * in      from, to: code points (0, from + 20000; at most 100000 of them); version (the current one)
 * out     200 KnowledgeText
 * errors  400 from, to or version; 404 none that the caller may read, or it has no text
 * note    places of citations and passages are places in this text
 * proof   tests/it/knowledge/test_documents.py
 */
#include "weir.h"

#define PART_CHARS 20000
#define PART_CHARS_MAX 100000

enum status
h_knowledge_documents_text(struct request *rq)
{
	int64_t from, to, version;
	json_t *text;
	enum status st;

	if ((st = query_int(rq, "from", 0, 0, INT32_MAX, &from)) != OK ||
	    (st = query_int(rq, "to", from + PART_CHARS, from, INT32_MAX, &to)) != OK ||
	    (st = query_int(rq, "version", 0, 1, INT32_MAX, &version)) != OK)
		return st;
	if (to > from + PART_CHARS_MAX)
		return fail_field(&rq->cx, "to", "must be at most from + %d", PART_CHARS_MAX);
	st = document_text(
	    &rq->cx, path_uuid(rq, "knowledge_id"), path_uuid(rq, "document_id"), version, from, to, &text);
	return st == OK ? reply_json(rq, 200, text) : st;
}
