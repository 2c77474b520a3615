/*
 * The tools a turn has, and what its answer calls.  Names, descriptions, schemas and results are a stranger's: they go to
 * the model and to the page as data.
 */
#ifndef WEIR_CHAT_TOOLS_H
#define WEIR_CHAT_TOOLS_H

#include <jansson.h>

#include "base/arena.h"
#include "engine/answer.h"
#include "wire/ask.h"

#define TOOL_CALLS_MAX 16	      /* of an answer; more are not made */
#define TOOL_ARGUMENTS_MAX (64 << 10) /* bytes of the arguments of a call */

/* Where a tool is. */
struct chat_tool {
	const char *server_id, *server, *name;
	bool always; /* its calls wait for nobody */
};

/* `asked` as models are told of them, `list` the same in the same order. */
struct chat_tools {
	size_t n;
	struct ask_tool *asked;
	struct chat_tool *list;
	int64_t tokens; /* about what they take of a prompt */
	bool is_over;	/* the question has had its rounds: the model must answer in words */
};

/* From what tools_of() in functions/mcp.sql tells; NULL for NULL. */
struct chat_tools *tools_take(struct arena *a, const json_t *told);
/* In another arena; NULL for NULL. */
struct chat_tools *tools_copy(struct arena *a, const struct chat_tools *tools);
/* The calls in an answer as turns_settle() takes them, with their first status; the same whenever it is asked.  NULL: there
 * are none, or the turn had no tools.  The caller's reference. */
json_t *tools_called(const struct chat_tools *tools, const struct answer *answer);
/* The same as the API tells them.  JSON null where there are none. */
json_t *tools_called_json(const struct chat_tools *tools, const struct answer *answer);

/* Messages of the history for an answer with these calls (as the API tells them): *call gets their parts behind those it
 * has room for, and *result is a user's message of what came of them.  Strings live in the arena. */
void tools_history(struct arena *a, const json_t *calls, struct ask_message *call, struct ask_message *result);
/* Say calls and results in words, for who is told of no tools. */
void tools_in_words(struct arena *a, struct ask_message *messages, size_t n);

#endif
