/*
 * GET /api/admin/users/{user_id} -- one account.
 *
 * out     200 the user
 * errors  403 no admin; 404
 * units   credits and held in credits
 * proof   tests/it/house/test_admin.py
 */
#include "weir.h"

enum status
h_admin_users_get(struct request *rq)
{
	json_t *user;
	enum status st;

	if ((st = admin_user_find(&rq->cx, path_uuid(rq, "user_id"), &user)) != OK)
		return st;
	return reply_json(rq, 200, user);
}
