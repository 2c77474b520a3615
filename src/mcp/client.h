/*
 * The client for servers of tools that speak MCP over Streamable HTTP: a session for what a request needs, that is
 * begun (initialize), used, and ended (DELETE).  A request that waits for it holds no worker (core/await.h).
 *
 * What a server says is a stranger's: addresses in private networks are refused unless its row allows them, bodies and
 * times are bounded by [tools], no redirection is followed, and a call goes out once at most.
 */
#ifndef WEIR_MCP_CLIENT_H
#define WEIR_MCP_CLIENT_H

#include "core/request.h"

/* Whom to ask.  Borrowed until it is over. */
struct mcp_server {
	const char *id, *name, *url;
	const char *authorization; /* of the header; NULL: none */
	bool allow_private;
};

enum mcp_outcome {
	MCP_NOT_MADE, /* it did not go out */
	MCP_DONE,     /* the tool ran, and said `text` */
	MCP_FAILED,   /* the tool, or its server, says that it failed, or the answer is none; `text` says why */
	MCP_UNCLEAR,  /* it went out, and the process must end before its answer */
};

/* A call, and what came of it. */
struct mcp_call {
	const struct mcp_server *server; /* NULL: nobody has such a tool; stays MCP_NOT_MADE */
	const char *tool, *arguments;	 /* the text of a JSON object */
	enum mcp_outcome outcome;
	const char *text; /* NULL: MCP_NOT_MADE without a reason, or MCP_UNCLEAR */
	bool is_cut;	  /* the tool said more */
};

/* Make `n` calls: those of one server one after the other, servers at once; then(rq, arg) goes on, on a worker again, when
 * each has its outcome, as a handler does.  `calls` stay as long as the request.  Worker, not in a transaction. */
typedef enum status mcp_fn(struct request *rq, void *arg);
enum status mcp_call_all(struct request *rq, struct mcp_call *calls, size_t n, mcp_fn *then, void *arg) MUST_CHECK;

/* Read the tools of a server: then(rq, tools, error, arg), where tools is [{name, called, description, parameters}]
 * in the request's arena, or NULL and `error` says why, in English. */
typedef enum status mcp_tools_fn(struct request *rq, json_t *tools, const char *error, void *arg);
enum status mcp_tools(struct request *rq, const struct mcp_server *server, mcp_tools_fn *then, void *arg) MUST_CHECK;

#endif
