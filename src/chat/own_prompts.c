#include "chat/own_prompts.h"

#include <stdlib.h>
#include <string.h>

#include "base/fields.h"
#include "base/ids.h"

#define TEXT_CHARS_MAX 16000
/* clang-format off */
#define PROMPT_FIELDS(required) \
	{ "name", F_LINE, (required), .min = 1, .max = 100, .help = "by which it is found" }, \
	{ "text", F_PROSE, (required), .min = 1, .max = TEXT_CHARS_MAX, .help = "{{name}} is a variable that is asked for" }
/* clang-format on */

const struct field prompt_fields[] = { PROMPT_FIELDS(F_REQUIRED), { .name = NULL } };
const struct field prompt_change_fields[] = { PROMPT_FIELDS(0), { .name = NULL } };
const struct field prompts_import_fields[] = {
	{ "prompts", F_ARRAY, F_REQUIRED, .min = 1, .max = PROMPTS_MAX, .help = "{name, text}" },
	{ .name = NULL },
};

#define PROMPT_JSON \
	"jsonb_build_object('id', p.id, 'name', p.name, 'text', p.text, 'created_at', json_time(p.created_at)," \
	" 'updated_at', json_time(p.updated_at)) AS json"
#define PROMPTS(than, order) \
	LIST_SQL("uuid", "SELECT FROM prompts p WHERE p.id = $1::uuid AND p.user_id = $3", \
	    "SELECT " PROMPT_JSON ", p.id AS at, p.id AS tie FROM prompts p WHERE p.user_id = $3 AND p.id " than \
	    " " LIST_FIRST_UUID, \
	    order)
static const struct list prompts = { "prompts", PROMPTS("<", "DESC"), PROMPTS(">", "ASC") };

enum status
prompts_list(struct context *cx, const struct page *page, json_t **items, bool *more)
{
	return page_run(cx, page, &prompts, items, more, PS(cx->caller.user_id));
}

/* Add [{id, name, text}], all or none. */
static enum status
add(struct context *cx, const json_t *list, int64_t *added)
{
	AUTO_ROWS struct rows *rows = NULL;
	char *text = json_dumps(list, JSON_WIRE);
	enum status st = pg_query(cx->pg, &rows, "SELECT outcome, added FROM prompts_add($1::uuid, $2::jsonb, $3::int)",
	    PS(cx->caller.user_id), PS(text), PI(PROMPTS_MAX));

	free(text);
	if (st != OK)
		return fail(cx, st, "add prompts: %s", pg_error(cx->pg));
	if (strcmp(row_text(rows, 0, "outcome"), "ok") != 0) {
		fail(cx, E_CONFLICT, "too many prompts");
		fail_message(cx, "You would have more prompts than you may. Delete some first.",
		    "提示词数量将超过上限，请先删除一些");
		return E_CONFLICT;
	}
	*added = row_int(rows, 0, "added");
	return OK;
}

static json_t *
with_id(const json_t *in)
{
	char id[UUID_LEN];

	uuid_v7(id);
	return json_pack(
	    "{s:s, s:O, s:O}", "id", id, "name", json_object_get(in, "name"), "text", json_object_get(in, "text"));
}

enum status
prompt_create(struct context *cx, const json_t *in, json_t **out)
{
	AUTO_ROWS struct rows *rows = NULL;
	json_t *list = json_own(cx->arena, json_pack("[o]", with_id(in)));
	int64_t added;
	enum status st;

	if ((st = add(cx, list, &added)) != OK)
		return st;
	st = pg_query_again(cx->pg, &rows,
	    "SELECT " PROMPT_JSON " FROM prompts p WHERE p.user_id = $1 AND p.name = btrim($2) AND p.text = $3",
	    PS(cx->caller.user_id), PS(field_text(in, "name")), PS(field_text(in, "text")));
	if (st != OK)
		return fail(cx, st, "read a prompt: %s", pg_error(cx->pg));
	if (rows_count(rows) == 0)
		return fail(cx, E_NOT_FOUND, "the prompt was deleted meanwhile");
	*out = row_json(rows, 0, "json");
	return OK;
}

enum status
prompt_update(struct context *cx, const char *id, const json_t *in, json_t **out)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st;

	if (id == NULL)
		return fail(cx, E_NOT_FOUND, "no such prompt");
	st = pg_query(cx->pg, &rows,
	    "UPDATE prompts AS p SET name = coalesce(btrim($3), p.name), text = coalesce($4, p.text), updated_at = now()"
	    " WHERE p.id = $1 AND p.user_id = $2 RETURNING " PROMPT_JSON,
	    PS(id), PS(cx->caller.user_id), PS(field_text(in, "name")), PS(field_text(in, "text")));
	if (st != OK)
		return fail(cx, st, "change prompt %s: %s", id, pg_error(cx->pg));
	if (rows_count(rows) == 0)
		return fail(cx, E_NOT_FOUND, "prompt %s", id);
	*out = row_json(rows, 0, "json");
	return OK;
}

enum status
prompt_delete(struct context *cx, const char *id)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st;

	if (id == NULL)
		return fail(cx, E_NOT_FOUND, "no such prompt");
	st = pg_query(cx->pg, &rows, "DELETE FROM prompts WHERE id = $1 AND user_id = $2 RETURNING id", PS(id),
	    PS(cx->caller.user_id));
	if (st != OK)
		return fail(cx, st, "delete prompt %s: %s", id, pg_error(cx->pg));
	return rows_count(rows) > 0 ? OK : fail(cx, E_NOT_FOUND, "prompt %s", id);
}

enum status
prompts_export(struct context *cx, json_t **out)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query_again(cx->pg, &rows,
	    "SELECT jsonb_build_object('format', 'weir-prompts', 'version', 1, 'prompts', coalesce(jsonb_agg("
	    "jsonb_build_object('name', p.name, 'text', p.text) ORDER BY p.name, p.id), '[]')) AS json"
	    " FROM prompts p WHERE p.user_id = $1",
	    PS(cx->caller.user_id));

	if (st != OK)
		return fail(cx, st, "export prompts: %s", pg_error(cx->pg));
	*out = row_json(rows, 0, "json");
	return OK;
}

enum status
prompts_import(struct context *cx, const json_t *in, json_t **out)
{
	json_t *list = json_own(cx->arena, json_array()), *one;
	struct field_problem problem;
	int64_t added;
	size_t i;
	enum status st;

	json_array_foreach(json_object_get(in, "prompts"), i, one) {
		const char *place = arena_printf(cx->arena, "prompts/%zu", i);

		if (!json_is_object(one))
			return fail_field(cx, place, "must be an object");
		if (!fields_check(cx->arena, prompt_fields, one, &problem))
			return fail_field(
			    cx, arena_printf(cx->arena, "%s/%s", place, problem.field), "%s", problem.message);
		json_array_append_new(list, with_id(one));
	}
	if ((st = add(cx, list, &added)) != OK)
		return st;
	*out = json_pack("{s:I}", "added", (json_int_t)added);
	return OK;
}
