#include "core/page.h"

#include <string.h>

#include "base/utf8.h"

#define SEARCH_CHARS_MAX 200

static enum status
read_limit(struct request *rq, struct page *out)
{
	*out = (struct page){ 0 };
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

enum status
page_stale(struct context *cx, const struct page *page)
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

json_t *
page_items(const struct page *page, const struct rows *rows, bool reverse, bool *more)
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
