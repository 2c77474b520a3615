/*
 * One page of a list: ?limit= (1-100, default 50), a cursor, and in some lists ?sort=.
 *
 * `before_id` and `after_id` name an item of the list and ask for what stands
 * before or after it: in lists with the newest first, what is older than it or
 * newer.  A cursor whose item is gone or somebody else's is stale, and an error.
 *
 * `sort` is one of the list's own names, the least first, or with a '-' the greatest.  Then `before_id` asks for
 * what is less than its item and `after_id` for what is more, whichever way the list goes: behind the last item of
 * a list sorted by "-cost" stands what is before it.  Items with the same value are in the order of their ids, those
 * without one are the least.  By created_at a list is sorted whole, by anything else the newest LIST_SORT_ROWS of
 * what the filters leave: so much is read for a page, however large the table is.
 */
#ifndef WEIR_CORE_PAGE_H
#define WEIR_CORE_PAGE_H

#include "core/request.h"

#define PAGE_LIMIT_DEFAULT 50
#define PAGE_LIMIT_MAX 100

/* As many of the newest items are sorted by what has no index. */
#define LIST_SORT_ROWS 10000

struct page {
	int64_t limit;
	const char *sort;		  /* as asked for; NULL: the list's own order */
	const char *before_id, *after_id; /* UUIDs; at most one is set */
	int64_t before, after;		  /* integer ids; 0: not set; at most one is */
};

/* Read ?limit=&before_id=&after_id=&sort= where ids are UUIDs.  E_INVALID_REQUEST. */
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
 *		are in order, as an index has them; it uses $1 for its condition, LIST_FIRST_… where there is no cursor
 *		(LIST_EDGE_… where the list may go up, too), and $3 … for what page_run() is given
 *	order	"DESC" for what is older, "ASC" for what is newer
 */
#define LIST_SQL(type, known, select, order) \
	"SELECT $1::" type " IS NULL OR EXISTS (" known ") AS cursor_ok, m.json FROM (SELECT) AS one" \
	" LEFT JOIN LATERAL (" select " ORDER BY at " order ", tie " order " LIMIT $2::bigint) AS m ON true" \
	" ORDER BY m.at " order ", m.tie " order
/* The cursor, or what comes before the first page: behind everything. */
#define LIST_FIRST_UUID "coalesce($1::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')"
#define LIST_FIRST_INT "coalesce($1::bigint, 9223372036854775807)"
/* The same for both ways: behind everything that is less ("<"), before all that is more. */
#define LIST_EDGE_UUID(than) \
	"coalesce($1::uuid, CASE '" than \
	"' WHEN '<' THEN 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid ELSE '00000000-0000-0000-0000-000000000000' END)"
#define LIST_EDGE_INT(than) "coalesce($1::bigint, CASE '" than "' WHEN '<' THEN 9223372036854775807 ELSE 0 END)"
#define LIST_EDGE_TIME(than) "CASE '" than "' WHEN '<' THEN 'infinity'::timestamptz ELSE '-infinity' END"

/*
 * TO LET A LIST BE SORTED: name in one table by what,
 *
 *	#define USER_SORTS(NUMBER, WORD) NUMBER(credits, "u.credits") WORD(email, "lower(u.email)")
 *
 * two more texts by LIST_SORTED_SQL, again for less and more, and LIST_SORTS of the table as `sorts` of the list and
 * in the field table of the route's query.
 *
 *	type	of the cursor, as above
 *	param	the parameter behind the list's own: "$6" where there are three
 *	sorts	the table
 *	id	of an item, in rows
 *	rows	FROM … WHERE …: what can be in the list, by $3 …
 *	newest	the order in which the newest come first: "u.id DESC"
 *	item	a query that has one column `json`, of the item whose id is s.id
 */
