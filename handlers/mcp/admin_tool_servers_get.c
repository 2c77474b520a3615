/*
 * GET /api/admin/tool-servers/{server_id} -- read a server of tools.
 *
 * out     200 the server
 * errors  403 no admin; 404
 * proof   tests/it/mcp/test_tools.py
 */
#include "weir.h"

enum status
h_admin_tool_servers_get(struct request *rq)
{
	json_t *server;
	enum status st;

	if ((st = tool_server_find(&rq->cx, path_uuid(rq, "server_id"), &server)) != OK)
		return st;
	return reply_json(rq, 200, server);
}
