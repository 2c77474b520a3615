#include "mcp/servers.h"

#include <stdlib.h>
#include <string.h>

#include "core/secret.h"

/* clang-format off */
#define SERVER_FIELDS(required) \
	{ "description", F_TEXT, 0, .max = 500, .help = "what users read of it" }, \
	{ "url", F_URL, (required), .max = 2048, .help = "its endpoint for MCP over Streamable HTTP" }, \
	{ "authorization", F_LINE, F_NULLABLE, .min = 1, .max = 4096, .help = "value of the header Authorization, such as Bearer …; kept sealed, never shown; null: none" }, \
	{ "allow_private", F_BOOL, 0, .help = "it may be in a private network or on this host; default false" }, \
	{ "enabled", F_BOOL, 0, .help = "users may choose it; default true" }, \
	{ "approval", F_CHOICE, 0, .choices = "ask always", .help = "ask: each call waits for the user's word, the default; always: calls are made without" }
/* clang-format on */

const struct field tool_server_fields[] = {
	{ "name", F_LINE, F_REQUIRED, .min = 1, .max = 24,
	    .help = "a-z, 0-9 and - ; the names of its tools begin with it" },
	SERVER_FIELDS(F_REQUIRED),
	{ .name = NULL },
};
const struct field tool_server_change_fields[] = {
	SERVER_FIELDS(0),
	{ "tools", F_ARRAY, 0, .max = 128,
	    .help = "what changes of its tools: {name, enabled?, approval?: ask, always or null for the server's}" },
	{ .name = NULL },
};

#define TOOLS_JSON \
	"coalesce((SELECT jsonb_agg(jsonb_build_object('name', t.name, 'called', t.called, 'description', t.description," \
	" 'parameters', t.parameters, 'enabled', t.enabled, 'approval', t.approval) ORDER BY t.position)" \
	" FROM tools t WHERE t.server_id = s.id), '[]')"
#define SERVER_JSON \
	"jsonb_build_object('id', s.id, 'name', s.name, 'description', s.description, 'url', s.url," \
	" 'has_authorization', s.authorization_enc IS NOT NULL, 'allow_private', s.allow_private, 'enabled', s.enabled," \
	" 'approval', s.approval, 'read_at', json_time(s.read_at), 'read_error', s.read_error, 'tools', " TOOLS_JSON \
	", 'created_at', json_time(s.created_at), 'updated_at', json_time(s.updated_at))"

static const char list_sql[] = "SELECT " SERVER_JSON " AS json FROM tool_servers s ORDER BY s.name";
static const char offered_sql[] =
    "SELECT jsonb_build_object('id', s.id, 'name', s.name, 'description', s.description, 'tools',"
    " (SELECT jsonb_agg(jsonb_build_object('called', t.called, 'name', t.name, 'description', t.description,"
    "  'approval', coalesce(t.approval, s.approval)) ORDER BY t.position) FROM tools t WHERE t.server_id = s.id AND t.enabled))"
    " AS json FROM tool_servers s WHERE s.enabled AND EXISTS (SELECT FROM tools t WHERE t.server_id = s.id AND t.enabled)"
    " ORDER BY s.name";

/* ---- reading ------------------------------------------------------------------ */

static enum status
list(struct context *cx, const char *sql, json_t **items)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query_again(cx->pg, &rows, sql);

	if (st != OK)
		return fail(cx, st, "list servers of tools: %s", pg_error(cx->pg));
	*items = json_array();
	for (int i = 0; i < rows_count(rows); i++)
		json_array_append_new(*items, row_json(rows, i, "json"));
	return OK;
}

enum status
tool_servers_list(struct context *cx, json_t **items)
{
	return list(cx, list_sql, items);
}

enum status
tool_servers_offered(struct context *cx, json_t **items)
{
	return list(cx, offered_sql, items);
}

enum status
tool_server_find(struct context *cx, const char *id, json_t **out)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st;

	if (id == NULL)
		return fail(cx, E_NOT_FOUND, "no such server of tools");
	st = pg_query_again(
	    cx->pg, &rows, "SELECT " SERVER_JSON " AS json FROM tool_servers s WHERE s.id = $1", PS(id));
	if (st != OK)
		return fail(cx, st, "read server of tools: %s", pg_error(cx->pg));
	if (rows_count(rows) == 0)
		return fail(cx, E_NOT_FOUND, "server of tools %s", id);
	*out = row_json(rows, 0, "json");
	return OK;
}

