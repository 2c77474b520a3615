#include "chat/conversations.h"

#include <string.h>

#include "base/utf8.h"
#include "core/events.h"
#include "knowledge/search.h"
#include "limits/locks.h"
#include "mcp/servers.h"
#include "engine/tasks.h"

#define AUTO_TITLE_CHARS 40

/* The assistant, if there was one when it began, and what the conversation sets for itself. */
#define SETTINGS_JSON \
	" 'assistant_id', c.assistant_id, 'assistant_name', coalesce((SELECT s.name FROM assistants s" \
	"  WHERE s.id = c.assistant_id AND assistant_may_use(s.id, c.user_id)), c.assistant_name)," \
	" 'assistant_gone', c.assistant_id IS NOT NULL AND NOT assistant_may_use(c.assistant_id, c.user_id)," \
	" 'prompt', c.prompt, 'temperature', c.temperature, 'top_p', c.top_p, 'context_messages', c.context_messages,"
#define CONVERSATION_JSON \
	"jsonb_build_object('id', c.id, 'agent_id', c.agent_id, 'project_id', c.project_id," \
	" 'model', (SELECT m.name FROM llm_models m WHERE m.id = c.model_id)," SETTINGS_JSON \
	" 'title', c.title, 'title_is_custom', c.title_is_custom, 'message_count', c.message_count," \
	" 'folder_id', c.folder_id, 'pinned', c.pinned_at IS NOT NULL, 'archived', c.archived_at IS NOT NULL," \
	" 'temporary_until', json_time(c.temporary_until)," \
	" 'knowledge_ids', to_jsonb(c.knowledge_ids), 'knowledge_mode', c.knowledge_mode," \
	" 'knowledge_rewrite', c.knowledge_rewrite," \
	" 'tool_servers', to_jsonb(c.tool_servers), 'tools_always', to_jsonb(c.tools_always)," \
	" 'total_tokens', c.total_tokens, 'created_at', json_time(c.created_at), 'updated_at', " \
	"json_time(c.updated_at))" \
	" AS json"

/* $3 user, $4 what is looked for, or NULL, $5 the view, $6 a folder or NULL.  The place of the cursor is where it is now.
 * OFFSET 0: looked at row by row, as far as the page goes, whatever is known of the tables. */
#define CONVERSATIONS(than, order) \
	LIST_SQL("uuid", "SELECT FROM conversations c WHERE c.id = $1::uuid AND c.user_id = $3", \
	    "SELECT " CONVERSATION_JSON ", c.updated_at AS at, c.id AS tie FROM conversations c" \
	    " WHERE c.user_id = $3 AND (c.updated_at, c.id) " than \
	    " (coalesce((SELECT o.updated_at FROM conversations o WHERE o.id = $1::uuid), 'infinity')," \
	    "   " LIST_FIRST_UUID ")" \
	    "  AND EXISTS (SELECT FROM conversation_messages m" \
	    "   WHERE m.conversation_id = c.id AND m.role = 'assistant' AND m.status = 'success' OFFSET 0)" \
	    "  AND c.temporary_until IS NULL AND (c.archived_at IS NOT NULL) = ($5::text = 'archived')" \
	    "  AND CASE $5 WHEN 'pinned' THEN c.pinned_at IS NOT NULL" \
	    "   WHEN 'loose' THEN c.pinned_at IS NULL AND c.folder_id IS NULL ELSE true END" \
	    "  AND ($6::uuid IS NULL OR c.folder_id = $6)" \
	    "  AND ($4::text IS NULL OR strpos(lower(c.title), lower($4)) > 0)", \
	    order)
static const struct list conversations = { "conversations", CONVERSATIONS("<", "DESC"), CONVERSATIONS(">", "ASC") };

enum status
conversation_find(struct context *cx, const char *id, json_t **out)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st;

	if (id == NULL)
		return fail(cx, E_NOT_FOUND, "no such conversation");
	st = pg_query_again(cx->pg, &rows,
	    "SELECT " CONVERSATION_JSON " FROM conversations c WHERE c.id = $1 AND c.user_id = $2", PS(id),
	    PS(cx->caller.user_id));
	if (st != OK)
		return fail(cx, st, "read conversation %s: %s", id, pg_error(cx->pg));
	if (rows_count(rows) == 0)
		return fail(cx, E_NOT_FOUND, "conversation %s", id);
	*out = row_json(rows, 0, "json");
	return OK;
}

