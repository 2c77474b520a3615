/*
 * PATCH /api/me -- change nickname or language.
 *
 * in      nickname? (empty takes it away), locale? (en or zh: mails are written in it)
 * out     200 the account, as GET /api/me
 * proof   tests/it/account/test_accounts.py
 */
#include "weir.h"

const struct field me_patch_fields[] = {
	{ "nickname", F_LINE, 0, .max = NICKNAME_CHARS_MAX, .help = "shown name" },
	{ "locale", F_CHOICE, 0, .choices = "en zh", .help = "language of mails" },
	{ .name = NULL },
};

enum status
h_me_patch(struct request *rq)
{
	const char *nickname = field_text(rq->json, "nickname"), *locale = field_text(rq->json, "locale");
	json_t *account;
	enum status st;

	if ((nickname != NULL || locale != NULL) &&
	    (st = account_update(&rq->cx, rq->cx.caller.user_id, nickname, locale)) != OK)
		return st;
	if ((st = account_json(&rq->cx, rq->cx.caller.user_id, &account)) != OK)
		return st;
	return reply_json(rq, 200, account);
}
