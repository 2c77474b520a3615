#include "chat/assistants.h"

#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "chat/conversations.h"
#include "files/uploads.h"
#include "knowledge/search.h"
#include "mcp/servers.h"

#define PROMPT_CHARS_MAX 32000
#define TOKEN_BYTES 16
/* clang-format off */
#define ASSISTANT_FIELDS(required) \
	{ "name", F_LINE, (required), .min = 1, .max = 100, .help = "shown to whoever may use it" }, \
	{ "description", F_TEXT, 0, .max = 2000, .help = "what it is for" }, \
	{ "avatar", F_LINE, 0, .max = 16, .help = "an emoji; empty: none" }, \
	{ "picture_id", F_UUID, F_NULLABLE, .help = "in its place: a picture among the caller's uploads" }, \
	{ "prompt", F_PROSE, 0, .max = PROMPT_CHARS_MAX, .help = "system prompt put before the conversation" }, \
	{ "model", F_LINE, F_NULLABLE, .min = 1, .max = 200, .help = "name of a chat model; null: the default" }, \
	{ "temperature", F_NUMBER, F_NULLABLE, .max = 2, .help = "null: the provider's default" }, \
	{ "top_p", F_NUMBER, F_NULLABLE, .max = 1, .help = "null: the provider's default" }, \
	{ "max_tokens", F_INT, F_NULLABLE, .min = 1, .max = 10000000, .help = "most tokens of an answer; null: what the model allows" }, \
	{ "context_messages", F_INT, F_NULLABLE, .max = 1000, .help = "at most so many earlier messages go upstream; null: as many as the site allows" }, \
	{ "openers", F_TEXTS, 0, .max = OPENERS_MAX, .help = "questions to begin with" }, \
	{ "knowledge_ids", F_TEXTS, 0, .max = SEARCH_BASES_MAX, .help = "bases it looks into, for users who may read them" }, \
	{ "knowledge_mode", F_CHOICE, 0, .choices = "auto always off", .help = "auto: where something fits the question" }, \
	{ "knowledge_rewrite", F_BOOL, 0, .help = "search for the question as a model puts it, from what was said before" }, \
	{ "tool_servers", F_TEXTS, 0, .max = TOOL_SERVERS_CHOSEN, .help = "servers whose tools it may call" }, \
	{ "share", F_CHOICE, 0, .choices = "private link house", .help = "who may use it: nobody else; who has its link; everybody" }
/* clang-format on */

const struct field assistant_fields[] = { ASSISTANT_FIELDS(F_REQUIRED), { .name = NULL } };
const struct field assistant_change_fields[] = { ASSISTANT_FIELDS(0), { .name = NULL } };
const struct field assistant_bar_fields[] = {
	{ "is_barred", F_BOOL, F_REQUIRED, .help = "true: nobody but its owner may use it" },
	{ .name = NULL },
};

/* `user`: an argument, who asks. */
#define USE_JSON(user) \
	"jsonb_build_object('id', a.id, 'name', a.name, 'description', a.description, 'avatar', a.avatar," \
	" 'has_picture', a.picture_id IS NOT NULL, 'openers', to_jsonb(a.openers), 'own', a.user_id = " user "," \
	" 'share', a.share, 'model', (SELECT m.name FROM llm_models m WHERE m.id = a.model_id))"
/* `site`: an argument, the address of the site without a slash at its end. */
#define OWN_JSON(user, site) \
	USE_JSON(user) \
	" || jsonb_build_object('prompt', a.prompt, 'picture_id', a.picture_id, 'temperature', a.temperature," \
	" 'top_p', a.top_p, 'max_tokens', a.max_tokens, 'context_messages', a.context_messages," \
	" 'knowledge_ids', to_jsonb(a.knowledge_ids), 'knowledge_mode', a.knowledge_mode," \
	" 'knowledge_rewrite', a.knowledge_rewrite," \
	" 'tool_servers', to_jsonb(coalesce(a.tool_servers, '{}'))," \
	" 'url', " site "::text || '/a/' || a.token, 'is_barred', a.is_barred," \
	" 'created_at', json_time(a.created_at), 'updated_at', json_time(a.updated_at))"
#define ADMIN_JSON \
	"jsonb_build_object('id', a.id, 'user_id', a.user_id," \
	" 'owner', (SELECT coalesce(u.nickname, u.email, u.phone) FROM users u WHERE u.id = a.user_id)," \
	" 'name', a.name, 'description', a.description, 'openers', to_jsonb(a.openers), 'share', a.share," \
	" 'is_barred', a.is_barred, 'created_at', json_time(a.created_at), 'updated_at', json_time(a.updated_at))"

/* $3 user, $4 scope; as assistant_may_use(), in a form that has indexes */
#define OF_OTHERS \
	"(a.user_id <> $3 AND NOT a.is_barred AND EXISTS (SELECT FROM users u WHERE u.id = a.user_id AND u.status = 'active')"
