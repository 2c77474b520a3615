#include "knowledge/bases.h"

#include <stdlib.h>
#include <string.h>

#include "core/events.h"
#include "knowledge/news.h"

#define SHARES_MAX 50
/* clang-format off */
#define KNOWLEDGE_FIELDS(required) \
	{ "name", F_LINE, (required), .min = 1, .max = 200, .help = "shown name" }, \
	{ "description", F_TEXT, 0, .max = 2000, .help = "what it is about" }, \
	{ "embedding_model", F_LINE, F_NULLABLE, .min = 1, .max = 200, .help = "name of a model of type embedding; null: none, it is searched by its words alone" }, \
	{ "chunk", F_OBJECT, 0, .help = "{tokens: 50-2000 (250), overlap: percent, 0-50 (15)}: how documents that come from now on are cut" }, \
	{ "share", F_OBJECT, 0, .help = "{everyone, groups: [name], users: [e-mail or phone]}: who else may read it" }
/* clang-format on */

const struct field knowledge_fields[] = { KNOWLEDGE_FIELDS(F_REQUIRED), { .name = NULL } };
const struct field knowledge_change_fields[] = { KNOWLEDGE_FIELDS(0), { .name = NULL } };

static const struct field chunk_fields[] = {
	{ "tokens", F_INT, 0, .min = 50, .max = 2000 },
	{ "overlap", F_INT, 0, .min = 0, .max = 50 },
	{ .name = NULL },
};
static const struct field share_fields[] = {
	{ "everyone", F_BOOL },
	{ "groups", F_TEXTS, 0, .max = SHARES_MAX },
	{ "users", F_TEXTS, 0, .max = SHARES_MAX },
	{ .name = NULL },
};

/* ---- reading ------------------------------------------------------------------- */

/* $3 the caller.  Ids are version 7: their order is the order of creation. */
#define BASES(than, order) \
	LIST_SQL("uuid", "SELECT FROM kb k WHERE k.id = $1::uuid AND kb_may_read(k.id, $3)", \
	    "SELECT kb_json(k, $3) AS json, k.id AS at, k.id AS tie FROM kb k WHERE k.deleted_at IS NULL" \
	    " AND (k.user_id = $3 OR k.is_shared OR k.id IN (SELECT s.kb_id FROM kb_share s WHERE s.user_id = $3" \
	    "  OR s.user_group = (SELECT u.user_group FROM users u WHERE u.id = $3))) AND k.id " than \
	    " " LIST_FIRST_UUID, \
	    order)
static const struct list bases = { "knowledge bases", BASES("<", "DESC"), BASES(">", "ASC") };

enum status
kb_list(struct context *cx, const struct page *page, json_t **items, bool *more)
{
	return page_run(cx, page, &bases, items, more, PS(cx->caller.user_id));
}

static enum status
read_json(struct context *cx, const char *id, const char *sql, json_t **out)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st;

	if (id == NULL)
		return fail(cx, E_NOT_FOUND, "no such base");
	if ((st = pg_query_again(cx->pg, &rows, sql, PS(id), PS(cx->caller.user_id))) != OK)
		return fail(cx, st, "read base: %s", pg_error(cx->pg));
	if (rows_count(rows) == 0)
		return fail(cx, E_NOT_FOUND, "base %s", id);
	*out = row_json(rows, 0, "json");
	return OK;
}

enum status
kb_find(struct context *cx, const char *id, json_t **out)
{
	return read_json(cx, id,
	    "SELECT kb_json(k, $2::uuid) AS json FROM kb k WHERE k.id = $1::uuid AND kb_may_read(k.id, $2::uuid)", out);
}

static const char stats_sql[] =
    "SELECT jsonb_build_object("
    " 'documents', coalesce((SELECT jsonb_object_agg(s.state, s.n) FROM (SELECT v.state, count(*) AS n FROM kb_document d"
    "  JOIN kb_version v ON v.document_id = d.id AND v.version = d.version WHERE d.kb_id = k.id GROUP BY v.state) AS s), '{}'),"
    " 'kinds', coalesce((SELECT jsonb_object_agg(s.kind, s.n) FROM (SELECT coalesce(v.kind, 'unknown') AS kind, count(*) AS n"
    "  FROM kb_document d JOIN kb_version v ON v.document_id = d.id AND v.version = d.version WHERE d.kb_id = k.id GROUP BY 1) AS s), '{}'),"
    " 'chunks', coalesce(v.chunks, 0), 'chars', coalesce(v.chars, 0), 'pages', coalesce(v.pages, 0),"
    " 'size_bytes', coalesce(v.size_bytes, 0), 'vectors', coalesce(r.vectors, 0), 'skipped', coalesce(r.skipped, 0),"
    " 'cached', coalesce(r.cached, 0), 'tokens', coalesce(r.tokens, 0), 'cost', coalesce(trim_scale(r.cost), 0),"
    " 'spaces', coalesce((SELECT jsonb_agg(jsonb_build_object('model', s.model, 'state', s.state, 'dims', s.dims,"
    "  'vectors', (SELECT coalesce(sum(x.vectors), 0) FROM kb_run x WHERE x.space_id = s.id)) ORDER BY s.id)"
    "  FROM kb_space s WHERE s.kb_id = k.id AND s.state <> 'retired'), '[]')) AS json"
    " FROM kb k LEFT JOIN LATERAL (SELECT sum(v.chunks) AS chunks, sum(v.chars) AS chars, sum(v.pages) AS pages,"
    "  sum(v.size_bytes) AS size_bytes FROM kb_document d JOIN kb_version v ON v.document_id = d.id AND v.version = d.version"
    "  WHERE d.kb_id = k.id) AS v ON true"
    " LEFT JOIN LATERAL (SELECT sum(r.vectors) AS vectors, sum(r.skipped) AS skipped, sum(r.cached) AS cached,"
    "  sum(r.tokens) AS tokens, sum(r.cost) AS cost FROM kb_space s JOIN kb_run r ON r.space_id = s.id"
    "  WHERE s.kb_id = k.id AND s.state = 'active') AS r ON true"
    " WHERE k.id = $1::uuid AND kb_may_read(k.id, $2::uuid)";

