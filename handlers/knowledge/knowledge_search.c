/*
 * POST /api/knowledge/{knowledge_id}/search -- find passages in a base.
 *
 * in      query (1-2,000 characters); mode, top_k, rerank, filters {document_ids}
 * out     200 the passages, best first, with what their scores are made of
 * errors  400 field; 402 mode vector, without credits for the query's vector; 404 no such base, or
 *	   not the caller's to read; 502, 503, 504 mode vector, and nobody gives vectors
 * note    what the query's vector costs is charged once; hybrid goes on without it where it
 *	   cannot be had, and says so in `vectors`
 * proof   tests/it/knowledge/test_search.py
 */
#include "weir.h"

const struct field knowledge_search_fields[] = {
	{ "query", F_TEXT, F_REQUIRED, .min = 1, .max = SEARCH_QUERY_MAX_CHARS, .help = "what is looked for" },
	{ "mode", F_CHOICE, 0, .choices = "hybrid vector text", .help = "by meaning and words, or one of them" },
	{ "top_k", F_INT, 0, .min = 1, .max = SEARCH_RESULTS_MAX, .help = "at most so many passages, by default 8" },
	{ "rerank", F_BOOL, 0, .help = "have the site's ranking model put the best 30 in order" },
	{ "filters", F_OBJECT, 0, .help = "document_ids: search these documents only, at most 100" },
	{ .name = NULL },
};

static enum status
read_filters(struct request *rq, struct search_ask *ask)
{
	const json_t *ids = json_object_get(json_object_get(rq->json, "filters"), "document_ids"), *id;
	const char **list;
	char uuid[UUID_LEN];
	size_t i;

	if (ids == NULL || json_is_null(ids))
		return OK;
	if (!json_is_array(ids) || json_array_size(ids) == 0 || json_array_size(ids) > SEARCH_DOCUMENTS_MAX)
		return fail_field(
		    &rq->cx, "filters", "document_ids must be a list of 1 to %d documents", SEARCH_DOCUMENTS_MAX);
	list = ARENA_ARRAY(rq->cx.arena, const char *, json_array_size(ids));
	json_array_foreach(ids, i, id) {
		if (!json_is_string(id) || !uuid_parse(json_string_value(id), uuid))
			return fail_field(&rq->cx, "filters", "document_ids must be UUIDs");
		list[i] = arena_strdup(rq->cx.arena, uuid);
	}
	ask->document_ids = list;
	ask->n_documents = json_array_size(ids);
	return OK;
}

static enum status
answer(struct request *rq, const struct search_found *found, void *arg)
{
	(void)arg;
	if (!found->any_base)
		return fail(&rq->cx, E_NOT_FOUND, "no such base, or not to be read");
	return reply_json(rq, 200, search_json(found));
}

enum status
h_knowledge_search(struct request *rq)
{
	const char *mode = field_text(rq->json, "mode");
	const char **kb = ARENA_ARRAY(rq->cx.arena, const char *, 1);
	struct search_ask ask = { .kb_ids = kb,
		.n_kbs = 1,
		.query = field_text(rq->json, "query"),
		.mode = mode == NULL || strcmp(mode, "hybrid") == 0 ? SEARCH_HYBRID
		    : strcmp(mode, "vector") == 0		    ? SEARCH_VECTOR
								    : SEARCH_TEXT,
		.results = (int)field_int(rq->json, "top_k", 0),
		.rerank = field_bool(rq->json, "rerank", false) };
	enum status st;

	if ((kb[0] = path_uuid(rq, "knowledge_id")) == NULL)
		return fail(&rq->cx, E_NOT_FOUND, "no such base");
	if ((st = read_filters(rq, &ask)) != OK)
		return st;
	return knowledge_search(rq, &ask, answer, NULL);
}
