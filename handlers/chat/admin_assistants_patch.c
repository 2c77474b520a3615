/*
 * PATCH /api/admin/assistants/{assistant_id} -- take a shared assistant back, or allow it again.
 *
 * in      is_barred: true, nobody but its owner may use it
 * out     200 {id, user_id, owner, name, description, openers, share, is_barred, …}
 * errors  403 no admin; 404 not there, or private
 * proof   tests/it/chat/test_assistants.py
 */
#include "weir.h"

enum status
h_admin_assistants_patch(struct request *rq)
{
	json_t *assistant;
	enum status st;

	st = assistant_bar(
	    &rq->cx, path_uuid(rq, "assistant_id"), field_bool(rq->json, "is_barred", false), &assistant);
	if (st != OK)
		return st;
	admin_audit(rq, "assistant.bar", "assistant", assistant);
	return reply_json(rq, 200, assistant);
}
