/*
 * PATCH /api/admin/users/{user_id} -- change role, status, nickname, group or budget.
 *
 * in      role? user or admin; status? active or disabled; nickname?; group?;
 *         budget? {amount, period?} or null
 * out     200 the user
 * errors  400; 403 no admin; 404; 409 disabling or demoting oneself
 * note    disabling ends all of the user's sessions at once
 * proof   tests/it/house/test_admin.py
 */
#include "weir.h"

const struct field admin_users_patch_fields[] = {
	{ "role", F_CHOICE, 0, .choices = "user admin" },
	{ "status", F_CHOICE, 0, .choices = "active disabled", .help = "disabled ends all sessions at once" },
	{ "nickname", F_LINE, 0, .max = 50 },
	{ "group", F_LINE, 0, .min = 1, .max = 50, .help = "the group whose prices, budget and channels the user has" },
	{ "budget", F_OBJECT, F_NULLABLE, .help = "{amount, period?: none, day, week or month}; null: none" },
	{ .name = NULL },
};

enum status
h_admin_users_patch(struct request *rq)
{
	json_t *user;
	enum status st;

	if ((st = admin_user_update(&rq->cx, path_uuid(rq, "user_id"), rq->json, &user)) != OK)
		return st;
	admin_audit(rq, "user.update", "user", user);
	return reply_json(rq, 200, user);
}