enum status
tool_server_open(struct context *cx, const char *id, struct mcp_server **out)
{
	AUTO_ROWS struct rows *rows = NULL;
	struct mcp_server *s = ARENA_NEW(cx->arena, struct mcp_server);
	const unsigned char *sealed;
	size_t len;
	enum status st;

	if (id == NULL)
		return fail(cx, E_NOT_FOUND, "no such server of tools");
	st = pg_query_again(cx->pg, &rows,
	    "SELECT id, name, url, authorization_enc, allow_private FROM tool_servers WHERE id = $1", PS(id));
	if (st != OK)
		return fail(cx, st, "read server of tools: %s", pg_error(cx->pg));
	if (rows_count(rows) == 0)
		return fail(cx, E_NOT_FOUND, "server of tools %s", id);
	s->id = arena_strdup(cx->arena, row_text(rows, 0, "id"));
	s->name = arena_strdup(cx->arena, row_text(rows, 0, "name"));
	s->url = arena_strdup(cx->arena, row_text(rows, 0, "url"));
	s->allow_private = row_bool(rows, 0, "allow_private");
	*out = s;
	if (row_null(rows, 0, "authorization_enc"))
		return OK;
	sealed = row_bytes(rows, 0, "authorization_enc", cx->arena, &len);
	st = secret_open(cx->arena, cx->conf, s->name, sealed, len, &s->authorization);
	return st == OK ? OK : fail(cx, st, "the authorization of %s cannot be opened", s->name);
}

/* ---- writing ------------------------------------------------------------------ */

static bool
is_name(const char *name)
{
	size_t len = strlen(name);

	return strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == len && name[0] != '-' && name[len - 1] != '-';
}

/* The input without the secret, and the secret sealed. */
struct server_row {
	const char *text;
	unsigned char *sealed;
	size_t len;
};

static enum status
make_row(struct context *cx, const json_t *in, struct server_row *row)
{
	const char *authorization = field_text(in, "authorization");
	json_t *rest = json_copy((json_t *)in);
	enum status st;
	char *text;

	json_object_del(rest, "authorization");
	text = json_dumps(rest, JSON_WIRE);
	*row = (struct server_row){ .text = arena_strdup(cx->arena, text) };
	free(text);
	json_decref(rest);
	if (authorization == NULL)
		return OK;
	st = secret_seal(cx->arena, cx->conf, authorization, &row->sealed, &row->len);
	return st == OK ? OK : fail(cx, st, "seal the authorization of a server of tools");
}

static struct pg_arg
sealed_arg(const struct server_row *row)
{
	return row->sealed == NULL ? PNULL : PX(row->sealed, row->len);
}

/* $1 the id, $2 the input, $3 the sealed authorization, $4 most */
static const char insert_sql[] =
    "INSERT INTO tool_servers (id, name, description, url, authorization_enc, allow_private, enabled, approval)"
    " SELECT $1::uuid, i.name, coalesce(i.description, ''), i.url, $3::bytea, coalesce(i.allow_private, false),"
    "  coalesce(i.enabled, true), coalesce(i.approval, 'ask')"
    " FROM jsonb_to_record($2::jsonb) AS i(name text, description text, url text, allow_private boolean, enabled boolean,"
    "  approval text) WHERE (SELECT count(*) FROM tool_servers) < $4::int RETURNING id";

enum status
tool_server_create(struct context *cx, const json_t *in, json_t **out)
{
	AUTO_ROWS struct rows *rows = NULL;
	struct server_row row;
	char id[UUID_LEN];
	enum status st;

	if (!is_name(field_text(in, "name")))
		return fail_field(cx, "name", "must be of a-z, 0-9 and - , and have no - at its ends");
	if ((st = make_row(cx, in, &row)) != OK)
		return st;
	uuid_v7(id);
	st = pg_query(cx->pg, &rows, insert_sql, PS(id), PS(row.text), sealed_arg(&row), PI(TOOL_SERVERS_MAX));
	if (st == E_CONFLICT)
		return fail_with(cx, st, json_pack("{s:s}", "field", "name"), "server of tools: %s", pg_error(cx->pg));
	if (st != OK)
		return fail(cx, st, "add server of tools: %s", pg_error(cx->pg));
	if (rows_count(rows) == 0)
		return fail(cx, E_CONFLICT, "there are %d servers of tools", TOOL_SERVERS_MAX);
	return tool_server_find(cx, id, out);
}

/* "tools" of the input, as far as it can be checked without the database. */
static enum status
check_tools(struct context *cx, const json_t *in)
{
	static const struct field fields[] = {
		{ "name", F_LINE, F_REQUIRED, .min = 1, .max = 128 },
		{ "enabled", F_BOOL, 0 },
		{ "approval", F_CHOICE, F_NULLABLE, .choices = "ask always" },
		{ .name = NULL },
	};
	struct field_problem problem;
	json_t *one;
	size_t i;

	json_array_foreach(json_object_get(in, "tools"), i, one) {
		if (!json_is_object(one))
			return fail_field(cx, "tools", "element %zu must be an object {name, enabled?, approval?}", i);
		if (!fields_check(cx->arena, fields, one, &problem))
			return fail_field(cx, "tools", "element %zu: %s %s", i, problem.field, problem.message);
	}
	return OK;
}

