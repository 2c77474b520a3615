#include "chat/messages.h"

#include <string.h>

#include "core/events.h"
#include "engine/tasks.h"

static const struct {
	const char *status, *text[2]; /* by enum lang */
} displays[] = {
	{ "error", { [LANG_EN] = "Something went wrong, please try again.", [LANG_ZH] = "生成失败，请重试" } },
	{ "insufficient_balance", { [LANG_EN] = "Not enough credits.", [LANG_ZH] = "积分不足，请充值后重试" } },
	{ "content_violation", { [LANG_EN] = "The content was refused.", [LANG_ZH] = "内容不符合规范，请修改后重试" } },
	{ "llm_error",
	    { [LANG_EN] = "The model could not answer, please try again.", [LANG_ZH] = "模型服务出错，请稍后重试" } },
};

/* Trying again is of no use: the conversation has outgrown the model. */
static const char *const too_long[] = {
	[LANG_EN] =
	    "The conversation is too long for this model. Choose one with a longer context, or begin a new conversation.",
	[LANG_ZH] = "对话超出了模型的上下文长度，请选择上下文更长的模型，或新建对话",
};

/* The texts of a failed status, one for each language; NULL for the others. */
static const char *const *
find_display(const char *status)
{
	for (size_t i = 0; i < sizeof(displays) / sizeof(displays[0]); i++)
		if (strcmp(displays[i].status, status) == 0)
			return displays[i].text;
	return NULL;
}

void
message_localize(json_t *message, enum lang lang)
{
	const char *status = json_string_value(json_object_get(message, "status"));
	const char *const *display;
	enum status why;

	if (status == NULL)
		return;
	/* kept in English, whoever reads it */
	why = status_from_text(json_string_value(json_object_get(message, "error_message")));
	if (why != OK)
		json_object_set_new(message, "error_message", json_string(status_text(why, lang)));
	display = why == E_TOO_LARGE && find_display(status) != NULL ? too_long : find_display(status);
	json_object_set_new(message, "error_display", display == NULL ? json_null() : json_string(display[lang]));
}

json_t *
message_written(const struct message *m)
{
	/* jsonb's order of keys, short ones first: an answer asked for again is the same to the byte */
	return json_pack(
	    "{s:s, s:s, s:o, s:s?, s:s, s:o, s:s, s:b, s:o, s:I, s:o, s:s, s:s, s:o, s:o, s:I, s:s?, s:I, s:s}", "id",
	    m->id, "role", m->role, "calls", m->calls, "model", m->model, "status", m->status, "content",
	    json_string_nocheck(m->content), "task_id", m->task_id, "is_error", find_display(m->status) != NULL,
	    "searched", m->searched == NULL ? json_null() : json_loads(m->searched, 0, NULL), "sequence",
	    (json_int_t)m->sequence, "citations", m->citations, "created_at", m->created_at, "updated_at",
	    m->updated_at, "attachments", m->attachments, "credits_cost", json_credits(m->cost_ucr), "input_tokens",
	    (json_int_t)m->input_tokens, "error_message", m->error_message, "output_tokens",
	    (json_int_t)m->output_tokens, "conversation_id", m->conversation_id);
}

/* What only a page tells of a message m: its place in the tree, `versions` by age, why it ended, what was thought of it. */
#define MORE_JSON(m) \
	"message_json(" m ") || jsonb_build_object('parent_id', " m ".parent_id," \
	" 'versions', coalesce(v.ids, jsonb_build_array(" m ".id)), 'finish', " m ".finish, 'verdict', " m ".verdict," \
	" 'left_out', " m ".left_out, 'first_token_ms', " m ".first_token_ms)"
/* The answers that were asked for beside it, if it is compared with any. */
#define BESIDE_JSON \
	"CASE WHEN m.compared THEN (SELECT jsonb_build_object('beside', jsonb_agg(" MORE_JSON( \
	    "b") " ORDER BY b.sequence))" \
		 " FROM jsonb_array_elements_text(v.ids) AS o (id) JOIN conversation_messages b ON b.id = o.id::uuid" \
		 " WHERE b.compared AND b.id <> m.id HAVING count(*) > 0) END"
#define LISTED_JSON MORE_JSON("m") " || coalesce(" BESIDE_JSON ", '{}')"
/* Of a conversation $1 of the user $2: where there is more than one version. */
#define VERSIONS_SQL \
	"WITH v AS MATERIALIZED (SELECT parent_id, role, jsonb_agg(id ORDER BY sequence) AS ids" \
	" FROM conversation_messages WHERE conversation_id = $1 AND user_id = $2 GROUP BY parent_id, role HAVING count(*) > 1) "

/* $1 conversation, $2 user, $3 cursor or NULL, $4 limit, $5 offset.  One row at least when the
 * conversation is there; `at` is the cursor's sequence. */