enum status
conversations_list(
    struct context *cx, const struct page *page, const struct conversations_ask *ask, json_t **items, bool *more)
{
	static const char *const known[] = { "all", "loose", "pinned", "archived" };
	bool ok = ask->view == NULL;

	for (size_t i = 0; !ok && i < sizeof(known) / sizeof(known[0]); i++)
		ok = strcmp(ask->view, known[i]) == 0;
	if (!ok)
		return fail_field(cx, "view", "must be one of all, loose, pinned, archived");
	return page_run(cx, page, &conversations, items, more, PS(cx->caller.user_id), PS(ask->q),
	    PS(ask->view == NULL ? "all" : ask->view), PS(ask->folder_id));
}

enum status
conversation_model(struct context *cx, const char *name, const char **id)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st;

	*id = NULL;
	if (name == NULL)
		return OK;
	st = pg_query_again(
	    cx->pg, &rows, "SELECT id FROM llm_models WHERE name = $1 AND enabled AND type = 'chat'", PS(name));
	if (st != OK)
		return fail(cx, st, "find model: %s", pg_error(cx->pg));
	if (rows_count(rows) == 0)
		return fail_field(cx, "model", "is not a chat model we offer");
	*id = arena_strdup(cx->arena, row_text(rows, 0, "id"));
	return OK;
}

static enum status
check_agent(struct context *cx, const char *agent_id)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st;

	if (agent_id == NULL)
		return OK;
	if ((st = pg_query_again(cx->pg, &rows, "SELECT id FROM agents WHERE id = $1 AND enabled", PS(agent_id))) != OK)
		return fail(cx, st, "find agent: %s", pg_error(cx->pg));
	return rows_count(rows) > 0 ? OK : fail_field(cx, "agent_id", "is not an agent we offer");
}

/* The name of one the caller may use; NULL for id NULL. */
static enum status
find_assistant(struct context *cx, const json_t *in, const char **name)
{
	const char *id = field_text(in, "assistant_id");
	AUTO_ROWS struct rows *rows = NULL;
	enum status st;

	*name = NULL;
	if (id == NULL)
		return OK;
	if (field_text(in, "agent_id") != NULL)
		return fail_field(cx, "assistant_id", "cannot be together with agent_id");
	st = pg_query_again(cx->pg, &rows,
	    "SELECT name FROM assistants WHERE id = $1::uuid AND assistant_may_use(id, $2::uuid)", PS(id),
	    PS(cx->caller.user_id));
	if (st != OK)
		return fail(cx, st, "find assistant: %s", pg_error(cx->pg));
	if (rows_count(rows) == 0)
		return fail_field(cx, "assistant_id", "is not an assistant that you may use");
	*name = arena_strdup(cx->arena, row_text(rows, 0, "name"));
	return OK;
}

/* A number of the input as PostgreSQL reads it; NULL where it is null or absent. */
static const char *
number_text(struct context *cx, const json_t *in, const char *field)
{
	const json_t *n = json_object_get(in, field);

	return json_is_number(n) ? arena_printf(cx->arena, "%.9g", json_number_value(n)) : NULL;
}

/* NULL where it is null or absent. */
static struct pg_arg
maybe_bool(const json_t *in, const char *field)
{
	struct pg_arg none = PNULL;

	return json_is_boolean(json_object_get(in, field)) ? PB(field_bool(in, field, false)) : none;
}

/* What a new conversation is made of, checked. */
struct wanted {
	const char *model_id, *knowledge, *tools, *assistant_name;
};

static enum status
check(struct context *cx, const json_t *in, struct wanted *w)
{
	enum status st;

	if ((st = check_agent(cx, field_text(in, "agent_id"))) != OK ||
	    (st = find_assistant(cx, in, &w->assistant_name)) != OK ||
	    (st = conversation_model(cx, field_text(in, "model"), &w->model_id)) != OK ||
	    (st = tool_servers_read(cx, in, &w->tools)) != OK)
		return st;
	return knowledge_ids_read(cx, in, &w->knowledge);
}

