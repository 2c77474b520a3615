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
/* E_INVALID_REQUEST naming the cursor that was given. */
enum status page_stale(struct context *cx, const struct page *page);
/* What is looked for by ?q= (at most 200 characters), NULL when absent or empty.
 * E_INVALID_REQUEST. */
enum status page_search(struct request *rq, const char **out) MUST_CHECK;
/* The first page->limit values of column "json" as an array, the other way
 * round when `reverse`; *more when there is one row more.  The caller owns the
 * reference. */
json_t *page_items(const struct page *page, const struct rows *rows, bool reverse, bool *more);

#endif
