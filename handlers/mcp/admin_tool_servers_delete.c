/*
 * DELETE /api/admin/tool-servers/{server_id} -- remove a server of tools; what it said in answers stays there.
 *
 * out     204
 * errors  403 no admin; 404
 * proof   tests/it/mcp/test_tools.py
 */
#include "weir.h"

enum status
h_admin_tool_servers_delete(struct request *rq)
{
	enum status st = tool_server_delete(&rq->cx, path_uuid(rq, "server_id"));

	if (st != OK)
		return st;
	audit(&rq->cx, "tool_server.delete", arena_printf(rq->cx.arena, "tool_server:%s", path_text(rq, "server_id")),
	    "ok", NULL);
	return reply_empty(rq);
}
