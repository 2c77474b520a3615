/*
 * POST /api/admin/agents/{agent_id}/prompt-preview -- what would the model get?
 *
 * in      content: what a user would write
 * out     200 {model, messages: [{role, content}], input_tokens, context_tokens,
 *         max_output_tokens, temperature}
 * errors  400; 403 no admin; 404; 503 nothing can serve it
 * units   input_tokens is our estimate
 * note    no model is called and nobody pays; recorded in admin_debug_logs
 * proof   tests/it/house/test_admin.py
 */
#include "weir.h"

const struct field admin_agents_preview_fields[] = {
	{ "content", F_PROSE, F_REQUIRED, .min = 1, .max = 32000, .help = "what a user would write" },
	{ .name = NULL },
};

static json_t *
preview_json(const struct turn_plan *plan, const char *content, int64_t tokens)
{
	json_t *messages = json_array();

	if (plan->prompt != NULL && *plan->prompt != '\0')
		json_array_append_new(messages, json_pack("{s:s, s:s}", "role", "system", "content", plan->prompt));
	json_array_append_new(messages, json_pack("{s:s, s:s}", "role", "user", "content", content));
	return json_pack("{s:s, s:o, s:I, s:I, s:I, s:o}", "model", plan->model.name, "messages", messages,
	    "input_tokens", (json_int_t)tokens, "context_tokens", (json_int_t)plan->model.context_tokens,
	    "max_output_tokens", (json_int_t)plan->model.max_output_tokens, "temperature",
	    plan->temperature < 0 ? json_null() : json_real(plan->temperature));
}

enum status
h_admin_agents_preview(struct request *rq)
{
	const char *agent_id = path_uuid(rq, "agent_id"), *content = field_text(rq->json, "content");
	struct turn_plan *plan;
	int64_t tokens;
	json_t *answer;
	enum status st;

	if ((st = catalog_agent(&rq->cx, agent_id, &plan)) != OK)
		return st;
	tokens = tokens_estimate(content, strlen(content));
	if (plan->prompt != NULL)
		tokens += tokens_estimate(plan->prompt, strlen(plan->prompt));
	answer = preview_json(plan, content, tokens);
	st = debug_record(&rq->cx,
	    &(struct debug_run){ .agent_id = agent_id,
		.kind = "preview",
		.model = plan->model.name,
		.request = rq->json,
		.response = answer });
	if (st != OK) {
		json_decref(answer);
		return st;
	}
	return reply_json(rq, 200, answer);
}
