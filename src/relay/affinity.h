/*
 * What a call belongs to: a session, which a provider's cache knows better than
 * any other does.  Calls of one are sent to the same channel and key as long as
 * both are there (catalog/select.h).
 */
#ifndef WEIR_RELAY_AFFINITY_H
#define WEIR_RELAY_AFFINITY_H

#include "core/request.h"

/*
 * The session of a call, and whose it is, in the request's arena; NULL: it tells none.  The
 * first of these that it has: the header x-claude-code-session-id (Claude Code), session-id,
 * session_id or thread-id (Codex), the body's prompt_cache_key (OpenAI), its metadata.user_id
 * (Anthropic; Claude Code writes its session into it).  Worker.
 */
const char *relay_affinity(struct request *rq, const json_t *body);

#endif
