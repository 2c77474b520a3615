#include "chat/look.h"

#include <stdlib.h>
#include <string.h>

#include "chat/rewrite.h"
#include "knowledge/search.h"

#define SOURCES_TOKENS 3000
#define SOURCES_PER_DOCUMENT 3

struct looking {
	const struct turn_plan *plan;
	const char *query;   /* what is searched for */
	const char *rewrite; /* how that went: a code; NULL: it is the question as it was */
	json_t *stages;	     /* what was asked of models */
	struct looked looked;
	look_then_fn *then;
	void *arg;
};

static void
add_stage(struct looking *l, const char *op, const char *model, int64_t input_tokens, int64_t output_tokens,
    int64_t charged_ucr)
{
	json_array_append_new(l->stages,
	    json_pack("{s:s, s:s?, s:I, s:I, s:o}", "op", op, "model", model, "input_tokens", (json_int_t)input_tokens,
		"output_tokens", (json_int_t)output_tokens, "credits", json_credits(charged_ucr)));
}

static void
tell(struct request *rq, struct looking *l, const char *vectors, size_t found)
{
	json_t *j = json_pack("{s:s, s:s?, s:s?, s:I, s:O}", "query", l->query, "rewrite", l->rewrite, "vectors",
	    vectors, "found", (json_int_t)found, "stages", l->stages);
	char *text = json_dumps(j, JSON_WIRE);

	l->looked.searched = arena_strdup(rq->cx.arena, text);
	free(text);
	json_decref(j);
}

static enum status
found(struct request *rq, const struct search_found *found, void *arg)
{
	struct looking *l = arg;
	struct sources *s = sources_choose(rq->cx.arena, found, strcmp(l->plan->knowledge_mode, "always") == 0);

	if (found->calls > 0)
		add_stage(l, "embeddings", found->model, found->tokens, 0, found->charged_ucr);
	if (found->any_base)
		tell(rq, l, found->vectors == NULL ? "used" : found->vectors, s->n);
	l->looked.sources = s;
	return l->then(rq, &l->looked, l->arg);
}

/* So many tokens of sources, beside what else the model has to take. */
static int
sources_budget(const struct turn_plan *plan)
{
	int64_t quarter = (plan->model.context_tokens - plan->model.max_output_tokens) / 4;

	if (plan->model.context_tokens == 0 || quarter >= SOURCES_TOKENS)
		return SOURCES_TOKENS;
	return quarter > 0 ? (int)quarter : 1;
}

static enum status
search(struct request *rq, struct looking *l)
{
	if (!sources_wanted(rq->cx.arena, l->query)) {
		if (l->rewrite != NULL)
			tell(rq, l, NULL, 0);
		return l->then(rq, &l->looked, l->arg);
	}
	return knowledge_search(rq,
	    &(struct search_ask){ .kb_ids = l->plan->knowledge_ids,
		.n_kbs = l->plan->n_knowledge,
		.query = l->query,
		.per_document = SOURCES_PER_DOCUMENT,
		.token_budget = sources_budget(l->plan) },
	    found, l);
}

static enum status
rewritten(struct request *rq, const struct rewritten *r, void *arg)
{
	struct looking *l = arg;

	if (r->query != NULL) {
		l->query = r->query;
		add_stage(l, "rewrite", r->model, r->input_tokens, r->output_tokens, r->charged_ucr);
	}
	l->rewrite = r->query != NULL ? "used" : r->why;
	return search(rq, l);
}

enum status
look_up(struct request *rq, const struct turn_plan *plan, const struct history *h, const char *question,
    look_then_fn *then, void *arg)
{
	struct looking *l = ARENA_NEW(rq->cx.arena, struct looking);
	size_t before = h->n - h->tail;

	*l = (struct looking){ .plan = plan, .query = question, .then = then, .arg = arg };
	if (plan->n_knowledge == 0 || strcmp(plan->knowledge_mode, "off") == 0 || question == NULL)
		return then(rq, &l->looked, arg);
	l->stages = json_own(rq->cx.arena, json_array());
	if (plan->knowledge_rewrite && before > 0)
		return rewrite_question(rq, plan, h, before, question, rewritten, l);
	return search(rq, l);
}
