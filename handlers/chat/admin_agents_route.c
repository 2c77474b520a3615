/*
 * POST /api/admin/agents/{agent_id}/route-test -- where would a turn go?
 *
 * out     200 {agent_id, timeout_seconds, temperature, model: {id, name,
 *         channels: [{id, name, provider, base_url, upstream_name, has_key}]},
 *         fallback: the same or null}; channels in the order they would be tried,
 *         drawn by weight anew each time
 * errors  403 no admin; 404; 503 nothing can serve it
 * note    no model is called and nobody pays; recorded in admin_debug_logs
 * proof   tests/it/house/test_admin.py
 */
#include "weir.h"

static json_t *
model_json(const struct offer_model *m)
{
	json_t *channels;

	if (m == NULL)
		return json_null();
	channels = json_array();
	for (size_t i = 0; i < m->n_channels; i++) {
		const struct offer_channel *ch = &m->channels[i];

		json_array_append_new(channels,
		    json_pack("{s:I, s:s, s:s, s:s, s:s, s:b}", "id", (json_int_t)ch->id, "name", ch->name, "provider",
			ch->provider, "base_url", ch->base_url, "upstream_name", ch->upstream_name, "has_key",
			ch->api_key != NULL));
	}
	return json_pack("{s:I, s:s, s:o}", "id", (json_int_t)m->id, "name", m->name, "channels", channels);
}

static json_t *
plan_json(const struct turn_plan *plan)
{
	return json_pack("{s:s, s:I, s:o, s:o, s:o}", "agent_id", plan->agent_id, "timeout_seconds",
	    (json_int_t)(plan->timeout_ms / 1000), "temperature",
	    plan->temperature < 0 ? json_null() : json_real(plan->temperature), "model", model_json(&plan->model),
	    "fallback", model_json(plan->fallback));
}

/* A route that leads nowhere is a result too; a second failure must not hide the first. */
static enum status
record_failure(struct context *cx, const char *agent_id, enum status st)
{
	const char *detail = cx->log_detail;

	if (st == E_UNAVAILABLE && detail != NULL)
		(void)!debug_record(cx, &(struct debug_run){ .agent_id = agent_id, .kind = "route", .error = detail });
	return fail(cx, st, "%s", detail == NULL ? "" : detail);
}

enum status
h_admin_agents_route(struct request *rq)
{
	const char *agent_id = path_uuid(rq, "agent_id");
	struct turn_plan *plan;
	json_t *answer;
	enum status st;

	if ((st = catalog_agent(&rq->cx, agent_id, &plan)) != OK)
		return record_failure(&rq->cx, agent_id, st);
	answer = plan_json(plan);
	st = debug_record(&rq->cx,
	    &(struct debug_run){
		.agent_id = agent_id, .kind = "route", .model = plan->model.name, .response = answer });
	if (st != OK) {
		json_decref(answer);
		return st;
	}
	return reply_json(rq, 200, answer);
}
