/*
 * POST /api/admin/tool-servers/{server_id}/read -- ask a server for its tools, and keep the list.
 *
 * out     200 the server; read_error says why it could not be read: then the tools of before stay
 * errors  403 no admin; 404; 503 its authorization cannot be opened
 * note    it is asked anew each time: this is the test of a server, too
 * proof   tests/it/mcp/test_tools.py
 */
#include "weir.h"

static enum status
keep(struct request *rq, json_t *tools, const char *error, void *arg)
{
	const struct mcp_server *asked = arg;
	json_t *server;
	enum status st;

	if ((st = tool_server_keep(&rq->cx, asked->id, tools, error)) != OK ||
	    (st = tool_server_find(&rq->cx, asked->id, &server)) != OK)
		return st;
	audit(&rq->cx, "tool_server.read", arena_printf(rq->cx.arena, "tool_server:%s", asked->id),
	    tools == NULL ? "failed" : "ok", NULL);
	return reply_json(rq, 200, server);
}

enum status
h_admin_tool_servers_read(struct request *rq)
{
	struct mcp_server *server;
	enum status st;

	if ((st = tool_server_open(&rq->cx, path_uuid(rq, "server_id"), &server)) != OK)
		return st;
	return mcp_tools(rq, server, keep, server);
}
