/*
 * What admins do to accounts, and the audit rows of everything they change.
 *
 * User JSON: {id, email, phone, nickname, role, status, group, budget, credits, held,
 * locale, created_at, updated_at, last_login_at}; credits and held in credits.
 *
 * Worker-only.  A json_t given out is the caller's reference.  That the caller
 * is an admin is checked by the route.
 */
#ifndef WEIR_ACCOUNT_USERS_H
#define WEIR_ACCOUNT_USERS_H

#include "core/page.h"
#include "core/request.h"

/* What the query of the list takes. */
extern const struct field users_query[];

/* Which users to list; NULL: any. */
struct user_filter {
	const char *q; /* occurs in email, phone or nickname, in whatever case */
	const char *role, *status;
};

/* Newest accounts first.  E_INVALID_REQUEST stale cursor. */
enum status admin_users_list(struct context *cx, const struct page *page, const struct user_filter *filter,
    json_t **items, bool *more) MUST_CHECK;
/* E_NOT_FOUND, also for id NULL. */
enum status admin_user_find(struct context *cx, const char *id, json_t **out) MUST_CHECK;
/* Change from checked input {role?, status?, nickname?, group?, budget?}.  Disabling ends all of
 * the user's sessions at once.  E_NOT_FOUND; E_CONFLICT admins cannot disable
 * or demote themselves. */
enum status admin_user_update(struct context *cx, const char *id, const json_t *in, json_t **out) MUST_CHECK;
/* Write to the audit log that rq's input was applied to `object`, the JSON of
 * some `noun`: action "model.create", object "model:7", and the input as
 * details, without secrets. */
void admin_audit(struct request *rq, const char *action, const char *noun, const json_t *object);

#endif
