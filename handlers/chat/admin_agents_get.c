/*
 * GET /api/admin/agents/{agent_id} -- one agent.
 *
 * out     200 the agent
 * errors  403 no admin; 404
 * proof   tests/it/house/test_admin.py
 */
#include "weir.h"

enum status
h_admin_agents_get(struct request *rq)
{
	json_t *agent;
	enum status st;

	if ((st = agent_find(&rq->cx, path_uuid(rq, "agent_id"), &agent)) != OK)
		return st;
	return reply_json(rq, 200, agent);
}
