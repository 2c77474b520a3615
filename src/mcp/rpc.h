/*
 * What is said to a server that speaks MCP, and what it answers: JSON-RPC 2.0, as JSON or as
 * server-sent events.  Pure: no I/O, no clock.  All that comes is a stranger's: it is bounded and
 * checked here, and is data wherever it goes.
 *
 * Source: modelcontextprotocol.io, specification 2025-06-18, "Transports", "Lifecycle", "Tools".
 */
#ifndef WEIR_MCP_RPC_H
#define WEIR_MCP_RPC_H

#include <jansson.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/sse.h"

#define RPC_VERSION "2025-06-18"
#define RPC_TOOLS_MAX 128	   /* of a server; more are left out */
#define RPC_TOOL_NAME_MAX 128	   /* bytes */
#define RPC_DESCRIPTION_CHARS 4000 /* more is cut off */
#define RPC_SCHEMA_MAX 16384	   /* bytes of the schema of a tool's arguments; a tool with more is left out */

/* ---- what is said: bodies of requests ---- */

void rpc_initialize(struct buf *out, int id);
void rpc_initialized(struct buf *out);
/* cursor NULL: the first page. */
void rpc_list(struct buf *out, int id, const char *cursor);
/* `arguments` is the text of a JSON object. */
void rpc_call(struct buf *out, int id, const char *tool, const char *arguments);

/* ---- what is answered ---- */

enum rpc_state {
	RPC_WAITS, /* the answer is not complete */
	RPC_DONE,  /* `result` is there, or `error` says why not: the server's own words */
	RPC_BAD,   /* this is no answer; `error` says why */
};

/* One answer as it comes. */
struct rpc_reader {
	int id;
	size_t max_bytes;
	bool is_events;
	struct sse sse;
	struct buf body;
	enum rpc_state state;
	json_t *result; /* an object; NULL: an error, or nothing yet */
	char error[300];
};

/* Read the answer to that request, of at most so many bytes; events: of text/event-stream. */
void rpc_reader_init(struct rpc_reader *r, int id, size_t max_bytes, bool is_events);
void rpc_reader_free(struct rpc_reader *r);
/* More of it.  Once it is not RPC_WAITS it changes no more. */
enum rpc_state rpc_feed(struct rpc_reader *r, const char *data, size_t len);
/* It has ended: RPC_DONE or RPC_BAD. */
enum rpc_state rpc_end(struct rpc_reader *r);

/* ---- what is in it ---- */

/* Add the tools of a page of tools/list to `tools`, [{name, description, parameters}], and the cursor of the
 * next page; NULL: it was the last.  What is no tool, or cannot be called, is left out.  False: it is no list. */
bool rpc_tools(const json_t *result, json_t *tools, const char **cursor);
/* Name them all for models: member "called", of letters, digits, _ and - alone, at most 64 of them, unique among
 * them: the server's name, two _, its own name. */
void rpc_name_tools(json_t *tools, const char *server);
/* What a tool said, as text of at most so many bytes: texts as they stand, of all else what it is.  *is_cut: there was
 * more.  False: the server says that the tool failed, or the result is none. */
bool rpc_content(const json_t *result, struct buf *out, size_t max_bytes, bool *is_cut);

#endif
