#include "chat/transfer.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/fields.h"
#include "base/ids.h"
#include "chat/conversations.h"
#include "core/events.h"

/* An answer may be as long as a model can make it; a question as the composer takes it and more. */
#define CONTENT_CHARS 1000000
#define EXPORT_BYTES (64 * 1024 * 1024)

/* ---- away ------------------------------------------------------------------------- */

/* A heading for each turn: "## You", "## name of the model". */
static void
write_markdown(struct context *cx, const json_t *file, struct buf *out)
{
	const char *title = field_text(file, "title");
	size_t i, k;
	json_t *m, *a;

	buf_printf(out, "# %s\n", *title == '\0' ? (cx->lang == LANG_ZH ? "对话" : "Conversation") : title);
	json_array_foreach(json_object_get(file, "messages"), i, m) {
		const char *model = field_text(m, "model");
		bool asks = strcmp(field_text(m, "role"), "user") == 0;

		buf_printf(out, "\n## %s\n\n",
		    asks		? (cx->lang == LANG_ZH ? "我" : "You")
			: model != NULL ? model
					: (cx->lang == LANG_ZH ? "助手" : "Assistant"));
		buf_puts(out, field_text(m, "content"));
		buf_puts(out, "\n");
		json_array_foreach(json_object_get(m, "attachments"), k, a) {
			bool image = strcmp(field_text(a, "type"), "image") == 0;

			buf_printf(
			    out, "\n%s[%s](%s)\n", image ? "!" : "", field_text(a, "type"), field_text(a, "url"));
		}
	}
}

/* The text of a file, which may be more than the arena's cap. */
static const char *
keep_text(struct context *cx, const char *text)
{
	char *kept = strdup(text);

	arena_cleanup(cx->arena, free, kept);
	return kept;
}

static enum status
refuse_temporary(struct context *cx)
{
	fail(cx, E_CONFLICT, "the conversation is temporary");
	fail_message(cx, "A temporary conversation cannot be exported. Keep it first.", "临时对话不能导出，请先保留");
	return E_CONFLICT;
}

/* May they be exported: all there, none temporary, not too much? */
static enum status
check_export(struct context *cx, const char *ids)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query_again(cx->pg, &rows,
	    "SELECT count(*) = (SELECT count(DISTINCT i) FROM unnest($1::uuid[]) AS i) AS all_there,"
	    " coalesce(bool_or(c.temporary_until IS NOT NULL), false) AS temporary,"
	    " coalesce(sum((SELECT sum(octet_length(m.content)) FROM conversation_messages m"
	    "  WHERE m.conversation_id = c.id)), 0) > $3::bigint AS too_large"
	    " FROM conversations c WHERE c.id = ANY ($1::uuid[]) AND c.user_id = $2",
	    PS(ids), PS(cx->caller.user_id), PI(EXPORT_BYTES));

	if (st != OK)
		return fail(cx, st, "export conversations: %s", pg_error(cx->pg));
	if (!row_bool(rows, 0, "all_there"))
		return fail(cx, E_NOT_FOUND, "a conversation to be exported");
	if (row_bool(rows, 0, "temporary"))
		return refuse_temporary(cx);
	if (!row_bool(rows, 0, "too_large"))
		return OK;
	fail(cx, E_TOO_LARGE, "more than %d bytes", EXPORT_BYTES);
	fail_message(cx, "This is too long for a file.", "内容过长，无法导出");
	return E_TOO_LARGE;
}

#define EXPORT_JSON \
	"jsonb_build_object('format', 'weir-conversation', 'version', 1, 'title', c.title, 'created_at'," \
	" json_time(c.created_at), 'messages', conversation_text(c.id, c.user_id))"
#define EXPORT_FROM \
	" FROM unnest($1::uuid[]) WITH ORDINALITY AS i (id, n) JOIN conversations c ON c.id = i.id WHERE c.user_id = $2"
static const char one_sql[] = "SELECT " EXPORT_JSON " AS json" EXPORT_FROM;
static const char many_sql[] =
    "SELECT jsonb_build_object('format', 'weir-conversations', 'version', 1, 'conversations',"
    " coalesce(jsonb_agg(" EXPORT_JSON " ORDER BY i.n), '[]')) AS json" EXPORT_FROM;

/* As the file of one, or of several with a line between them. */
static const char *
markdown_of(struct context *cx, const struct rows *rows)
{
	json_t *file = json_own(cx->arena, row_json(rows, 0, "json")), *list = json_object_get(file, "conversations"),
	       *c;
	struct buf text = BUF_INIT(0);
	const char *kept;
	size_t i;

	if (list == NULL)
		write_markdown(cx, file, &text);
	json_array_foreach(list, i, c) {
		if (i > 0)
			buf_puts(&text, "\n---\n\n");
		write_markdown(cx, c, &text);
	}
	kept = keep_text(cx, buf_str(&text));
	buf_free(&text);
	return kept;
}

