/*
 * PATCH /api/conversations/{conversation_id} -- rename it or change its model.
 *
 * in      title? (custom from then on; "" goes back to automatic), model?
 *         (null goes back to the agent's or the default one)
 *         knowledge_ids?, knowledge_mode?, knowledge_rewrite?: bases the answers look into, when and how
 *         tool_servers?: whose tools answers may call; tools_ask?: true takes back what was allowed for good
 *         prompt?, temperature?, top_p?, context_messages?: of this conversation alone; null: its agent's or
 *         assistant's
 * out     200 the conversation
 * errors  400 model not offered, a base that is not there; 404 not the caller's
 * proof   tests/it/chat/test_conversations.py
 */
#include "weir.h"

const struct field conversations_patch_fields[] = {
	{ "title", F_LINE, 0, .max = CONVERSATION_TITLE_CHARS, .help = "empty: automatic again" },
	{ "model", F_LINE, F_NULLABLE, .min = 1, .max = 200,
	    .help = "name of a chat model; null: the agent's or the default" },
	{ "knowledge_ids", F_TEXTS, F_NULLABLE, .max = SEARCH_BASES_MAX,
	    .help = "bases to look into; null: the agent's" },
	{ "knowledge_mode", F_CHOICE, F_NULLABLE, .choices = "auto always off",
	    .help = "auto: where something fits the question; null: the agent's" },
	{ "knowledge_rewrite", F_BOOL, F_NULLABLE,
	    .help = "search for the question as a model puts it, from what was said before; null: the agent's" },
	{ "tool_servers", F_TEXTS, F_NULLABLE, .max = TOOL_SERVERS_CHOSEN,
	    .help = "servers whose tools the model may call; null: the agent's" },
	{ "tools_ask", F_BOOL, 0, .help = "true: tools that were allowed for the whole conversation ask again" },
	CONVERSATION_SETTINGS,
	{ .name = NULL },
};

enum status
h_conversations_patch(struct request *rq)
{
	json_t *conversation;
	enum status st;

	if ((st = conversation_update(&rq->cx, path_uuid(rq, "conversation_id"), rq->json, &conversation)) != OK)
		return st;
	return reply_json(rq, 200, conversation);
}