static enum status
insert(struct context *cx, const char *id, const json_t *in, const struct wanted *w, json_t **out)
{
	AUTO_ROWS struct rows *rows = NULL;
	const char *title = field_text(in, "title");
	bool is_temporary = field_bool(in, "temporary", false);
	enum status st;

	st = pg_query(cx->pg, &rows,
	    "INSERT INTO conversations AS c (id, user_id, agent_id, project_id, model_id, title, title_is_custom,"
	    " knowledge_ids, knowledge_mode, assistant_id, assistant_name, prompt, temperature, top_p, context_messages,"
	    " temporary_until, title_wanted, knowledge_rewrite, tool_servers)"
	    " VALUES ($1, $2, $3, $4, $5, btrim($6), btrim($6) <> '', $7::uuid[], $8, $9, $10, $11, $12::real, $13::real,"
	    " $14::int, now() + $15::bigint * interval '1 millisecond', $16, $17, $18::uuid[]) RETURNING " CONVERSATION_JSON,
	    PS(id), PS(cx->caller.user_id), PS(field_text(in, "agent_id")), PS(field_text(in, "project_id")),
	    PS(w->model_id), PS(title == NULL ? "" : title), PS(w->knowledge), PS(field_text(in, "knowledge_mode")),
	    PS(field_text(in, "assistant_id")), PS(w->assistant_name), PS(field_text(in, "prompt")),
	    PS(number_text(cx, in, "temperature")), PS(number_text(cx, in, "top_p")),
	    PS(number_text(cx, in, "context_messages")), is_temporary ? PI(cx->conf->chat_temporary_kept) : PNULL,
	    PB(!is_temporary && *cx->conf->chat_title_model != '\0'), maybe_bool(in, "knowledge_rewrite"),
	    PS(w->tools));
	if (st != OK)
		return fail(cx, st, "create conversation: %s", pg_error(cx->pg));
	*out = row_json(rows, 0, "json");
	return OK;
}

enum status
conversation_create(struct context *cx, const json_t *in, json_t **out)
{
	const char *agent_id = field_text(in, "agent_id"), *project_id = field_text(in, "project_id");
	char id[UUID_LEN], existing[UUID_LEN];
	struct wanted w;
	enum status st;

	if ((st = check(cx, in, &w)) != OK)
		return st;
	uuid_v7(id);
	/* what is temporary never stands in for what is kept, nor the other way round */
	if (field_bool(in, "temporary", false))
		return insert(cx, id, in, &w, out);
	st = duplicate_guard(cx->redis, cx->pg, cx->conf, cx->caller.user_id, agent_id, project_id, id, existing);
	if (st == E_DUPLICATE_CONVERSATION)
		return fail_with(cx, st, json_pack("{s:s}", "conversation_id", existing), "duplicate of %s", existing);
	if (st != OK)
		return fail(cx, st, "duplicate guard");
	if ((st = insert(cx, id, in, &w, out)) != OK)
		duplicate_forget(cx->redis, cx->conf, cx->caller.user_id, agent_id, project_id, id);
	return st;
}

/* The caller's other pages. */
static void
tell(struct context *cx, const char *id, const char *change)
{
	events_tell(cx, cx->caller.user_id, "conversation", json_pack("{s:s, s:s}", "id", id, "action", change));
}

