/*
 * PATCH /api/admin/agents/{agent_id} -- change an agent.
 *
 * in      agent_change_fields in chat/agents.c; what is absent stays as it is
 * out     200 the agent
 * errors  400 fields or no such chat model; 403 no admin; 404
 * proof   tests/it/house/test_admin.py
 */
#include "weir.h"

enum status
h_admin_agents_patch(struct request *rq)
{
	json_t *agent;
	enum status st;

	if ((st = agent_update(&rq->cx, path_uuid(rq, "agent_id"), rq->json, &agent)) != OK)
		return st;
	admin_audit(rq, "agent.update", "agent", agent);
	return reply_json(rq, 200, agent);
}
