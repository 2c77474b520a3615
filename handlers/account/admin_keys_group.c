/*
 * PUT /api/admin/keys/{key_id}/group -- put a key into a group.
 *
 * in      group: its name; null or absent: that of its user
 * out     200 {id, group}
 * errors  400 no such group; 403 no admin; 404
 * proof   tests/it/ledger/test_quotas.py
 */
#include "weir.h"

const struct field admin_keys_group_fields[] = {
	{ "group", F_LINE, F_NULLABLE, .min = 1, .max = 50, .help = "null: that of the key's user" },
	{ .name = NULL },
};

enum status
h_admin_keys_group(struct request *rq)
{
	const char *id = path_uuid(rq, "key_id"), *group = field_text(rq->json, "group");
	enum status st;

	if ((st = group_set_key(&rq->cx, id, group)) != OK)
		return st;
	audit(&rq->cx, "key.group", arena_printf(rq->cx.arena, "key:%s", id), "ok", json_deep_copy(rq->json));
	return reply_json(rq, 200, json_pack("{s:s, s:s?}", "id", id, "group", group));
}
