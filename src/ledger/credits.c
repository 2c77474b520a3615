#include "ledger/credits.h"

#include <string.h>

#include "core/events.h"

static enum status
refuse_balance(struct context *cx, int64_t balance_ucr)
{
	enum status st = fail_with(
	    cx, E_CONFLICT, json_pack("{s:o}", "balance", json_credits(balance_ucr)), "the balance is too low");

	fail_message(cx, "The balance is too low for this.", "余额不足，无法扣减");
	return st;
}

enum status
credits_grant(struct context *cx, const char *user_id, int64_t amount_ucr, const char *change_type,
    const char *description, int64_t *balance_ucr)
{
	AUTO_ROWS struct rows *rows = NULL;
	const char *outcome;
	enum status st;

	if (user_id == NULL)
		return fail(cx, E_NOT_FOUND, "no such user");
	/* not again: a lost answer must not grant twice; a request has Idempotency-Key */
	st = pg_query(cx->pg, &rows,
	    "SELECT outcome, balance FROM credits_grant($1, $2, $3::credits_change_type, $4, $5::uuid)", PS(user_id),
	    PM(amount_ucr), PS(change_type), PS(description), PS(cx->caller.user_id));
	if (st != OK)
		return fail(cx, st, "grant to %s: %s", user_id, pg_error(cx->pg));
	outcome = row_text(rows, 0, "outcome");
	if (strcmp(outcome, "no_user") == 0)
		return fail(cx, E_NOT_FOUND, "user %s", user_id);
	*balance_ucr = row_ucr(rows, 0, "balance");
	if (strcmp(outcome, "ok") != 0)
		return refuse_balance(cx, *balance_ucr);
	events_tell(cx, user_id, "balance", json_pack("{s:o}", "balance", json_credits(*balance_ucr)));
	return OK;
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

/* $3 user, $4 holds and releases too */
#define HISTORY(more, than, order) \
	LIST_SQL("bigint", "SELECT FROM credits_history h WHERE h.user_id = $3 AND h.id = $1::bigint", \
	    "SELECT json_build_object('id', h.id, 'change_type', h.change_type," \
	    " 'change_amount', trim_scale(h.change_amount), 'balance_after', trim_scale(h.balance_after)," \
	    " 'description', h.description, 'task_id', h.task_id" more \
	    ", 'created_at', json_time(h.created_at)) AS json," \
	    " h.id AS at, h.id AS tie FROM credits_history h WHERE h.user_id = $3 AND h.id " than \
	    " " LIST_EDGE_INT(than) " AND ($4 OR h.change_type NOT IN ('hold', 'hold_release'))", \
	    order)
#define ACTOR ", 'actor_id', h.actor_id"
static const struct list history = { "the history", HISTORY("", "<", "DESC"), HISTORY("", ">", "ASC"), LIST_CREATED };
static const struct list history_actors = { "the history", HISTORY(ACTOR, "<", "DESC"), HISTORY(ACTOR, ">", "ASC"),
	LIST_CREATED };
const struct field credits_query[] = { LIST_QUERY(F_INT, LIST_CREATED), { .name = NULL } };

enum status
credits_history(struct context *cx, const char *user_id, const struct page *page, bool raw, json_t **items, bool *more)
{
	return page_run(cx, page, &history, items, more, PS(user_id), PB(raw));
}

enum status
credits_history_actors(struct context *cx, const char *user_id, const struct page *page, json_t **items, bool *more)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st;

	if (user_id == NULL)
		return fail(cx, E_NOT_FOUND, "no such user");
	if ((st = pg_query_again(cx->pg, &rows, "SELECT FROM users WHERE id = $1", PS(user_id))) != OK)
		return fail(cx, st, "find user: %s", pg_error(cx->pg));
	if (rows_count(rows) == 0)
		return fail(cx, E_NOT_FOUND, "user %s", user_id);
	return page_run(cx, page, &history_actors, items, more, PS(user_id), PB(true));
}

/* ---- holds ------------------------------------------------------------- */

/* $3 user */
#define HOLDS(than, order) \
	LIST_SQL("uuid", "SELECT FROM credit_transactions t WHERE t.id = $1::uuid AND t.user_id = $3", \
	    "SELECT json_build_object('id', t.id, 'task_id', t.task_id, 'amount', trim_scale(t.amount)," \
	    " 'used', trim_scale(t.used), 'type', t.type, 'status', t.status, 'reason', t.reason," \
	    " 'created_at', json_time(t.created_at), 'confirmed_at', json_time(t.confirmed_at)," \
	    " 'settled_at', json_time(t.settled_at), 'expires_at', json_time(t.expires_at)) AS json," \
	    " t.created_at AS at, t.id AS tie FROM credit_transactions t WHERE t.user_id = $3 AND (t.created_at, t.id) " than \
	    " (coalesce((SELECT c.created_at FROM credit_transactions c WHERE c.id = $1::uuid), 'infinity')," \
	    "  " LIST_FIRST_UUID ")", \
	    order)
static const struct list holds = { "the holds", HOLDS("<", "DESC"), HOLDS(">", "ASC") };

enum status
credits_transactions(struct context *cx, const char *user_id, const struct page *page, json_t **items, bool *more)
{
	return page_run(cx, page, &holds, items, more, PS(user_id));
}
