/*
 * GET /api/admin/tool-servers -- all servers of tools, by name.
 *
 * out     200 {items: [server]}: there are at most 100
 * errors  403 no admin
 * proof   tests/it/mcp/test_tools.py
 */
#include "weir.h"

enum status
h_admin_tool_servers_list(struct request *rq)
{
	json_t *items;
	enum status st;

	if ((st = tool_servers_list(&rq->cx, &items)) != OK)
		return st;
	return reply_list(rq, items, false);
}
