/*
 * GET /api/knowledge/{knowledge_id}/stats -- what is in a base.
 *
 * out     200 KnowledgeStats
 * errors  404 none that the caller may read
 * proof   tests/it/knowledge/test_documents.py
 */
#include "weir.h"

enum status
h_knowledge_bases_stats(struct request *rq)
{
	json_t *stats;
	enum status st;

	if ((st = kb_stats(&rq->cx, path_uuid(rq, "knowledge_id"), &stats)) != OK)
		return st;
	return reply_json(rq, 200, stats);
}
