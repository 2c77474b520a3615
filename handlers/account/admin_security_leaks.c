/*
 * POST /api/admin/security/leaks -- lock the API keys that stand in a list of leaked ones.
 *
 * in      a body of any kind, at most 1 MiB: keys, SHA-256 hashes of keys in hex, or a text that
 *         has some in it
 * out     200 {seen, known, locked}: what looked like one, was one of ours, was locked by this
 * errors  400 no body; 403 no admin; 413
 * note    what runs with them ends within seconds; their owners are told; each is in the audit log
 *         and a security event
 * proof   tests/it/account/test_watch.py
 */
#include "weir.h"

enum status
h_admin_security_leaks(struct request *rq)
{
	struct leaks leaks;
	json_t *locked, *id;
	size_t i;
	enum status st;

	if (rq->body_len == 0)
		return fail_field(&rq->cx, "body", "is missing");
	if ((st = leaks_import(&rq->cx, rq->body, rq->body_len, &leaks, &locked)) != OK)
		return st;
	json_own(rq->cx.arena, locked);
	json_array_foreach(locked, i, id)
		audit(&rq->cx, "key.lock", arena_printf(rq->cx.arena, "key:%s", json_string_value(id)), "ok",
		    json_pack("{s:s}", "reason", "leaked"));
	audit(&rq->cx, "security.leaks", NULL, "ok",
	    json_pack("{s:I, s:I, s:I}", "seen", (json_int_t)leaks.seen, "known", (json_int_t)leaks.known, "locked",
		(json_int_t)leaks.locked));
	return reply_json(rq, 200,
	    json_pack("{s:I, s:I, s:I}", "seen", (json_int_t)leaks.seen, "known", (json_int_t)leaks.known, "locked",
		(json_int_t)leaks.locked));
}
