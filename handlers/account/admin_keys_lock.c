/*
 * POST /api/admin/keys/{key_id}/lock -- take an API key away from its owner.
 *
 * in      reason?, which its owner is told
 * out     200 the key
 * errors  400; 403 no admin; 404 no such key; 409 it has ended
 * note    ends what runs with it within seconds; only an admin can unlock it
 * proof   tests/it/account/test_key_life.py
 */
#include "weir.h"

const struct field admin_keys_lock_fields[] = {
	{ "reason", F_LINE, 0, .max = 200, .help = "why, in words for its owner" },
	{ .name = NULL },
};

enum status
h_admin_keys_lock(struct request *rq)
{
	const char *reason = field_text(rq->json, "reason");
	json_t *key;
	enum status st;

	if ((st = key_lock(&rq->cx, path_uuid(rq, "key_id"), reason, &key)) != OK)
		return st;
	admin_audit(rq, "key.lock", "key", key);
	return reply_json(rq, 200, key);
}
