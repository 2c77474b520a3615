#include "media/work.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "core/events.h"
#include "ledger/credits.h"

#define AGO(column) "coalesce(extract(epoch FROM now() - " column ") * 1000, 0)::bigint"

static const char read_sql[] =
    "SELECT t.user_id, t.type, t.status, t.conversation_id, t.message_id, t.model_id, t.user_group, t.credits_locked,"
    " t.progress, t.completed_at IS NOT NULL AS has_ended, t.cancel_requested_at IS NOT NULL AS is_cancelled,"
    " m.state, m.input, m.units, m.typical_s, m.tried, m.channel_id, m.channel_key_id, m.external_id, m.model, " AGO(
	"m.created_at") " AS age_ms, " AGO("m.sent_at") " AS sent_ms, " AGO("m.accepted_at") " AS accepted_ms"
											     " FROM tasks t JOIN media_submits m ON m.task_id = t.id WHERE t.id = $1";

static void
take(struct context *cx, const struct rows *r, struct work_task *out)
{
	struct arena *a = cx->arena;
	json_t *units = json_own(a, row_json(r, 0, "units"));

	*out = (struct work_task){
		.state = arena_strdup(a, row_text(r, 0, "state")),
		.status = arena_strdup(a, row_text(r, 0, "status")),
		.type = arena_strdup(a, row_text(r, 0, "type")),
		.conversation_id = arena_strdup(a, row_text(r, 0, "conversation_id")),
		.message_id = arena_strdup(a, row_text(r, 0, "message_id")),
		.group = arena_strdup(a, row_text(r, 0, "user_group")),
		.external_id = arena_strdup(a, row_text(r, 0, "external_id")),
		.model = arena_strdup(a, row_text(r, 0, "model")),
		.input = json_own(a, row_json(r, 0, "input")),
		.tried = json_own(a, row_json(r, 0, "tried")),
		.model_id = row_int(r, 0, "model_id"),
		.channel_id = row_int(r, 0, "channel_id"),
		.key_id = row_int(r, 0, "channel_key_id"),
		.age_ms = row_int(r, 0, "age_ms"),
		.sent_ms = row_int(r, 0, "sent_ms"),
		.accepted_ms = row_int(r, 0, "accepted_ms"),
		.images = json_integer_value(json_object_get(units, "image")),
		.typical_s = (int)row_int(r, 0, "typical_s"),
		.progress = (int)row_int(r, 0, "progress"),
		.has_ended = row_bool(r, 0, "has_ended"),
		.is_cancelled = row_bool(r, 0, "is_cancelled"),
	};
}

enum status
work_read(struct context *cx, const char *task_id, struct work_task *out)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query_again(cx->pg, &rows, read_sql, PS(task_id));

	if (st != OK)
		return fail(cx, st, "read task %s: %s", task_id, pg_error(cx->pg));
	if (rows_count(rows) == 0)
		return fail(cx, E_NOT_FOUND, "task %s", task_id);
	take(cx, rows, out);
	snprintf(out->task.id, UUID_LEN, "%s", task_id);
	snprintf(out->task.user_id, UUID_LEN, "%s", row_text(rows, 0, "user_id"));
	out->task.hold_ucr = row_ucr(rows, 0, "credits_locked");
	slot_holder_init(&out->task.slots, out->task.user_id, out->conversation_id, task_id, false);
	return OK;
}

void
work_tell(struct context *cx, const struct work_task *w, const char *status, int progress)
{
	json_t *news = json_pack("{s:s, s:s, s:i}", "id", w->task.id, "status", status, "progress", progress);

	if (w->conversation_id != NULL)
		json_object_set_new(news, "conversation_id", json_string(w->conversation_id));
	if (w->message_id != NULL)
		json_object_set_new(news, "message_id", json_string(w->message_id));
	events_tell(cx, w->task.user_id, "task", news);
}

void
work_ended(struct context *cx, const struct work_task *w, const struct work_end *end, const struct rows *rows)
{
	bool is_done = end->outcome == OUTCOME_COMPLETED;

	slots_release(cx->redis, cx->conf, &w->task.slots);
	work_tell(cx, w, outcome_name(end->outcome), is_done ? 100 : w->progress);
	events_tell(
	    cx, w->task.user_id, "balance", credits_event(row_ucr(rows, 0, "balance"), row_ucr(rows, 0, "held")));
	LOG(INFO, "media_ended", LS("task_id", w->task.id), LS("outcome", outcome_name(end->outcome)),
	    LI("charged_ucr", row_ucr(rows, 0, "charged")), LS("why", end->why == OK ? "" : status_code(end->why)));
	if (end->is_unconfirmed)
		LOG(ERROR, "media_unconfirmed", LS("task_id", w->task.id), LI("channel_id", w->channel_id),
		    LS("external_id", w->external_id == NULL ? "" : w->external_id),
		    LS("hint", "its provider may have made it, and taken money for it"));
}

enum status
work_end(struct context *cx, const struct work_task *w, const struct work_end *end)
{
	AUTO_ROWS struct rows *rows = NULL;
	bool is_done = end->outcome == OUTCOME_COMPLETED;
	char *files = end->files == NULL ? NULL : json_dumps(end->files, JSON_COMPACT), cost[48] = "";
	enum status st;

	if (end->provider_cost >= 0)
		snprintf(cost, sizeof(cost), "%.6f", end->provider_cost);
	st = pg_query_again(cx->pg, &rows,
	    "SELECT settled, charged, balance, held"
	    " FROM media_end($1::uuid, $2, $3::numeric, $4, $5, $6::jsonb, nullif($7, '')::numeric, $8::boolean)",
	    PS(w->task.id), PS(outcome_name(end->outcome)), PM(end->cost_ucr),
	    PS(is_done ? NULL : status_code(end->why)), PS(is_done ? NULL : status_text(end->why, LANG_EN)), PS(files),
	    PS(cost), PB(end->is_unconfirmed));
	free(files);
	if (st != OK)
		return fail(cx, st, "end task %s: %s", w->task.id, pg_error(cx->pg));
	if (row_bool(rows, 0, "settled"))
		work_ended(cx, w, end, rows);
	return OK;
}
