/*
 * GET /api/folders -- the caller's folders, in their order.
 *
 * out     200 {items: [folder]}: there are at most 100
 * proof   tests/it/chat/test_folders.py
 */
#include "weir.h"

enum status
h_folders_list(struct request *rq)
{
	json_t *items;
	enum status st;

	if ((st = folders_list(&rq->cx, &items)) != OK)
		return st;
	return reply_list(rq, items, false);
}
