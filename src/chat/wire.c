#include "chat/wire.h"

#include <string.h>

#include "chat/messages.h"
#include "core/request.h"

static const char *const outcome_names[] = { "completed", "failed", "cancelled" };
static const char *const event_types[] = { "done", "error", "cancelled" };

const char *
turn_outcome_name(enum turn_outcome outcome)
{
	return outcome_names[outcome];
}

enum turn_outcome
turn_outcome_parse(const char *task_status)
{
	for (int i = 0; i < 3; i++)
		if (task_status != NULL && strcmp(task_status, outcome_names[i]) == 0)
			return (enum turn_outcome)i;
	return OUTCOME_FAILED;
}

char *
turn_end_json(const struct turn_end *e)
{
	json_t *data = json_object(), *event;
	char *text;

	message_localize(e->message, e->lang);
	json_object_set_new(data, "task_id", json_string(e->task_id));
	json_object_set_new(data, "assistant_message", e->message);
	json_object_set_new(data, "credits_consumed", json_credits(e->charged_ucr));
	json_object_set_new(data, "balance", json_credits(e->balance_ucr));
	if (e->outcome == OUTCOME_FAILED) {
		json_object_set_new(data, "code", json_string(status_code(e->why)));
		json_object_set_new(data, "message", json_string(status_text(e->why, e->lang)));
	}
	json_object_set_new(data, "usage",
	    json_pack("{s:I, s:I, s:b, s:s?}", "input_tokens", (json_int_t)e->input_tokens, "output_tokens",
		(json_int_t)e->output_tokens, "estimated", e->estimated, "finish", e->finish));
	event = json_pack("{s:s, s:o}", "type", event_types[e->outcome], "data", data);
	text = json_dumps(event, JSON_WIRE);
	json_decref(event);
	return text;
}
