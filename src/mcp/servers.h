/*
 * Servers of tools, which admins set up and users choose.
 *
 * JSON for admins: {id, name, description, url, has_authorization, allow_private, enabled, approval, read_at, read_error,
 * tools: [{name, called, description, parameters, enabled, approval}], created_at, updated_at}.  For users: {id, name,
 * description, tools: [{called, name, description, approval}]}, of those that are enabled.
 *
 * Worker-only.  A json_t given out is the caller's reference.
 */
#ifndef WEIR_MCP_SERVERS_H
#define WEIR_MCP_SERVERS_H

#include "base/fields.h"
#include "core/request.h"
#include "mcp/client.h"

#define TOOL_SERVERS_MAX 100   /* in all */
#define TOOL_SERVERS_CHOSEN 16 /* of a conversation, an agent or an assistant */

extern const struct field tool_server_fields[], tool_server_change_fields[];

enum status tool_servers_list(struct context *cx, json_t **items) MUST_CHECK;
/* Those that users may choose. */
enum status tool_servers_offered(struct context *cx, json_t **items) MUST_CHECK;
enum status tool_server_find(struct context *cx, const char *id, json_t **out) MUST_CHECK;
/* Add one from checked input.  E_CONFLICT the name is taken, or there are TOOL_SERVERS_MAX; E_INVALID_REQUEST;
 * E_UNAVAILABLE [auth] encryption_key is not set. */
enum status tool_server_create(struct context *cx, const json_t *in, json_t **out) MUST_CHECK;
/* Change what checked input has; "tools" [{name, enabled?, approval?}] changes those.  Errors as above; E_NOT_FOUND. */
enum status tool_server_update(struct context *cx, const char *id, const json_t *in, json_t **out) MUST_CHECK;
enum status tool_server_delete(struct context *cx, const char *id) MUST_CHECK;
/* Keep what its server says of its tools, or why it says nothing (tools NULL).  E_NOT_FOUND. */
enum status tool_server_keep(struct context *cx, const char *id, const json_t *tools, const char *error) MUST_CHECK;

/* One as it is asked, in the arena.  E_NOT_FOUND; E_UNAVAILABLE its authorization cannot be opened. */
enum status tool_server_open(struct context *cx, const char *id, struct mcp_server **out) MUST_CHECK;

/* Member "tool_servers" of an input as an array of PostgreSQL, in the arena; NULL where it is null or absent.
 * E_INVALID_REQUEST one that users may not choose. */
enum status tool_servers_read(struct context *cx, const json_t *in, const char **array) MUST_CHECK;

#endif