static enum status
export_by(struct context *cx, const char *sql, const char *ids, const char *format, struct exported *out)
{
	AUTO_ROWS struct rows *rows = NULL;
	bool markdown = format != NULL && strcmp(format, "markdown") == 0;
	enum status st;

	if (format != NULL && !markdown && strcmp(format, "json") != 0)
		return fail_field(cx, "format", "must be json or markdown");
	if ((st = check_export(cx, ids)) != OK)
		return st;
	st = pg_query_again(cx->pg, &rows, sql, PS(ids), PS(cx->caller.user_id));
	if (st != OK)
		return fail(cx, st, "export conversations: %s", pg_error(cx->pg));
	if (rows_count(rows) == 0)
		return fail(cx, E_NOT_FOUND, "a conversation to be exported");
	if (markdown)
		*out = (struct exported){ "text/markdown", "md", markdown_of(cx, rows) };
	else
		*out = (struct exported){ "application/json", "json", keep_text(cx, row_text(rows, 0, "json")) };
	return OK;
}

enum status
conversation_export(struct context *cx, const char *id, const char *format, struct exported *out)
{
	if (id == NULL)
		return fail(cx, E_NOT_FOUND, "no such conversation");
	return export_by(cx, one_sql, arena_printf(cx->arena, "{%s}", id), format, out);
}

enum status
conversations_export(struct context *cx, const char *ids, const char *format, struct exported *out)
{
	return export_by(cx, many_sql, ids, format, out);
}

/* ---- and here ------------------------------------------------------------------------ */

static const struct field message_fields[] = {
	{ "role", F_CHOICE, F_REQUIRED, .choices = "user assistant" },
	{ "content", F_PROSE, F_REQUIRED, .max = CONTENT_CHARS },
	{ "model", F_LINE, 0, .max = 200 },
	{ "created_at", F_LINE, 0, .max = 40 },
	{ .name = NULL },
};

/* Whether `object` has a time there, if anything; *wall_ms untouched if not. */
static bool
is_time(const json_t *object, int64_t *wall_ms)
{
	const char *text = field_text(object, "created_at");

	return text == NULL || clock_parse_rfc3339(text, wall_ms);
}

static enum status
check_messages(struct context *cx, json_t *messages)
{
	struct field_problem problem;
	bool answered = false;
	int64_t wall_ms;
	size_t i;
	json_t *m;

	json_array_foreach(messages, i, m) {
		char id[UUID_LEN];

		if (!json_is_object(m))
			return fail_field(cx, arena_printf(cx->arena, "messages/%zu", i), "must be an object");
		if (!fields_check(cx->arena, message_fields, m, &problem))
			return fail_field(
			    cx, arena_printf(cx->arena, "messages/%zu/%s", i, problem.field), "%s", problem.message);
		if (!is_time(m, &wall_ms))
			return fail_field(
			    cx, arena_printf(cx->arena, "messages/%zu/created_at", i), "must be a time, RFC 3339");
		answered |= strcmp(field_text(m, "role"), "assistant") == 0;
		uuid_v7(id);
		json_object_set_new(m, "id", json_string(id));
	}
	/* one without is nowhere in the list */
	return answered ? OK : fail_field(cx, "messages", "must have an answer");
}

enum status
conversation_import(struct context *cx, json_t *in, json_t **out)
{
	AUTO_ROWS struct rows *rows = NULL;
	json_t *messages = json_object_get(in, "messages");
	const char *title = field_text(in, "title"), *text;
	int64_t wall_ms = clock_wall_ms();
	char id[UUID_LEN], at[RFC3339_LEN];
	enum status st;

	if (!is_time(in, &wall_ms) || wall_ms > clock_wall_ms() + 1000)
		return fail_field(cx, "created_at", "must be a time that has been, RFC 3339");
	if ((st = check_messages(cx, messages)) != OK)
		return st;
	if (title == NULL || *title == '\0')
		title = conversation_auto_title(cx->arena, field_text(json_array_get(messages, 0), "content"));
	clock_rfc3339(wall_ms, at);
	uuid_v7(id);
	text = json_dumps(messages, JSON_COMPACT);
	st = pg_query(cx->pg, &rows, "SELECT conversation_import($1, $2, $3, $4, $5)", PS(id), PS(cx->caller.user_id),
	    PS(title), PS(text), PS(at));
	free((char *)text);
	if (st != OK)
		return fail(cx, st, "import a conversation: %s", pg_error(cx->pg));
	events_tell(cx, cx->caller.user_id, "conversation", json_pack("{s:s, s:s}", "id", id, "action", "created"));
	return conversation_find(cx, id, out);
}
