/*
 * PATCH /api/admin/tool-servers/{server_id} -- change a server of tools, or what its tools wait for.
 *
 * in      tool_server_change_fields in mcp/servers.c; what is absent stays as it is
 * out     200 the server
 * errors  400 fields; 403 no admin; 404; 503 no encryption_key to seal with
 * proof   tests/it/mcp/test_tools.py
 */
#include "weir.h"

enum status
h_admin_tool_servers_patch(struct request *rq)
{
	json_t *server;
	enum status st;

	if ((st = tool_server_update(&rq->cx, path_uuid(rq, "server_id"), rq->json, &server)) != OK)
		return st;
	admin_audit(rq, "tool_server.update", "tool_server", server);
	return reply_json(rq, 200, server);
}
