#include "media/unclear.h"

#include <string.h>

#include "media/work.h"

enum status
unclear_list(struct context *cx, json_t **items)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query_again(cx->pg, &rows,
	    "SELECT coalesce(jsonb_agg(to_jsonb(l)), '[]') AS items FROM (SELECT m.task_id, coalesce(u.email, u.phone, u.id::text) AS user,"
	    " coalesce(c.name, '') AS channel, coalesce(m.model, '') AS model, coalesce(m.external_id, '') AS external_id,"
	    " t.status, json_time(m.sent_at) AS sent_at"
	    " FROM media_submits m JOIN tasks t ON t.id = m.task_id JOIN users u ON u.id = t.user_id"
	    " LEFT JOIN channels c ON c.id = m.channel_id"
	    " WHERE (m.state = 'unknown' OR m.is_unconfirmed) AND m.sent_at > now() - interval '30 days'"
	    " ORDER BY m.sent_at DESC LIMIT 100) AS l");

	if (st != OK)
		return fail(cx, st, "list: %s", pg_error(cx->pg));
	*items = json_own(cx->arena, row_json(rows, 0, "items"));
	return OK;
}

/* How the functions say what became of it. */
static enum status
outcome(struct context *cx, const char *task_id, const char *said)
{
	if (strcmp(said, "ok") == 0)
		return OK;
	if (strcmp(said, "not_found") == 0)
		return fail(cx, E_NOT_FOUND, "task %s", task_id);
	if (strcmp(said, "taken") == 0)
		return fail(cx, E_CONFLICT, "another task has that id");
	return fail(cx, E_CONFLICT, "task %s is %s, not unknown", task_id, said);
}

/* Can its provider be asked after something of that id? */
static enum status
check_id(struct context *cx, const char *task_id, const char *external_id)
{
	AUTO_ROWS struct rows *rows = NULL;
	const struct media_wire *wire;
	struct wire_target to = { .api_key = NULL };
	struct wire_request rq;
	enum status st = pg_query_again(cx->pg, &rows,
	    "SELECT c.provider, c.base_url, m.model FROM media_submits m JOIN channels c ON c.id = m.channel_id"
	    " WHERE m.task_id = $1::uuid",
	    PS(task_id));

	if (st != OK)
		return fail(cx, st, "find task: %s", pg_error(cx->pg));
	if (rows_count(rows) == 0)
		return fail(cx, E_NOT_FOUND, "task %s, or its channel", task_id);
	wire = media_wire_find(row_text(rows, 0, "provider"));
	to.base_url = row_text(rows, 0, "base_url");
	to.model = row_text(rows, 0, "model");
	if (wire == NULL || wire->query == NULL)
		return fail(
		    cx, E_INVALID_REQUEST, "provider %s cannot be asked after anything", row_text(rows, 0, "provider"));
	return wire->query(wire, cx->arena, &to, external_id, &rq) == OK
	    ? OK
	    : fail(cx, E_INVALID_REQUEST, "%s is no id of that provider", external_id);
}

enum status
unclear_adopt(struct context *cx, const char *task_id, const char *external_id)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = check_id(cx, task_id, external_id);

	if (st != OK)
		return st;
	st = pg_query(cx->pg, &rows, "SELECT media_adopt($1::uuid, $2) AS outcome", PS(task_id), PS(external_id));
	return st != OK ? fail(cx, st, "adopt: %s", pg_error(cx->pg))
			: outcome(cx, task_id, row_text(rows, 0, "outcome"));
}

enum status
unclear_fail(struct context *cx, const char *task_id)
{
	AUTO_ROWS struct rows *rows = NULL;
	struct work_task *w = ARENA_NEW(cx->arena, struct work_task);
	const enum status why = E_UPSTREAM_FAILED;
	enum status st = work_read(cx, task_id, w);

	if (st != OK)
		return st;
	st = pg_query(cx->pg, &rows,
	    "SELECT outcome, settled, charged, balance, held FROM media_disown($1::uuid, $2, $3)", PS(task_id),
	    PS(status_code(why)), PS(status_text(why, LANG_EN)));
	if (st != OK)
		return fail(cx, st, "fail: %s", pg_error(cx->pg));
	if ((st = outcome(cx, task_id, row_text(rows, 0, "outcome"))) == OK && row_bool(rows, 0, "settled"))
		work_ended(cx, w,
		    &(struct work_end){
			.outcome = OUTCOME_FAILED, .why = why, .provider_cost = -1, .is_unconfirmed = true },
		    rows);
	return st;
}
