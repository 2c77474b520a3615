#include "ledger/credits.h"

#include <string.h>

enum status
credits_grant(struct pg *pg, const char *user_id, int64_t amount_ucr, const char *change_type, const char *description,
    const char *actor, int64_t *balance_ucr)
{
	AUTO_ROWS struct rows *rows = NULL;
	const char *outcome;
	enum status st = pg_query(pg, &rows,
	    "SELECT outcome, balance FROM credits_grant($1, $2, $3::credits_change_type, $4, $5::uuid)", PS(user_id),
	    PM(amount_ucr), PS(change_type), PS(description), PS(actor));

	if (st != OK)
		return st;
	outcome = row_text(rows, 0, "outcome");
	if (strcmp(outcome, "no_user") == 0)
		return E_NOT_FOUND;
	*balance_ucr = row_ucr(rows, 0, "balance");
	return strcmp(outcome, "ok") == 0 ? OK : E_INSUFFICIENT_CREDITS;
}

enum status
credits_json(struct context *cx, const char *user_id, json_t **out)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query_again(cx->pg, &rows,
	    "SELECT json_build_object('balance', trim_scale(u.credits), 'held', trim_scale(credits_held(u.id))) AS json"
	    " FROM users u WHERE u.id = $1",
	    PS(user_id));

	if (st != OK)
		return fail(cx, st, "reading the balance");
	if (rows_count(rows) == 0)
		return fail(cx, E_NOT_FOUND, "user %s", user_id);
	*out = row_json(rows, 0, "json");
	return OK;
}

json_t *
credits_event(int64_t balance_ucr, int64_t held_ucr)
{
	return json_pack("{s:o, s:o}", "balance", json_credits(balance_ucr), "held", json_credits(held_ucr));
}

/* ---- the ledger -------------------------------------------------------- */

#define HISTORY_JSON \
	"json_build_object('id', id, 'change_type', change_type, 'change_amount', trim_scale(change_amount)," \
	" 'balance_after', trim_scale(balance_after), 'description', description, 'task_id', task_id," \
	" 'created_at', json_time(created_at)) AS json"

static enum status
check_history_cursor(struct context *cx, const char *user_id, const struct page *page)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st;

	if (page->before == 0 && page->after == 0)
		return OK;
	st = pg_query_again(cx->pg, &rows, "SELECT 1 AS one FROM credits_history WHERE user_id = $1 AND id = $2",
	    PS(user_id), PI(page->before != 0 ? page->before : page->after));
	if (st != OK)
		return fail(cx, st, "looking up the cursor");
	return rows_count(rows) > 0 ? OK : page_stale(cx, page);
}

enum status
credits_history(struct context *cx, const char *user_id, const struct page *page, bool raw, json_t **items, bool *more)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st;

	if ((st = check_history_cursor(cx, user_id, page)) != OK)
		return st;
	if (page->after != 0)
		st = pg_query_again(cx->pg, &rows,
		    "SELECT " HISTORY_JSON " FROM credits_history WHERE user_id = $1 AND id > $2"
		    " AND ($3 OR change_type NOT IN ('hold', 'hold_release')) ORDER BY id LIMIT $4",
		    PS(user_id), PI(page->after), PB(raw), PI(page->limit + 1));
	else
		st = pg_query_again(cx->pg, &rows,
		    "SELECT " HISTORY_JSON " FROM credits_history WHERE user_id = $1 AND ($2::bigint = 0 OR id < $2)"
		    " AND ($3 OR change_type NOT IN ('hold', 'hold_release')) ORDER BY id DESC LIMIT $4",
		    PS(user_id), PI(page->before), PB(raw), PI(page->limit + 1));
	if (st != OK)
		return fail(cx, st, "reading the history");
	*items = page_items(page, rows, page->after != 0, more);
	return OK;
}

/* ---- holds ------------------------------------------------------------- */

#define TRANSACTION_JSON \
	"json_build_object('id', t.id, 'task_id', t.task_id, 'amount', trim_scale(t.amount), 'used', " \
	"trim_scale(t.used)," \
	" 'type', t.type, 'status', t.status, 'reason', t.reason, 'created_at', json_time(t.created_at)," \
	" 'confirmed_at', json_time(t.confirmed_at), 'settled_at', json_time(t.settled_at)," \
	" 'expires_at', json_time(t.expires_at)) AS json"

static enum status
check_transaction_cursor(struct context *cx, const char *user_id, const struct page *page)
{
	AUTO_ROWS struct rows *rows = NULL;
	const char *id = page->before_id != NULL ? page->before_id : page->after_id;
	enum status st;

	if (id == NULL)
		return OK;
	st = pg_query_again(cx->pg, &rows, "SELECT 1 AS one FROM credit_transactions WHERE id = $1 AND user_id = $2",
	    PS(id), PS(user_id));
	if (st != OK)
		return fail(cx, st, "looking up the cursor");
	return rows_count(rows) > 0 ? OK : page_stale(cx, page);
}

enum status
credits_transactions(struct context *cx, const char *user_id, const struct page *page, json_t **items, bool *more)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st;

	if ((st = check_transaction_cursor(cx, user_id, page)) != OK)
		return st;
	if (page->after_id != NULL)
		st = pg_query_again(cx->pg, &rows,
		    "SELECT " TRANSACTION_JSON
		    " FROM credit_transactions t WHERE t.user_id = $1 AND (t.created_at, t.id) >"
		    " (SELECT c.created_at, c.id FROM credit_transactions c WHERE c.id = $2)"
		    " ORDER BY t.created_at, t.id LIMIT $3",
		    PS(user_id), PS(page->after_id), PI(page->limit + 1));
	else
		st = pg_query_again(cx->pg, &rows,
		    "SELECT " TRANSACTION_JSON " FROM credit_transactions t WHERE t.user_id = $1"
		    " AND ($2::uuid IS NULL OR (t.created_at, t.id) <"
		    "	(SELECT c.created_at, c.id FROM credit_transactions c WHERE c.id = $2::uuid))"
		    " ORDER BY t.created_at DESC, t.id DESC LIMIT $3",
		    PS(user_id), PS(page->before_id), PI(page->limit + 1));
	if (st != OK)
		return fail(cx, st, "reading the transactions");
	*items = page_items(page, rows, page->after_id != NULL, more);
	return OK;
}