enum status
kb_stats(struct context *cx, const char *id, json_t **out)
{
	return read_json(cx, id, stats_sql, out);
}

/* ---- what is said of it ------------------------------------------------------------ */

static enum status
check_parts(struct context *cx, const json_t *in)
{
	json_t *chunk = json_object_get(in, "chunk"), *share = json_object_get(in, "share");
	struct field_problem problem;

	if (json_is_object(chunk) && !fields_check(cx->arena, chunk_fields, chunk, &problem))
		return fail_field(cx, "chunk", "%s %s", problem.field, problem.message);
	if (json_is_object(share) && !fields_check(cx->arena, share_fields, share, &problem))
		return fail_field(cx, "share", "%s %s", problem.field, problem.message);
	return OK;
}

/* The embedding model of that name, or without one the default, or else the first; *id 0: there is none on offer.
 * By a query: it may stand in the transaction of an Idempotency-Key. */
static enum status
choose_model(struct context *cx, const char *name, int64_t *id)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query_again(cx->pg, &rows,
	    "SELECT m.id FROM llm_models m WHERE m.type = 'embedding' AND m.enabled AND ($1::text IS NULL OR m.name = $1)"
	    " AND EXISTS (SELECT FROM channel_models r JOIN channels c ON c.id = r.channel_id WHERE r.model_id = m.id AND c.enabled)"
	    " ORDER BY m.is_default DESC, m.sort, m.id LIMIT 1",
	    PS(name));

	*id = 0;
	if (st != OK)
		return fail(cx, st, "find a model: %s", pg_error(cx->pg));
	if (rows_count(rows) > 0)
		*id = row_int(rows, 0, "id");
	return *id == 0 && name != NULL ? fail_field(cx, "embedding_model", "is no embedding model on offer") : OK;
}

/* ---- sharing ------------------------------------------------------------------------- */

/* A user shares with users by their address, and with the own group; more than that is an admin's. */
static enum status
may_share(struct context *cx, const json_t *share)
{
	const json_t *group;
	size_t i;

	if (cx->caller.admin)
		return OK;
	if (field_bool(share, "everyone", false))
		return fail(cx, E_FORBIDDEN, "only an admin shares with everybody");
	json_array_foreach(json_object_get(share, "groups"), i, group)
		if (strcmp(json_string_value(group), cx->caller.group) != 0)
			return fail(cx, E_FORBIDDEN, "not the caller's group");
	return OK;
}

static enum status
add_shares(struct context *cx, const char *id, const json_t *share)
{
	AUTO_ROWS struct rows *rows = NULL;
	char *text = json_dumps(share, JSON_COMPACT);
	enum status st = pg_query(
	    cx->pg, &rows, "SELECT field, name FROM kb_set_share($1::uuid, $2::jsonb)", PS(id), PS(text));

	free(text);
	if (st != OK)
		return fail(cx, st, "share: %s", pg_error(cx->pg));
	if (rows_count(rows) > 0)
		return fail_field(
		    cx, "share", "%s: there is no %s", row_text(rows, 0, "field"), row_text(rows, 0, "name"));
	return OK;
}

static enum status
set_share(struct context *cx, const char *id, const json_t *in)
{
	const json_t *share = json_object_get(in, "share");
	enum status st;

	if (!json_is_object(share))
		return OK;
	if ((st = may_share(cx, share)) != OK)
		return st;
	return add_shares(cx, id, share);
}

/* ---- changing ------------------------------------------------------------------------- */

