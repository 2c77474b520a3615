/*
 * POST /api/knowledge -- make a knowledge base.
 *
 * in      name; description; embedding_model (absent: the site's default, null: none);
 *         chunk {tokens, overlap}; share {everyone, groups, users}
 * out     201 Knowledge
 * errors  400 a field; 403 it may not be shared like that; 409 knowledge_limit as many
 *         bases as [knowledge] bases
 * note    honours Idempotency-Key
 * proof   tests/it/knowledge/test_documents.py
 */
#include "weir.h"

enum status
h_knowledge_bases_create(struct request *rq)
{
	json_t *base;
	enum status st;

	if ((st = kb_create(&rq->cx, rq->json, &base)) != OK)
		return st;
	return reply_json(rq, 201, base);
}
