/*
 * Sources: platform.openai.com/docs/api-reference/models,
 * docs.anthropic.com/en/api/models-list, ai.google.dev/api/models.
 */
#include "relay/models.h"

#include <string.h>

#include "account/keys.h"
#include "catalog/select.h"
#include "core/reply.h"
#include "relay/op.h"

/* Nobody keeps when a model came on offer; what is shown is constant. */
#define SHOWN_SINCE_S 1735689600
#define SHOWN_SINCE "2025-01-01T00:00:00Z"

enum models_shape
models_shape(const struct request *rq)
{
	if (strncmp(rq->path, "/v1beta/", 8) == 0 || request_header(rq, "x-goog-api-key") != NULL ||
	    request_header(rq, "x-goog-api-client") != NULL)
		return MODELS_GEMINI;
	return request_header(rq, "anthropic-version") != NULL ? MODELS_ANTHROPIC : MODELS_OPENAI;
}

static json_t *
methods_json(const struct offer_model *m)
{
	json_t *list = json_array();

	for (const char *const *name = relay_gemini_methods(m->type); name != NULL && *name != NULL; name++)
		json_array_append_new(list, json_string(*name));
	return list;
}

static json_t *
model_json(const struct offer_model *m, enum models_shape shape, struct arena *a)
{
	switch (shape) {
	case MODELS_ANTHROPIC:
		return json_pack("{s:s, s:s, s:s, s:s}", "type", "model", "id", m->name, "display_name", m->name,
		    "created_at", SHOWN_SINCE);
	case MODELS_GEMINI:
		return json_pack("{s:s, s:s, s:I, s:I, s:o}", "name", arena_printf(a, "models/%s", m->name),
		    "displayName", m->name, "inputTokenLimit", (json_int_t)m->context_tokens, "outputTokenLimit",
		    (json_int_t)m->max_output_tokens, "supportedGenerationMethods", methods_json(m));
	case MODELS_OPENAI: break;
	}
	return json_pack(
	    "{s:s, s:s, s:i, s:s}", "id", m->name, "object", "model", "created", SHOWN_SINCE_S, "owned_by", "weir");
}

static json_t *
list_json(json_t *list, enum models_shape shape)
{
	const json_t *first = json_array_get(list, 0), *last = json_array_get(list, json_array_size(list) - 1);

	switch (shape) {
	case MODELS_ANTHROPIC:
		return json_pack("{s:o, s:b, s:O?, s:O?}", "data", list, "has_more", 0, "first_id",
		    json_object_get(first, "id"), "last_id", json_object_get(last, "id"));
	case MODELS_GEMINI: return json_pack("{s:o}", "models", list);
	case MODELS_OPENAI: break;
	}
	return json_pack("{s:s, s:o}", "object", "list", "data", list);
}

/* Anthropic's clients have chats alone, Google's what has a method there. */
static bool
is_reachable(const struct context *cx, const struct offer_model *m, enum models_shape shape)
{
	return m != NULL && m->is_enabled && select_reaches(cx, m) && key_may_use_model(&cx->caller, m->name) &&
	    (shape != MODELS_ANTHROPIC || m->is_chat) &&
	    (shape != MODELS_GEMINI || relay_gemini_methods(m->type) != NULL);
}

enum status
relay_models(struct request *rq, enum models_shape shape)
{
	struct offer *offer;
	json_t *list;
	enum status st;

	if ((st = select_current(&rq->cx, &offer)) != OK)
		return st;
	list = json_array();
	for (size_t i = 0; i < offer->n_models; i++)
		if (is_reachable(&rq->cx, &offer->models[i], shape))
			json_array_append_new(list, model_json(&offer->models[i], shape, rq->cx.arena));
	return reply_json(rq, 200, list_json(list, shape));
}

enum status
relay_model(struct request *rq, enum models_shape shape, const char *name)
{
	const struct offer_model *m;
	struct offer *offer;
	enum status st;

	if ((st = select_current(&rq->cx, &offer)) != OK)
		return st;
	m = offer_model_named(offer, name);
	if (!is_reachable(&rq->cx, m, shape))
		return fail_with(&rq->cx, E_NOT_FOUND, json_pack("{s:s}", "field", "model"), "model %s", name);
	return reply_json(rq, 200, model_json(m, shape, rq->cx.arena));
}
