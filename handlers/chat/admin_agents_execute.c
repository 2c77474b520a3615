/*
 * POST /api/admin/agents/{agent_id}/execution-test -- ask an agent's model, for
 * real.
 *
 * in      content (1-32,000 characters): what a user would write
 * out     SSE: start, content… (reasoning…), done | error | cancelled, [DONE]
 * errors  400; 403 no admin; 404; 503 nothing can serve it
 * note    the model is called, but no message is kept and nobody pays: tokens
 *         and cost are recorded in admin_debug_logs
 * proof   tests/it/house/test_admin.py
 */
#include "weir.h"

const struct field admin_agents_execute_fields[] = {
	{ "content", F_PROSE, F_REQUIRED, .min = 1, .max = 32000, .help = "what a user would write" },
	{ .name = NULL },
};

enum status
h_admin_agents_execute(struct request *rq)
{
	return trial_begin(rq, path_uuid(rq, "agent_id"), field_text(rq->json, "content"));
}
