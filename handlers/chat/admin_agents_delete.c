/*
 * DELETE /api/admin/agents/{agent_id} -- remove an agent.
 *
 * out     204
 * errors  403 no admin; 404
 * proof   tests/it/house/test_admin.py
 */
#include "weir.h"

enum status
h_admin_agents_delete(struct request *rq)
{
	enum status st;

	if ((st = agent_delete(&rq->cx, path_uuid(rq, "agent_id"))) != OK)
		return st;
	audit(&rq->cx, "agent.delete", arena_printf(rq->cx.arena, "agent:%s", path_text(rq, "agent_id")), "ok", NULL);
	return reply_empty(rq);
}