#define LIST_HEAD \
	VERSIONS_SQL \
	"SELECT $3::uuid IS NULL OR c.at IS NOT NULL AS cursor_ok, m.json FROM" \
	" (SELECT id, (SELECT sequence FROM conversation_messages" \
	"   WHERE id = $3::uuid AND conversation_id = $1) AS at" \
	"  FROM conversations WHERE id = $1 AND user_id = $2) AS c" \
	" LEFT JOIN LATERAL (SELECT m.sequence, " LISTED_JSON " AS json FROM conversation_messages m" \
	"   LEFT JOIN v ON v.parent_id IS NOT DISTINCT FROM m.parent_id AND v.role = m.role" \
	"  WHERE m.conversation_id = c.id AND m.active AND m.sequence "

static const char before_sql[] = LIST_HEAD
    "< CASE WHEN $3::uuid IS NULL THEN 9223372036854775807 ELSE c.at END"
    "  ORDER BY m.sequence DESC LIMIT $4 OFFSET $5) AS m ON true ORDER BY m.sequence DESC";
static const char after_sql[] = LIST_HEAD
    "> c.at ORDER BY m.sequence LIMIT $4 OFFSET $5) AS m ON true ORDER BY m.sequence";

enum status
messages_list(struct context *cx, const char *conversation_id, const struct page *page, int64_t offset, json_t **items,
    bool *more)
{
	AUTO_ROWS struct rows *rows = NULL;
	bool after = page->after_id != NULL;
	size_t i, k;
	json_t *m, *other;
	enum status st;

	if (conversation_id == NULL)
		return fail(cx, E_NOT_FOUND, "no such conversation");
	if ((st = page_sort_check(cx, page, NULL)) != OK)
		return st;
	st = pg_query_again(cx->pg, &rows, after ? after_sql : before_sql, PS(conversation_id), PS(cx->caller.user_id),
	    PS(after ? page->after_id : page->before_id), PI(page->limit + 1), PI(offset));
	if (st != OK)
		return fail(cx, st, "list messages: %s", pg_error(cx->pg));
	if (rows_count(rows) == 0)
		return fail(cx, E_NOT_FOUND, "conversation %s", conversation_id);
	if ((st = page_take(cx, page, rows, !after, items, more)) != OK)
		return st;
	json_array_foreach(*items, i, m) {
		message_localize(m, cx->lang);
		json_array_foreach(json_object_get(m, "beside"), k, other)
			message_localize(other, cx->lang);
	}
	return OK;
}

static void
tell(struct context *cx, const char *conversation_id, const char *message_id, const char *action)
{
	events_tell(cx, cx->caller.user_id, "message",
	    json_pack("{s:s, s:s, s:s}", "id", message_id, "conversation_id", conversation_id, "action", action));
}

enum status
message_delete(struct context *cx, const char *conversation_id, const char *message_id, bool below)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st;

	if (conversation_id == NULL || message_id == NULL)
		return fail(cx, E_NOT_FOUND, "no such message");
	/* not again: a second run would find nothing and say "not found" */
	st = pg_query(cx->pg, &rows,
	    "WITH d AS MATERIALIZED (SELECT deleted, live_tasks FROM messages_delete($1, $2, $3, $4))"
	    " SELECT cardinality(d.deleted) > 0 AS deleted, t.id AS task_id FROM d LEFT JOIN unnest(d.live_tasks) AS t (id) ON true",
	    PS(cx->caller.user_id), PS(conversation_id), PS(message_id), PB(below));
	if (st != OK)
		return fail(cx, st, "delete message %s: %s", message_id, pg_error(cx->pg));
	if (!row_bool(rows, 0, "deleted"))
		return fail(cx, E_NOT_FOUND, "message %s", message_id);
	for (int i = 0; i < rows_count(rows); i++)
		if (!row_null(rows, i, "task_id"))
			task_publish_abort(cx, row_text(rows, i, "task_id"));
	tell(cx, conversation_id, message_id, "deleted");
	return OK;
}

enum status
message_activate(struct context *cx, const char *conversation_id, const char *message_id)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st;

	if (conversation_id == NULL || message_id == NULL)
		return fail(cx, E_NOT_FOUND, "no such message");
	st = pg_query_again(cx->pg, &rows, "SELECT message_activate($1, $2, $3) AS found", PS(cx->caller.user_id),
	    PS(conversation_id), PS(message_id));
	if (st != OK)
		return fail(cx, st, "show message %s: %s", message_id, pg_error(cx->pg));
	if (!row_bool(rows, 0, "found"))
		return fail(cx, E_NOT_FOUND, "message %s", message_id);
	tell(cx, conversation_id, message_id, "activated");
	return OK;
}
