#include "core/page.h"

#include <string.h>

#include "base/utf8.h"

#define SEARCH_CHARS_MAX 200
#define LIST_ARGS_MAX 9

static enum status
read_limit(struct request *rq, struct page *out)
{
	*out = (struct page){ .sort = query_text(rq, "sort") };
	return query_int(rq, "limit", PAGE_LIMIT_DEFAULT, 1, PAGE_LIMIT_MAX, &out->limit);
}

static enum status
two_cursors(struct context *cx)
{
	return fail_field(cx, "after_id", "cannot stand together with before_id");
}

enum status
page_read(struct request *rq, struct page *out)
{
	enum status st;

	if ((st = read_limit(rq, out)) != OK || (st = query_uuid(rq, "before_id", &out->before_id)) != OK ||
	    (st = query_uuid(rq, "after_id", &out->after_id)) != OK)
		return st;
	return out->before_id != NULL && out->after_id != NULL ? two_cursors(&rq->cx) : OK;
}

enum status
page_read_int(struct request *rq, struct page *out)
{
	enum status st;

	if ((st = read_limit(rq, out)) != OK ||
	    (st = query_int(rq, "before_id", 0, 1, INT64_MAX, &out->before)) != OK ||
	    (st = query_int(rq, "after_id", 0, 1, INT64_MAX, &out->after)) != OK)
		return st;
	return out->before != 0 && out->after != 0 ? two_cursors(&rq->cx) : OK;
}

static enum status
stale(struct context *cx, const struct page *page)
{
	bool before = page->before_id != NULL || page->before != 0;

	return fail_field(cx, before ? "before_id" : "after_id", "names nothing in this list (any more)");
}

enum status
page_search(struct request *rq, const char **out)
{
	const char *q = query_text(rq, "q");

	*out = NULL;
	if (q == NULL || *q == '\0')
		return OK;
	if (!utf8_valid(q, strlen(q)))
		return fail_field(&rq->cx, "q", "is not valid UTF-8");
	if (utf8_length(q, strlen(q)) > SEARCH_CHARS_MAX)
		return fail_field(&rq->cx, "q", "must be at most %d characters", SEARCH_CHARS_MAX);
	*out = q;
	return OK;
}

/* The first page->limit values of column "json", *more when there is one row more. */
static json_t *
take_items(const struct page *page, const struct rows *rows, bool reverse, bool *more)
{
	json_t *items = json_array();
	int n = rows_count(rows);

	*more = n > page->limit;
	if (*more)
		n = (int)page->limit;
	for (int i = 0; i < n; i++)
		json_array_append_new(items, row_json(rows, reverse ? n - 1 - i : i, "json"));
	return items;
}

enum status
page_take(
    struct context *cx, const struct page *page, const struct rows *rows, bool reverse, json_t **items, bool *more)
{
	*more = false;
	if (!row_bool(rows, 0, "cursor_ok"))
		return stale(cx, page);
	*items = row_null(rows, 0, "json") ? json_array() : take_items(page, rows, reverse, more);
	return OK;
}

/* The cursor as $1: NULL when there is none. */
static struct pg_arg
cursor_arg(const struct page *page)
{
	int64_t number = page->before != 0 ? page->before : page->after;
	const char *id = page->before_id != NULL ? page->before_id : page->after_id;

	return number != 0 ? PI(number) : PS(id);
}

/* Is `word` one of `words`, which spaces separate? */
static bool
one_of(const char *words, const char *word)
{
	size_t len = strlen(word);

	if (len == 0 || strchr(word, ' ') != NULL)
		return false;
	for (const char *at = words; (at = strstr(at, word)) != NULL; at += len)
		if ((at == words || at[-1] == ' ') && (at[len] == ' ' || at[len] == '\0'))
			return true;
	return false;
}

enum status
page_sort_check(struct context *cx, const struct page *page, const char *sorts)
{
	if (page->sort == NULL || (sorts != NULL && one_of(sorts, page->sort)))
		return OK;
	if (sorts == NULL)
		return fail_field(cx, "sort", "is nothing this list can be sorted by");
	return fail_field(cx, "sort", "must be one of %s", sorts);
}

static bool
from_greatest(const struct page *page)
{
	return page->sort == NULL || *page->sort == '-';
}

/* By another value than the time of creation, by which lists are in order anyway. */
static bool
by_value(const struct page *page)
{
	return page->sort != NULL && strcmp(page->sort + from_greatest(page), "created_at") != 0;
}

enum status
page_run_args(struct context *cx, const struct page *page, const struct list *list, json_t **items, bool *more,
    const struct pg_arg *own, size_t n)
{
	AUTO_ROWS struct rows *rows = NULL;
	bool greatest = from_greatest(page), after = page->after_id != NULL || page->after != 0;
	/* what is more than the cursor, or than nothing */
	bool up = after || (!greatest && page->before_id == NULL && page->before == 0);
	struct pg_arg args[2 + LIST_ARGS_MAX];
	const char *sql = up ? list->newer : list->older;
	enum status st;

	if ((st = page_sort_check(cx, page, list->sorts)) != OK)
		return st;
	if (n >= LIST_ARGS_MAX)
		return fail(cx, E_INTERNAL, "list %s has too many arguments", list->what);
	args[0] = cursor_arg(page);
	args[1] = PI(page->limit + 1);
	memcpy(args + 2, own, n * sizeof(*own));
	if (by_value(page)) {
		sql = up ? list->more : list->less;
		args[2 + n++] = PS(page->sort + greatest);
	}
	if ((st = pg_run(cx->pg, &rows, sql, args, n + 2, true)) != OK)
		return fail(cx, st, "list %s: %s", list->what, pg_error(cx->pg));
	return page_take(cx, page, rows, up == greatest, items, more);
}
