/*
 * POST /api/admin/security/events/{event_id}/resolve -- put a security event away.
 *
 * in      note?
 * out     200 the event
 * errors  400; 403 no admin; 404 no such event
 * note    idempotent: one that was put away stays as it is; the key is not unlocked by it
 * proof   tests/it/account/test_watch.py
 */
#include "weir.h"

const struct field admin_security_resolve_fields[] = {
	{ "note", F_TEXT, 0, .max = 1000 },
	{ .name = NULL },
};

enum status
h_admin_security_resolve(struct request *rq)
{
	json_t *event;
	enum status st;

	if ((st = security_event_resolve(&rq->cx, path_int(rq, "event_id"), field_text(rq->json, "note"), &event)) !=
	    OK)
		return st;
	admin_audit(rq, "security.resolve", "security_event", event);
	return reply_json(rq, 200, event);
}