#define USABLE \
	"(a.user_id = $3 AND coalesce($4::text, 'own') = 'own'" \
	" OR " OF_OTHERS " AND (a.share = 'house' AND coalesce($4, 'house') = 'house'" \
	"  OR a.share = 'link' AND coalesce($4, 'taken') = 'taken'" \
	"   AND a.id = ANY (ARRAY(SELECT k.assistant_id FROM assistant_keeps k WHERE k.user_id = $3)))))"
#define ASSISTANTS(than, order) \
	LIST_SQL("uuid", "SELECT FROM assistants a WHERE a.id = $1::uuid AND " USABLE, \
	    "SELECT " USE_JSON("$3") " AS json, a.id AS at, a.id AS tie FROM assistants a WHERE " USABLE \
				     " AND a.id " than " " LIST_FIRST_UUID, \
	    order)
static const struct list assistants = { "assistants", ASSISTANTS("<", "DESC"), ASSISTANTS(">", "ASC") };

#define SHARED(than, order) \
	LIST_SQL("uuid", "SELECT FROM assistants a WHERE a.id = $1::uuid AND (a.share = 'house' OR a.is_barred)", \
	    "SELECT " ADMIN_JSON " AS json, a.id AS at, a.id AS tie FROM assistants a" \
	    " WHERE (a.share = 'house' OR a.is_barred) AND a.id " than " " LIST_FIRST_UUID, \
	    order)
static const struct list shared = { "shared assistants", SHARED("<", "DESC"), SHARED(">", "ASC") };

static const char *
site(struct context *cx)
{
	return arena_strndup(cx->arena, cx->conf->server_base_url, conf_site_len(cx->conf));
}

enum status
assistants_list(struct context *cx, const struct page *page, const char *scope, json_t **items, bool *more)
{
	if (scope != NULL && strcmp(scope, "own") != 0 && strcmp(scope, "taken") != 0 && strcmp(scope, "house") != 0)
		return fail_field(cx, "scope", "must be own, taken or house");
	return page_run(cx, page, &assistants, items, more, PS(cx->caller.user_id), PS(scope));
}

enum status
assistant_find(struct context *cx, const char *id, json_t **out)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st;

	if (id == NULL)
		return fail(cx, E_NOT_FOUND, "no such assistant");
	st = pg_query_again(cx->pg, &rows,
	    "SELECT CASE WHEN a.user_id = $2 THEN " OWN_JSON("$2", "$3") " ELSE " USE_JSON(
		"$2") " END AS json FROM assistants a WHERE a.id = $1::uuid AND assistant_may_use(a.id, $2::uuid)",
	    PS(id), PS(cx->caller.user_id), PS(site(cx)));
	if (st != OK)
		return fail(cx, st, "read assistant %s: %s", id, pg_error(cx->pg));
	if (rows_count(rows) == 0)
		return fail(cx, E_NOT_FOUND, "assistant %s", id);
	*out = row_json(rows, 0, "json");
	return OK;
}

static enum status
too_many(struct context *cx, const char *en, const char *zh)
{
	fail(cx, E_CONFLICT, "too many assistants");
	fail_message(cx, en, zh);
	return E_CONFLICT;
}

static enum status
refuse(struct context *cx, const char *outcome, const char *id)
{
	if (strcmp(outcome, "no_picture") == 0)
		return fail_field(cx, "picture_id", "is no picture of yours");
	if (strcmp(outcome, "too_many") == 0)
		return too_many(
		    cx, "You have as many assistants as you may. Delete one first.", "助手数量已达上限，请先删除一些");
	return fail(cx, E_NOT_FOUND, "assistant %s", id);
}

static enum status
put(struct context *cx, const char *id, bool is_new, const json_t *in, json_t **out)
{
	AUTO_ROWS struct rows *rows = NULL;
	unsigned char token[TOKEN_BYTES];
	const char *model_id, *knowledge, *tools, *outcome;
	char *text;
	enum status st;

	if ((st = conversation_model(cx, field_text(in, "model"), &model_id)) != OK ||
	    (st = knowledge_ids_read(cx, in, &knowledge)) != OK || (st = tool_servers_read(cx, in, &tools)) != OK)
		return st;
	crypto_random(token, sizeof(token));
	text = json_dumps(in, JSON_WIRE);
	st = pg_query(cx->pg, &rows,
	    "SELECT assistant_put($1::uuid, $2::uuid, $3, $4::jsonb, $5::bigint, $6::uuid[], $7, $8::int, $9::uuid[]) AS outcome",
	    PS(id), PS(cx->caller.user_id), PB(is_new), PS(text), PS(model_id), PS(knowledge),
	    PS(crypto_base64url(cx->arena, token, sizeof(token))), PI(ASSISTANTS_MAX), PS(tools));
	free(text);
	if (st != OK)
		return fail(cx, st, "write assistant %s: %s", id, pg_error(cx->pg));
	outcome = row_text(rows, 0, "outcome");
	return strcmp(outcome, "ok") == 0 ? assistant_find(cx, id, out) : refuse(cx, outcome, id);
}

enum status
assistant_create(struct context *cx, const json_t *in, json_t **out)
{
	char id[UUID_LEN];

	uuid_v7(id);
	return put(cx, id, true, in, out);
}

