/*
 * One page of a list: ?limit= (1-100, default 50) and a cursor.
 *
 * `before_id` and `after_id` name an item of the list and ask for what stands
 * before or after it: in lists with the newest first, what is older than it or
 * newer.  A cursor whose item is gone or somebody else's is stale, and an error.
 */
#ifndef WEIR_CORE_PAGE_H
#define WEIR_CORE_PAGE_H

#include "core/request.h"

#define PAGE_LIMIT_DEFAULT 50
#define PAGE_LIMIT_MAX 100

struct page {
	int64_t limit;
	const char *before_id, *after_id; /* UUIDs; at most one is set */
	int64_t before, after;		  /* integer ids; 0: not set; at most one is */
};

/* Read ?limit=&before_id=&after_id= where ids are UUIDs.  E_INVALID_REQUEST. */
enum status page_read(struct request *rq, struct page *out) MUST_CHECK;
/* The same where ids are integers. */
enum status page_read_int(struct request *rq, struct page *out) MUST_CHECK;
/* What is looked for by ?q= (at most 200 characters), NULL when absent or empty.
 * E_INVALID_REQUEST. */
enum status page_search(struct request *rq, const char **out) MUST_CHECK;

/*
 * TO ADD A LIST, newest first: two texts by LIST_SQL, one for what is older than
 * the cursor and one for what is newer, and page_run().  Cursor and page are one
 * statement: what it says of the cursor is as true as the page.
 *
 *	type	of the cursor: "uuid", "bigint"
 *	known	a query that has a row when the cursor $1 names something in this list
 *	select	the items: a column `json`, and columns `at` and `tie` by which they
 *		are in order, as an index has them; it uses $1 for its condition, LIST_FIRST_… where there is no cursor, and
 *		$3 … for what page_run() is given
 *	order	"DESC" for what is older, "ASC" for what is newer
 */
#define LIST_SQL(type, known, select, order) \
	"SELECT $1::" type " IS NULL OR EXISTS (" known ") AS cursor_ok, m.json FROM (SELECT) AS one" \
	" LEFT JOIN LATERAL (" select " ORDER BY at " order ", tie " order " LIMIT $2::bigint) AS m ON true" \
	" ORDER BY m.at " order ", m.tie " order
/* The cursor, or what comes before the first page: behind everything. */
#define LIST_FIRST_UUID "coalesce($1::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')"
#define LIST_FIRST_INT "coalesce($1::bigint, 9223372036854775807)"

struct list {
	const char *what; /* "uploads": for the log */
	const char *older, *newer;
};

/* Read a page of a list with the arguments of its own.  E_INVALID_REQUEST a stale
 * cursor.  The caller owns *items.  Worker. */
#define page_run(cx, page, list, items, more, ...) \
	page_run_args((cx), (page), (list), (items), (more), PG_ARGS(__VA_ARGS__) + 1, PG_NARGS(__VA_ARGS__))
enum status page_run_args(struct context *cx, const struct page *page, const struct list *list, json_t **items,
    bool *more, const struct pg_arg *args, size_t n) MUST_CHECK;
/* The same from rows with cursor_ok and json, one at least (json NULL: the page is
 * empty), that some statement of another shape gave; `reverse`: they are in the
 * order opposite to the list's. */
enum status page_take(struct context *cx, const struct page *page, const struct rows *rows, bool reverse,
    json_t **items, bool *more) MUST_CHECK;

#endif
