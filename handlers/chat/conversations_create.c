/*
 * POST /api/conversations -- begin a conversation.
 *
 * in      agent_id? or assistant_id?, project_id? (the caller's own grouping), model? (name),
 *         title? (custom from the start; else the first message sets one)
 *         knowledge_ids?, knowledge_mode?, knowledge_rewrite?: bases the answers look into, when and how;
 *         tool_servers?: whose tools they may call;
 *         prompt?, temperature?, top_p?, context_messages?: of this conversation alone; null: its agent's or
 *         assistant's
 *         temporary?: in no list, never shared or exported, and removed when [chat] temporary_kept is over
 * out     201 the conversation; it shows in the list after its first answer
 * errors  400 agent_id, assistant_id or model not offered, a base that is not there; 409 duplicate_conversation with
 *         details.conversation_id: the same agent and project within
 *         limits_duplicate_window
 * proof   tests/it/chat/test_conversations.py, tests/it/chat/test_folders.py
 */
#include "weir.h"

const struct field conversations_create_fields[] = {
	{ "agent_id", F_UUID, 0, .help = "agent to talk to; absent: plain chat" },
	{ "assistant_id", F_UUID, 0, .help = "assistant to talk to, in place of an agent" },
	{ "project_id", F_LINE, 0, .min = 1, .max = 200, .help = "the caller's own grouping" },
	{ "model", F_LINE, 0, .min = 1, .max = 200,
	    .help = "name of a chat model; absent: the agent's or the default" },
	{ "title", F_LINE, 0, .max = CONVERSATION_TITLE_CHARS, .help = "absent: made from the first message" },
	{ "temporary", F_BOOL, 0, .help = "in no list, never shared or exported, and removed in time" },
	{ "knowledge_ids", F_TEXTS, F_NULLABLE, .max = SEARCH_BASES_MAX,
	    .help = "bases to look into; null: the agent's" },
	{ "knowledge_mode", F_CHOICE, F_NULLABLE, .choices = "auto always off",
	    .help = "auto: where something fits the question; null: the agent's" },
	{ "knowledge_rewrite", F_BOOL, F_NULLABLE,
	    .help = "search for the question as a model puts it, from what was said before; null: the agent's" },
	{ "tool_servers", F_TEXTS, F_NULLABLE, .max = TOOL_SERVERS_CHOSEN,
	    .help = "servers whose tools the model may call; null: the agent's" },
	CONVERSATION_SETTINGS,
	{ .name = NULL },
};

enum status
h_conversations_create(struct request *rq)
{
	json_t *conversation;
	enum status st;

	if ((st = conversation_create(&rq->cx, rq->json, &conversation)) != OK)
		return st;
	return reply_json(rq, 201, conversation);
}
