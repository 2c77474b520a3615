/*
 * mcp -- a server of tools as weir-demo plays it: MCP over Streamable HTTP at /mcp, with sessions, pages of two tools, and
 * answers as JSON or, of web_search, as events.  Each call of a tool has a line in the log, whose model is the tool.
 *
 * Source: modelcontextprotocol.io, specification 2025-06-18.
 */
#ifndef WEIR_DEMO_MCP_H
#define WEIR_DEMO_MCP_H

#include "demo/h1.h"
#include "demo/run.h"

/* Is it the path of that server? */
bool mcp_is_path(struct span path);
/* Answer into run->body. */
void mcp_plan(struct run *run, const struct h1_request *rq, struct span body, bool is_authorized);

#endif
