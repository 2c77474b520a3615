/*
 * GET /api/tasks -- the caller's tasks, newest first.
 *
 * in      active=true: only pending and running ones; type: one or more of chat, image, video, relay, with
 *         commas; conversation_id; limit 1-100 (50), before_id (older) or after_id (newer): a task of the caller
 * out     200 {items: [task], has_more}
 * errors  400 limit, stale cursor, type, conversation_id
 * proof   tests/it/chat/test_conversations.py, tests/it/media/test_media.py
 */
#include "weir.h"

/* Are they types of tasks, with commas between them? */
static bool
are_types(const char *text)
{
	static const char *const known[] = { "chat", "image", "video", "relay" };
	size_t len;

	for (const char *at = text; at != NULL; at = at[len] == ',' ? at + len + 1 : NULL) {
		bool found = false;

		len = strcspn(at, ",");
		for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
			found = found || (strlen(known[i]) == len && strncmp(known[i], at, len) == 0);
		if (!found)
			return false;
	}
	return true;
}

enum status
h_tasks_list(struct request *rq)
{
	struct tasks_which which = { .active = query_bool(rq, "active", false), .types = query_text(rq, "type") };
	struct page page;
	json_t *items;
	bool more;
	enum status st;

	if ((st = page_read(rq, &page)) != OK || (st = query_uuid(rq, "conversation_id", &which.conversation_id)) != OK)
		return st;
	if (which.types != NULL && !are_types(which.types))
		return fail_field(&rq->cx, "type", "must be of chat, image, video, relay, with commas between them");
	if ((st = tasks_list(&rq->cx, &page, &which, &items, &more)) != OK)
		return st;
	return reply_list(rq, items, more);
}
