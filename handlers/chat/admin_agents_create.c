/*
 * POST /api/admin/agents -- add an agent.
 *
 * in      agent_fields in chat/agents.c
 * out     201 the agent
 * errors  400 fields or no such chat model; 403 no admin
 * proof   tests/it/house/test_admin.py
 */
#include "weir.h"

enum status
h_admin_agents_create(struct request *rq)
{
	json_t *agent;
	enum status st;

	if ((st = agent_create(&rq->cx, rq->json, &agent)) != OK)
		return st;
	admin_audit(rq, "agent.create", "agent", agent);
	return reply_json(rq, 201, agent);
}