enum status
assistant_update(struct context *cx, const char *id, const json_t *in, json_t **out)
{
	if (id == NULL)
		return fail(cx, E_NOT_FOUND, "no such assistant");
	return put(cx, id, false, in, out);
}

enum status
assistant_delete(struct context *cx, const char *id)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st;

	if (id == NULL)
		return fail(cx, E_NOT_FOUND, "no such assistant");
	st = pg_query(cx->pg, &rows, "DELETE FROM assistants WHERE id = $1 AND user_id = $2 RETURNING id", PS(id),
	    PS(cx->caller.user_id));
	if (st != OK)
		return fail(cx, st, "delete assistant %s: %s", id, pg_error(cx->pg));
	return rows_count(rows) > 0 ? OK : fail(cx, E_NOT_FOUND, "assistant %s", id);
}

enum status
assistant_send_picture(struct request *rq, const char *id)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st;

	if (id == NULL)
		return fail(&rq->cx, E_NOT_FOUND, "no such assistant");
	/* by a link one sees it before one takes it: the id is as good as the token then */
	st = pg_query_again(rq->cx.pg, &rows,
	    "SELECT a.picture_id, a.user_id FROM assistants a WHERE a.id = $1::uuid AND a.picture_id IS NOT NULL"
	    " AND (assistant_may_use(a.id, $2::uuid) OR a.id = assistant_by_token(a.token))",
	    PS(id), PS(rq->cx.caller.user_id));
	if (st != OK)
		return fail(&rq->cx, st, "read assistant %s: %s", id, pg_error(rq->cx.pg));
	if (rows_count(rows) == 0)
		return fail(&rq->cx, E_NOT_FOUND, "no picture of assistant %s", id);
	return upload_send_small_of(rq, row_text(rows, 0, "picture_id"), row_text(rows, 0, "user_id"));
}

/* ---- by a link ------------------------------------------------------------------------ */

enum status
assistant_linked(struct context *cx, const char *token, json_t **out)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query_again(cx->pg, &rows,
	    "SELECT " USE_JSON("$2") " AS json FROM assistants a WHERE a.id = assistant_by_token($1)", PS(token),
	    PS(cx->caller.user_id));

	if (st != OK)
		return fail(cx, st, "follow a link: %s", pg_error(cx->pg));
	if (rows_count(rows) == 0)
		return fail(cx, E_NOT_FOUND, "no such assistant");
	*out = row_json(rows, 0, "json");
	return OK;
}

enum status
assistant_take(struct context *cx, const char *token, json_t **out)
{
	AUTO_ROWS struct rows *rows = NULL;
	const char *outcome;
	enum status st = pg_query_again(cx->pg, &rows,
	    "SELECT outcome, kept FROM assistant_keep($1, $2::uuid, $3::int)", PS(token), PS(cx->caller.user_id),
	    PI(ASSISTANTS_KEPT_MAX));

	if (st != OK)
		return fail(cx, st, "take an assistant: %s", pg_error(cx->pg));
	outcome = row_text(rows, 0, "outcome");
	if (strcmp(outcome, "too_many") == 0)
		return too_many(cx, "You have taken as many assistants as you may. Put one away first.",
		    "添加的助手已达上限，请先移除一些");
	if (strcmp(outcome, "ok") != 0)
		return fail(cx, E_NOT_FOUND, "no such assistant");
	return assistant_find(cx, row_text(rows, 0, "kept"), out);
}

enum status
assistant_put_away(struct context *cx, const char *id)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st;

	if (id == NULL)
		return fail(cx, E_NOT_FOUND, "no such assistant");
	st = pg_query(cx->pg, &rows,
	    "DELETE FROM assistant_keeps WHERE assistant_id = $1 AND user_id = $2 RETURNING assistant_id", PS(id),
	    PS(cx->caller.user_id));
	if (st != OK)
		return fail(cx, st, "put assistant %s away: %s", id, pg_error(cx->pg));
	return rows_count(rows) > 0 ? OK : fail(cx, E_NOT_FOUND, "assistant %s", id);
}

/* ---- for admins ------------------------------------------------------------------------- */

enum status
assistants_shared(struct context *cx, const struct page *page, json_t **items, bool *more)
{
	return page_run(cx, page, &shared, items, more);
}

enum status
assistant_bar(struct context *cx, const char *id, bool barred, json_t **out)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st;

	if (id == NULL)
		return fail(cx, E_NOT_FOUND, "no such assistant");
	st = pg_query(cx->pg, &rows,
	    "UPDATE assistants a SET is_barred = $2 WHERE a.id = $1 AND (a.share <> 'private' OR a.is_barred)"
	    " RETURNING " ADMIN_JSON " AS json",
	    PS(id), PB(barred));
	if (st != OK)
		return fail(cx, st, "take assistant %s back: %s", id, pg_error(cx->pg));
	if (rows_count(rows) == 0)
		return fail(cx, E_NOT_FOUND, "assistant %s", id);
	*out = row_json(rows, 0, "json");
	return OK;
}