/* $1 the id, $2 the input, $3 the sealed authorization or NULL. */
static const char update_sql[] =
    "WITH s AS (UPDATE tool_servers AS s SET description = coalesce(i.description, s.description),"
    "  url = coalesce(i.url, s.url),"
    "  authorization_enc = CASE WHEN $2::jsonb ? 'has_authorization' AND $3::bytea IS NULL THEN NULL"
    "   ELSE coalesce($3::bytea, s.authorization_enc) END,"
    "  allow_private = coalesce(i.allow_private, s.allow_private), enabled = coalesce(i.enabled, s.enabled),"
    "  approval = coalesce(i.approval, s.approval), updated_at = now()"
    " FROM jsonb_to_record($2::jsonb) AS i(description text, url text, allow_private boolean, enabled boolean, approval text)"
    " WHERE s.id = $1::uuid RETURNING s.id),"
    " t AS (UPDATE tools AS t SET enabled = coalesce((n->>'enabled')::boolean, t.enabled),"
    "  approval = CASE WHEN n ? 'approval' THEN n->>'approval' ELSE t.approval END"
    " FROM s, jsonb_array_elements(coalesce($2::jsonb->'tools', '[]')) AS n"
    " WHERE t.server_id = s.id AND t.name = n->>'name')"
    " SELECT id FROM s";

enum status
tool_server_update(struct context *cx, const char *id, const json_t *in, json_t **out)
{
	AUTO_ROWS struct rows *rows = NULL;
	struct server_row row;
	json_t *marked;
	enum status st;

	if (id == NULL)
		return fail(cx, E_NOT_FOUND, "no such server of tools");
	if ((st = check_tools(cx, in)) != OK)
		return st;
	/* null takes it away, absent leaves it */
	marked = json_own(cx->arena, json_copy((json_t *)in));
	json_object_del(marked, "has_authorization");
	if (field_present(in, "authorization"))
		json_object_set_new(marked, "has_authorization", json_true());
	if ((st = make_row(cx, marked, &row)) != OK)
		return st;
	st = pg_query(cx->pg, &rows, update_sql, PS(id), PS(row.text), sealed_arg(&row));
	if (st != OK)
		return fail(cx, st, "change server of tools: %s", pg_error(cx->pg));
	if (rows_count(rows) == 0)
		return fail(cx, E_NOT_FOUND, "server of tools %s", id);
	return tool_server_find(cx, id, out);
}

enum status
tool_server_delete(struct context *cx, const char *id)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st;

	if (id == NULL)
		return fail(cx, E_NOT_FOUND, "no such server of tools");
	if ((st = pg_query(cx->pg, &rows, "DELETE FROM tool_servers WHERE id = $1 RETURNING id", PS(id))) != OK)
		return fail(cx, st, "remove server of tools: %s", pg_error(cx->pg));
	return rows_count(rows) > 0 ? OK : fail(cx, E_NOT_FOUND, "server of tools %s", id);
}

enum status
tool_server_keep(struct context *cx, const char *id, const json_t *tools, const char *error)
{
	AUTO_ROWS struct rows *rows = NULL;
	char *text = tools == NULL ? NULL : json_dumps(tools, JSON_WIRE);
	enum status st = pg_query(cx->pg, &rows, "SELECT tools_put($1::uuid, $2, $3::jsonb) AS found", PS(id),
	    PS(tools == NULL ? error : NULL), PS(text));

	free(text);
	if (st != OK)
		return fail(cx, st, "keep the tools of a server: %s", pg_error(cx->pg));
	return row_bool(rows, 0, "found") ? OK : fail(cx, E_NOT_FOUND, "server of tools %s", id);
}

/* ---- choosing ------------------------------------------------------------------- */

enum status
tool_servers_read(struct context *cx, const json_t *in, const char **array)
{
	const json_t *ids = json_object_get(in, "tool_servers"), *id;
	AUTO_ROWS struct rows *rows = NULL;
	struct buf text = BUF_INIT(0);
	char uuid[UUID_LEN];
	bool ok = true;
	size_t i;
	enum status st;

	*array = NULL;
	if (!json_is_array(ids))
		return OK;
	buf_puts(&text, "{");
	json_array_foreach(ids, i, id) {
		ok = ok && uuid_parse(json_string_value(id), uuid);
		buf_printf(&text, "%s%s", i > 0 ? "," : "", ok ? uuid : "");
	}
	buf_puts(&text, "}");
	*array = arena_strdup(cx->arena, buf_str(&text));
	buf_free(&text);
	if (!ok)
		return fail_field(cx, "tool_servers", "must be UUIDs");
	st = pg_query_again(cx->pg, &rows,
	    "SELECT NOT EXISTS (SELECT FROM unnest($1::uuid[]) AS i LEFT JOIN tool_servers s ON s.id = i AND s.enabled"
	    " WHERE s.id IS NULL) AS all_there",
	    PS(*array));
	if (st != OK)
		return fail(cx, st, "find servers of tools: %s", pg_error(cx->pg));
	return row_bool(rows, 0, "all_there") ? OK
					      : fail_field(cx, "tool_servers", "names a server that is not offered");
}
