/*
 * POST /api/conversations/{conversation_id}/messages/{message_id}/tools -- allow or deny the calls of tools in an answer,
 * make them, and have the model go on with what came of them.
 *
 * in      approve?, always?, deny?: positions of calls; always: approved, and needs no word in this conversation any more
 * out     SSE as messages/stream; the answer is a message of its own, behind this one, with a price of its own
 * errors  as messages/stream; 404 no such message, or it calls nothing; 409 tools_undecided: a call is in neither list and
 *	   waits for a word; tools_running; tools_answered: the conversation went on from there
 * note    calls that have ended are not made again, whoever asks
 * proof   tests/it/mcp/test_tools.py
 */
#include "weir.h"

const struct field messages_tools_fields[] = {
	{ "approve", F_ARRAY, 0, .max = TOOL_CALLS_MAX, .help = "Positions of calls that may be made." },
	{ "deny", F_ARRAY, 0, .max = TOOL_CALLS_MAX, .help = "Positions of calls that may not." },
	{ "always", F_ARRAY, 0, .max = TOOL_CALLS_MAX,
	    .help = "The same, and their tools are called without being asked in this conversation from now on." },
	{ .name = NULL },
};

enum status
h_messages_tools(struct request *rq)
{
	const char *conversation_id = path_uuid(rq, "conversation_id"), *message_id = path_uuid(rq, "message_id");

	if (conversation_id == NULL || message_id == NULL)
		return fail(&rq->cx, E_NOT_FOUND, "no such message");
	return tool_turn_begin(rq,
	    &(struct tool_turn_ask){ .conversation_id = conversation_id,
		.message_id = message_id,
		.approve = json_object_get(rq->json, "approve"),
		.deny = json_object_get(rq->json, "deny"),
		.always = json_object_get(rq->json, "always") });
}
