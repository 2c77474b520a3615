#include "chat/verdicts.h"

#include "core/events.h"

enum status
verdict_give(
    struct context *cx, const char *conversation_id, const char *message_id, const char *verdict, const char *note)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st;

	if (conversation_id == NULL || message_id == NULL)
		return fail(cx, E_NOT_FOUND, "no such message");
	st = pg_query_again(cx->pg, &rows,
	    "UPDATE conversation_messages SET verdict = nullif($4, 'none'),"
	    " verdict_note = CASE WHEN $4 <> 'none' THEN nullif($5, '') END,"
	    " verdict_at = CASE WHEN $4 <> 'none' THEN now() END"
	    " WHERE id = $1 AND conversation_id = $2 AND user_id = $3 AND role = 'assistant' RETURNING id",
	    PS(message_id), PS(conversation_id), PS(cx->caller.user_id), PS(verdict), PS(note));
	if (st != OK)
		return fail(cx, st, "judge message %s: %s", message_id, pg_error(cx->pg));
	if (rows_count(rows) == 0)
		return fail(cx, E_NOT_FOUND, "no answer %s", message_id);
	events_tell(cx, cx->caller.user_id, "message",
	    json_pack("{s:s, s:s, s:s}", "id", message_id, "conversation_id", conversation_id, "action", "judged"));
	return OK;
}

/* $3 up or down, $4 model; NULL: any. */
#define VERDICTS(than, order) \
	LIST_SQL("uuid", "SELECT FROM conversation_messages m WHERE m.id = $1::uuid AND m.verdict IS NOT NULL", \
	    "SELECT jsonb_build_object('id', m.id, 'user_id', m.user_id, 'model', m.model, 'verdict', m.verdict," \
	    "  'note', m.verdict_note, 'at', json_time(m.verdict_at)) AS json, m.verdict_at AS at, m.id AS tie" \
	    " FROM conversation_messages m WHERE m.verdict IS NOT NULL AND (m.verdict_at, m.id) " than \
	    " (coalesce((SELECT o.verdict_at FROM conversation_messages o WHERE o.id = $1::uuid), 'infinity')," \
	    "   " LIST_FIRST_UUID ") AND ($3::text IS NULL OR m.verdict = $3) AND ($4::text IS NULL OR m.model = $4)", \
	    order)
static const struct list verdicts = { "verdicts", VERDICTS("<", "DESC"), VERDICTS(">", "ASC") };

enum status
verdicts_list(
    struct context *cx, const struct page *page, const char *verdict, const char *model, json_t **items, bool *more)
{
	return page_run(cx, page, &verdicts, items, more, PS(verdict), PS(model));
}

enum status
verdicts_sums(struct context *cx, int64_t days, json_t **items)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query_again(cx->pg, &rows,
	    "SELECT coalesce(jsonb_agg(jsonb_build_object('model', s.model, 'up', s.up, 'down', s.down)"
	    "  ORDER BY s.up + s.down DESC, s.model), '[]') AS items"
	    " FROM (SELECT m.model, count(*) FILTER (WHERE m.verdict = 'up') AS up, count(*) FILTER (WHERE m.verdict = 'down') AS down"
	    "  FROM conversation_messages m WHERE m.verdict IS NOT NULL AND m.verdict_at > now() - make_interval(days => $1::int)"
	    "  GROUP BY m.model) AS s",
	    PI(days));

	if (st != OK)
		return fail(cx, st, "sum verdicts: %s", pg_error(cx->pg));
	*items = row_json(rows, 0, "items");
	return OK;
}
