#include "chat/arrange.h"

#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "core/events.h"
#include "engine/tasks.h"
#include "limits/locks.h"

#define SWEEP_AT_ONCE 50

enum status
arrange_ids(struct context *cx, const json_t *in, const char **array)
{
	const json_t *ids = json_object_get(in, "ids"), *id;
	struct buf text = BUF_INIT(0);
	char uuid[UUID_LEN];
	size_t i;

	json_array_foreach(ids, i, id) {
		if (!uuid_parse(json_string_value(id), uuid)) {
			buf_free(&text);
			return fail_field(cx, "ids", "must be UUIDs");
		}
		pg_array_add(&text, uuid);
	}
	pg_array_end(&text);
	*array = arena_strdup(cx->arena, buf_str(&text));
	buf_free(&text);
	return OK;
}

static enum status
refuse(struct context *cx, const char *outcome)
{
	if (strcmp(outcome, "not_found") == 0)
		return fail(cx, E_NOT_FOUND, "one of the conversations");
	if (strcmp(outcome, "no_folder") == 0)
		return fail(cx, E_NOT_FOUND, "the folder");
	fail(cx, E_CONFLICT, "conversations: %s", outcome);
	if (strcmp(outcome, "temporary") == 0)
		fail_message(cx, "A temporary conversation can only be kept or deleted.", "临时对话只能保留或删除");
	else
		fail_message(cx, "As many conversations are pinned as may be. Unpin one first.",
		    "置顶的对话已达上限，请先取消一些");
	return E_CONFLICT;
}

/* Which have an agent or project: the guard against duplicates forgets them once they are deleted. */
static enum status
find_guarded(struct context *cx, const char *ids, struct rows **rows)
{
	enum status st = pg_query_again(cx->pg, rows,
	    "SELECT id, agent_id, project_id FROM conversations WHERE id = ANY ($1::uuid[]) AND user_id = $2"
	    " AND (agent_id IS NOT NULL OR project_id IS NOT NULL)",
	    PS(ids), PS(cx->caller.user_id));

	return st == OK ? OK : fail(cx, st, "read conversations: %s", pg_error(cx->pg));
}

static void
note_deleted(struct context *cx, const json_t *in, const struct rows *guarded, const struct rows *arranged)
{
	json_t *id;
	size_t i;

	for (int k = 0; k < rows_count(arranged); k++)
		if (!row_null(arranged, k, "task_id"))
			task_publish_abort(cx, row_text(arranged, k, "task_id"));
	for (int k = 0; k < rows_count(guarded); k++)
		duplicate_forget(cx->redis, cx->conf, cx->caller.user_id, row_text(guarded, k, "agent_id"),
		    row_text(guarded, k, "project_id"), row_text(guarded, k, "id"));
	json_array_foreach(json_object_get(in, "ids"), i, id)
		events_tell(
		    cx, cx->caller.user_id, "conversation", json_pack("{s:O, s:s}", "id", id, "action", "deleted"));
}

enum status
conversations_arrange(struct context *cx, const json_t *in)
{
	AUTO_ROWS struct rows *guarded = NULL, *rows = NULL;
	const char *action = field_text(in, "action"), *ids;
	bool deletes = strcmp(action, "delete") == 0;
	enum status st;

	if ((st = arrange_ids(cx, in, &ids)) != OK || (deletes && (st = find_guarded(cx, ids, &guarded)) != OK))
		return st;
	/* not again where it deletes: the second run would not find them */
	st = pg_query(cx->pg, &rows,
	    "SELECT a.outcome, t.id AS task_id FROM conversations_arrange($1::uuid, $2::uuid[], $3, $4::uuid, $5::int) AS a"
	    " LEFT JOIN LATERAL unnest(a.live_tasks) AS t(id) ON true",
	    PS(cx->caller.user_id), PS(ids), PS(action), PS(field_text(in, "folder_id")), PI(PINNED_MAX));
	if (st != OK)
		return fail(cx, st, "%s conversations: %s", action, pg_error(cx->pg));
	if (strcmp(row_text(rows, 0, "outcome"), "ok") != 0)
		return refuse(cx, row_text(rows, 0, "outcome"));
	if (deletes)
		note_deleted(cx, in, guarded, rows);
	else
		events_tell(cx, cx->caller.user_id, "conversation",
		    json_pack("{s:O, s:s}", "id", json_array_get(json_object_get(in, "ids"), 0), "action", "arranged"));
	return OK;
}

enum status
conversations_sweep(struct sweeper *s)
{
	struct context *cx = &s->cx;
	int n;

	do {
		AUTO_ROWS struct rows *rows = NULL;
		enum status st = pg_query(
		    cx->pg, &rows, "SELECT id, user_id FROM conversations_expire($1::int)", PI(SWEEP_AT_ONCE));

		if (st != OK)
			return st;
		n = rows_count(rows);
		for (int i = 0; i < n; i++)
			events_tell(cx, row_text(rows, i, "user_id"), "conversation",
			    json_pack("{s:s, s:s}", "id", row_text(rows, i, "id"), "action", "deleted"));
		if (n > 0)
			LOG(INFO, "temporary_removed", LI("count", n));
	} while (n == SWEEP_AT_ONCE && !s->stopping());
	return OK;
}