enum status
conversation_update(struct context *cx, const char *id, const json_t *in, json_t **out)
{
	AUTO_ROWS struct rows *rows = NULL;
	const char *model_id, *knowledge, *tools;
	enum status st;

	if (id == NULL)
		return fail(cx, E_NOT_FOUND, "no such conversation");
	if ((st = conversation_model(cx, field_text(in, "model"), &model_id)) != OK ||
	    (st = knowledge_ids_read(cx, in, &knowledge)) != OK || (st = tool_servers_read(cx, in, &tools)) != OK)
		return st;
	st = pg_query(cx->pg, &rows,
	    "UPDATE conversations c SET title = coalesce(btrim($3), c.title),"
	    "  title_is_custom = coalesce(btrim($3) <> '', c.title_is_custom),"
	    "  model_id = CASE WHEN $4 THEN $5 ELSE c.model_id END,"
	    "  knowledge_ids = CASE WHEN $6 THEN $7::uuid[] ELSE c.knowledge_ids END,"
	    "  knowledge_mode = CASE WHEN $8 THEN $9 ELSE c.knowledge_mode END,"
	    "  prompt = CASE WHEN $10 THEN $11 ELSE c.prompt END,"
	    "  temperature = CASE WHEN $12 THEN $13::real ELSE c.temperature END,"
	    "  top_p = CASE WHEN $14 THEN $15::real ELSE c.top_p END,"
	    "  context_messages = CASE WHEN $16 THEN $17::int ELSE c.context_messages END,"
	    "  knowledge_rewrite = CASE WHEN $18 THEN $19 ELSE c.knowledge_rewrite END,"
	    "  tool_servers = CASE WHEN $20 THEN $21::uuid[] ELSE c.tool_servers END,"
	    "  tools_always = CASE WHEN $22 THEN NULL ELSE c.tools_always END, updated_at = now()"
	    " WHERE c.id = $1 AND c.user_id = $2 RETURNING " CONVERSATION_JSON,
	    PS(id), PS(cx->caller.user_id), PS(field_text(in, "title")), PB(field_present(in, "model")), PS(model_id),
	    PB(field_present(in, "knowledge_ids")), PS(knowledge), PB(field_present(in, "knowledge_mode")),
	    PS(field_text(in, "knowledge_mode")), PB(field_present(in, "prompt")), PS(field_text(in, "prompt")),
	    PB(field_present(in, "temperature")), PS(number_text(cx, in, "temperature")),
	    PB(field_present(in, "top_p")), PS(number_text(cx, in, "top_p")), PB(field_present(in, "context_messages")),
	    PS(number_text(cx, in, "context_messages")), PB(field_present(in, "knowledge_rewrite")),
	    maybe_bool(in, "knowledge_rewrite"), PB(field_present(in, "tool_servers")), PS(tools),
	    PB(field_bool(in, "tools_ask", false)));
	if (st != OK)
		return fail(cx, st, "change conversation %s: %s", id, pg_error(cx->pg));
	if (rows_count(rows) == 0)
		return fail(cx, E_NOT_FOUND, "conversation %s", id);
	*out = row_json(rows, 0, "json");
	tell(cx, id, "updated");
	return OK;
}

enum status
conversation_delete(struct context *cx, const char *id)
{
	AUTO_ROWS struct rows *found = NULL, *live = NULL;
	enum status st;

	if (id == NULL)
		return fail(cx, E_NOT_FOUND, "no such conversation");
	st = pg_query_again(cx->pg, &found,
	    "SELECT agent_id, project_id FROM conversations WHERE id = $1 AND user_id = $2", PS(id),
	    PS(cx->caller.user_id));
	if (st != OK)
		return fail(cx, st, "read conversation %s: %s", id, pg_error(cx->pg));
	if (rows_count(found) == 0)
		return fail(cx, E_NOT_FOUND, "conversation %s", id);
	/* again is safe: the second run deletes nothing that is not already gone */
	st = pg_query_again(cx->pg, &live,
	    "SELECT d.deleted, t.id FROM conversation_delete($1, $2) AS d LEFT"
	    " JOIN LATERAL unnest(d.live_tasks) AS t(id) ON true",
	    PS(cx->caller.user_id), PS(id));
	if (st != OK)
		return fail(cx, st, "delete conversation %s: %s", id, pg_error(cx->pg));
	for (int i = 0; i < rows_count(live); i++)
		if (!row_null(live, i, "id"))
			task_publish_abort(cx, row_text(live, i, "id"));
	duplicate_forget(cx->redis, cx->conf, cx->caller.user_id, row_text(found, 0, "agent_id"),
	    row_text(found, 0, "project_id"), id);
	tell(cx, id, "deleted");
	return OK;
}

/* The bytes of blanks and line ends at the start of a text. */
static size_t
blank_length(const char *text)
{
	/* no-break space, ideographic space, byte order mark */
	static const char *const wide[] = { "\xc2\xa0", "\xe3\x80\x80", "\xef\xbb\xbf" };
	size_t n = 0, from;

	do {
		from = n;
		n += strspn(text + n, " \t\r\n");
		for (size_t i = 0; i < sizeof(wide) / sizeof(wide[0]); i++)
			if (strncmp(text + n, wide[i], strlen(wide[i])) == 0)
				n += strlen(wide[i]);
	} while (n > from);
	return n;
}

char *
conversation_auto_title(struct arena *a, const char *content)
{
	size_t len, keep;

	content += blank_length(content);
	len = strcspn(content, "\r\n");
	while (len > 0 && (content[len - 1] == ' ' || content[len - 1] == '\t'))
		len--;
	keep = utf8_prefix(content, len, AUTO_TITLE_CHARS);
	return arena_printf(a, "%.*s%s", (int)keep, content, keep < len ? "…" : "");
}
