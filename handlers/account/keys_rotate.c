/*
 * POST /api/keys/{key_id}/rotate -- put a new key in the place of one.
 *
 * in      overlap_s? 0 to 30 days: so long the old one is accepted beside it (0)
 * out     201 the new key, with "key": shown this once.  It has the name, the limits
 *         and what was spent of the old one, which is "rotated" now
 * errors  400; 404 not the caller's key; 409 it is not active
 * note    no Idempotency-Key: an answer that is kept to be given again would keep the secret
 * proof   tests/it/account/test_keys.py
 */
#include "weir.h"

const struct field keys_rotate_fields[] = {
	{ "overlap_s", F_INT, 0, .max = KEY_OVERLAP_MAX_S,
	    .help = "seconds the old key is accepted beside the new one" },
	{ .name = NULL },
};

enum status
h_keys_rotate(struct request *rq)
{
	const char *id = path_uuid(rq, "key_id");
	int64_t overlap_s = rq->json == NULL ? 0 : field_int(rq->json, "overlap_s", 0);
	json_t *key;
	enum status st;

	if ((st = key_rotate(&rq->cx, id, overlap_s, &key)) != OK)
		return st;
	audit(&rq->cx, "key.rotate", arena_printf(rq->cx.arena, "key:%s", id), "ok",
	    json_pack("{s:O, s:I}", "rotated_to", json_object_get(key, "id"), "overlap_s", (json_int_t)overlap_s));
	return reply_json(rq, 201, key);
}
