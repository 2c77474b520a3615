/*
 * GET /api/tools -- servers whose tools a conversation, an agent or an assistant may have.
 *
 * out     200 {items: [server]}: there are at most 100
 * proof   tests/it/mcp/test_tools.py
 */
#include "weir.h"

enum status
h_tools_list(struct request *rq)
{
	json_t *items;
	enum status st;

	if ((st = tool_servers_offered(&rq->cx, &items)) != OK)
		return st;
	return reply_list(rq, items, false);
}
