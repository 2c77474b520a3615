/*
 * GET /api/conversations -- the caller's conversations, newest activity first.
 *
 * in      limit 1-100 (50), before_id (older) or after_id (newer): a conversation
 *         of the list; q: must occur in the title, at most 200 characters;
 *         view: all (what is not archived), loose (what of it is neither pinned nor in a
 *         folder), pinned, archived; folder_id: only what is in it
 * out     200 {items: [conversation], has_more}; only conversations with at
 *         least one successful answer, and no temporary ones
 * errors  400 limit, q, view, folder_id or stale cursor
 * proof   tests/it/chat/test_conversations.py, tests/it/chat/test_folders.py
 */
#include "weir.h"

/* clang-format off */
const struct field conversations_query[] = {
	{ "limit", F_INT, 0, .min = 1, .max = PAGE_LIMIT_MAX, .help = "how many, default 50" },
	{ "before_id", F_UUID, 0, .help = "what is older than this item" },
	{ "after_id", F_UUID, 0, .help = "what is newer than this item" },
	{ "q", F_TEXT, 0, .max = 200, .help = "must occur in the title, in whatever case" },
	{ "view", F_CHOICE, 0, .choices = CONVERSATION_VIEWS,
	    .help = "all: what is not archived (the default); loose: what of it is neither pinned nor in a folder" },
	{ "folder_id", F_UUID, 0, .help = "only what is in this folder" },
	{ .name = NULL },
};
/* clang-format on */

enum status
h_conversations_list(struct request *rq)
{
	struct conversations_ask ask = { .view = query_text(rq, "view") };
	struct page page;
	json_t *items;
	bool more;
	enum status st;

	if ((st = page_read(rq, &page)) != OK || (st = page_search(rq, &ask.q)) != OK ||
	    (st = query_uuid(rq, "folder_id", &ask.folder_id)) != OK)
		return st;
	if ((st = conversations_list(&rq->cx, &page, &ask, &items, &more)) != OK)
		return st;
	return reply_list(rq, items, more);
}