static enum status
insert(struct context *cx, const char *id, const json_t *in)
{
	AUTO_ROWS struct rows *rows = NULL;
	const json_t *chunk = json_object_get(in, "chunk");
	const char *name = field_text(in, "embedding_model");
	bool is_text = field_present(in, "embedding_model") && name == NULL;
	int64_t model_id = 0;
	enum status st = is_text ? OK : choose_model(cx, name, &model_id);

	if (st != OK)
		return st;
	st = pg_query(cx->pg, &rows,
	    "SELECT kb_create($1::uuid, $2::uuid, btrim($3), $4, nullif($5::bigint, 0), $6::int, $7::int, $8::int) AS outcome",
	    PS(id), PS(cx->caller.user_id), PS(field_text(in, "name")),
	    PS(field_text(in, "description") == NULL ? "" : field_text(in, "description")), PI(model_id),
	    PI(field_int(chunk, "tokens", 250)), PI(field_int(chunk, "overlap", 15)), PI(cx->conf->knowledge_bases));
	if (st != OK)
		return fail(cx, st, "make a base: %s", pg_error(cx->pg));
	if (strcmp(row_text(rows, 0, "outcome"), "ok") != 0)
		return fail_with(cx, E_KNOWLEDGE_LIMIT,
		    json_pack("{s:I}", "limit", (json_int_t)cx->conf->knowledge_bases),
		    "as many bases as there may be");
	return OK;
}

enum status
kb_create(struct context *cx, const json_t *in, json_t **out)
{
	char id[UUID_LEN];
	enum status st = check_parts(cx, in);

	if (st != OK)
		return st;
	uuid_v7(id);
	if ((st = pg_begin(cx->pg)) != OK)
		return fail(cx, st, "begin: %s", pg_error(cx->pg));
	if ((st = insert(cx, id, in)) == OK && (st = set_share(cx, id, in)) == OK)
		st = kb_find(cx, id, out);
	if (st != OK) {
		context_rollback(cx);
		return st;
	}
	return context_commit(cx);
}

/* Another model, or none. */
static enum status
set_model(struct context *cx, const char *id, const json_t *in)
{
	AUTO_ROWS struct rows *rows = NULL;
	const char *name = field_text(in, "embedding_model");
	char job_id[UUID_LEN];
	int64_t model_id = 0;
	enum status st;

	if (!field_present(in, "embedding_model"))
		return OK;
	if (name != NULL && (st = choose_model(cx, name, &model_id)) != OK)
		return st;
	uuid_v7(job_id);
	st = pg_query(cx->pg, &rows,
	    "SELECT CASE WHEN kb_set_model($1::uuid, nullif($2::bigint, 0), false)"
	    " THEN kb_job($3::uuid, 'knowledge_embed', $4::uuid) END AS job_id",
	    PS(id), PI(model_id), PS(job_id), PS(cx->caller.user_id));
	return st == OK ? OK : fail(cx, st, "change the model: %s", pg_error(cx->pg));
}

static enum status
update(struct context *cx, const char *id, const json_t *in)
{
	AUTO_ROWS struct rows *rows = NULL;
	const json_t *chunk = json_object_get(in, "chunk");
	enum status st = pg_query(cx->pg, &rows,
	    "UPDATE kb SET name = coalesce(btrim($3), name), description = coalesce($4, description),"
	    " chunk_tokens = coalesce(nullif($5::int, 0), chunk_tokens), chunk_overlap = coalesce(nullif($6::int, -1), chunk_overlap),"
	    " updated_at = now() WHERE id = $1::uuid AND user_id = $2::uuid AND deleted_at IS NULL RETURNING id",
	    PS(id), PS(cx->caller.user_id), PS(field_text(in, "name")), PS(field_text(in, "description")),
	    PI(field_int(chunk, "tokens", 0)), PI(field_int(chunk, "overlap", -1)));

	if (st != OK)
		return fail(cx, st, "change a base: %s", pg_error(cx->pg));
	return rows_count(rows) > 0 ? OK : fail(cx, E_NOT_FOUND, "base %s", id);
}

enum status
kb_update(struct context *cx, const char *id, const json_t *in, json_t **out)
{
	enum status st;

	if (id == NULL)
		return fail(cx, E_NOT_FOUND, "no such base");
	if ((st = check_parts(cx, in)) != OK)
		return st;
	if ((st = pg_begin(cx->pg)) != OK)
		return fail(cx, st, "begin: %s", pg_error(cx->pg));
	if ((st = update(cx, id, in)) == OK && (st = set_model(cx, id, in)) == OK && (st = set_share(cx, id, in)) == OK)
		st = kb_find(cx, id, out);
	if (st != OK) {
		context_rollback(cx);
		return st;
	}
	return context_commit(cx);
}

enum status
kb_remove(struct context *cx, const char *id)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st;

	if (id == NULL)
		return fail(cx, E_NOT_FOUND, "no such base");
	/* not again: a second run would find nothing and say "not found" */
	st = pg_query(cx->pg, &rows, "SELECT kb_delete($1::uuid, $2::uuid) AS gone", PS(cx->caller.user_id), PS(id));
	if (st != OK)
		return fail(cx, st, "delete a base: %s", pg_error(cx->pg));
	if (!row_bool(rows, 0, "gone"))
		return fail(cx, E_NOT_FOUND, "base %s", id);
	events_tell(
	    cx, cx->caller.user_id, "knowledge", json_pack("{s:s, s:s}", "knowledge_id", id, "state", "deleted"));
	knowledge_tell_balance(cx, cx->caller.user_id);
	return OK;
}
