/*
 * GET /api/tasks/limits -- may the caller start a task now?
 *
 * in      conversation_id: also that conversation's count; optional
 * out     200 {global: {active, limit}, conversation: {active, limit},
 *         can_start, reason?}; reason is the code starting would fail with
 * errors  400 conversation_id; 404 not the caller's conversation
 * proof   tests/it/limits/test_slots.py
 */
#include "weir.h"

static json_t *
count_json(int64_t active, int64_t limit)
{
	return json_pack("{s:I, s:I}", "active", (json_int_t)active, "limit", (json_int_t)limit);
}

enum status
h_tasks_limits(struct request *rq)
{
	const struct conf *conf = rq->cx.conf;
	int64_t user_n, conversation_n;
	const char *conversation_id;
	enum status st, would = OK;
	json_t *conversation, *body;

	if ((st = query_uuid(rq, "conversation_id", &conversation_id)) != OK)
		return st;
	if (conversation_id != NULL) {
		if ((st = conversation_find(&rq->cx, conversation_id, &conversation)) != OK)
			return st;
		json_decref(conversation);
	}
	st = slots_active(
	    rq->cx.redis, rq->cx.pg, conf, rq->cx.caller.user_id, conversation_id, &user_n, &conversation_n);
	if (st != OK)
		return fail(&rq->cx, st, "tasks cannot be counted");
	if (user_n >= conf->limits_user_tasks)
		would = E_TASK_QUEUE_FULL;
	else if (conversation_n >= conf->limits_conversation_tasks)
		would = E_CONVERSATION_QUEUE_FULL;
	body = json_pack("{s:o, s:o, s:b}", "global", count_json(user_n, conf->limits_user_tasks), "conversation",
	    count_json(conversation_n, conf->limits_conversation_tasks), "can_start", would == OK);
	if (would != OK)
		json_object_set_new(body, "reason", json_string(status_code(would)));
	return reply_json(rq, 200, body);
}