#define LIST_SORTED_SQL(type, param, sorts, id, rows, newest, item, than, order) \
	"WITH w AS MATERIALIZED (SELECT " id " AS id," \
	"  coalesce(CASE " param "::text WHEN '' THEN 0::numeric" sorts(LIST_CASE_NUMBER, \
	    LIST_CASE_NONE) " END, '-infinity') AS num," \
			    "  coalesce(CASE " param "::text WHEN '' THEN ''" sorts(LIST_CASE_NONE, \
				LIST_CASE_WORD) " END, '') AS word" \
						"  " rows " ORDER BY " newest " LIMIT " LIST_TEXT( \
						    LIST_SORT_ROWS) ")" \
								    " SELECT $1::" type \
								    " IS NULL OR EXISTS (SELECT FROM w WHERE w.id = $1::" type \
								    ") AS cursor_ok, m.json" \
								    " FROM (SELECT) AS one LEFT JOIN LATERAL (SELECT s.num, s.word, s.id, (" item \
								    ") AS json FROM (SELECT w.* FROM w" \
								    "  WHERE $1::" type \
								    " IS NULL OR (w.num, w.word, w.id) " than \
								    " (SELECT c.num, c.word, c.id FROM w AS c WHERE c.id = $1::" type \
								    ")" \
								    "  ORDER BY num " order ", word " order \
								    ", id " order \
								    " LIMIT $2::bigint) AS s) AS m ON true" \
								    " ORDER BY m.num " order ", m.word " order \
								    ", m.id " order
#define LIST_CASE_NUMBER(name, sql) " WHEN '" #name "' THEN (" sql ")::numeric"
#define LIST_CASE_WORD(name, sql) " WHEN '" #name "' THEN (" sql ")::text"
#define LIST_CASE_NONE(name, sql)
#define LIST_TEXT(x) LIST_TEXT_(x)
#define LIST_TEXT_(x) #x
/* A time, as NUMBER takes it. */
#define LIST_TIME(sql) "extract(epoch FROM " sql ")"
/* What ?sort= may say: both ways. */
#define LIST_SORTS(sorts) LIST_CREATED sorts(LIST_NAME, LIST_NAME)
#define LIST_CREATED "created_at -created_at"
#define LIST_NAME(name, sql) " " #name " -" #name
/* Rows of the field table of a list's query; type: F_UUID, F_INT. */
/* clang-format off */
#define LIST_QUERY(type, sorts) \
	{ "limit", F_INT, 0, .min = 1, .max = PAGE_LIMIT_MAX, .help = "how many, default 50" }, \
	{ "before_id", type, 0, .help = "what is older or less than this item" }, \
	{ "after_id", type, 0, .help = "what is newer or more than this item" }, \
	{ "sort", F_CHOICE, 0, .choices = (sorts), .help = "the least first, with - the greatest; by what is not created_at: the newest " \
	    LIST_TEXT(LIST_SORT_ROWS) " of what the filters leave" }
/* clang-format on */

struct list {
	const char *what; /* "uploads": for the log */
	const char *older, *newer;
	/* What it may be sorted by, as LIST_SORTS; NULL: nothing.  With what is not created_at: by these. */
	const char *sorts, *less, *more;
};

/* Read a page of a list with the arguments of its own.  E_INVALID_REQUEST a stale
 * cursor, a sort that is not the list's.  The caller owns *items.  Worker. */
#define page_run(cx, page, list, items, more, ...) \
	page_run_args((cx), (page), (list), (items), (more), PG_ARGS(__VA_ARGS__) + 1, PG_NARGS(__VA_ARGS__))
enum status page_run_args(struct context *cx, const struct page *page, const struct list *list, json_t **items,
    bool *more, const struct pg_arg *args, size_t n) MUST_CHECK;
/* E_INVALID_REQUEST when the page is to be sorted by what is not in `sorts` (LIST_SORTS; NULL: nothing). */
enum status page_sort_check(struct context *cx, const struct page *page, const char *sorts) MUST_CHECK;
/* The same from rows with cursor_ok and json, one at least (json NULL: the page is
 * empty), that some statement of another shape gave; `reverse`: they are in the
 * order opposite to the list's. */
enum status page_take(struct context *cx, const struct page *page, const struct rows *rows, bool reverse,
    json_t **items, bool *more) MUST_CHECK;

#endif
