/*
 * POST /api/admin/tool-servers -- add a server of tools; its tools are read by admin_tool_servers_read.c.
 *
 * in      tool_server_fields in mcp/servers.c
 * out     201 the server
 * errors  400 fields; 403 no admin; 409 the name is taken, or there are 100; 503 no encryption_key to seal with
 * proof   tests/it/mcp/test_tools.py
 */
#include "weir.h"

enum status
h_admin_tool_servers_create(struct request *rq)
{
	json_t *server;
	enum status st;

	if ((st = tool_server_create(&rq->cx, rq->json, &server)) != OK)
		return st;
	admin_audit(rq, "tool_server.create", "tool_server", server);
	return reply_json(rq, 201, server);
}
