#include "account/auth.h"

#include <string.h>
#include <strings.h>

#include "account/jwt.h"
#include "account/ops.h"
#include "core/reply.h"

/* The token of "Authorization: Bearer TOKEN" (RFC 6750 2.1), or NULL. */
static const char *
bearer_token(const struct request *rq)
{
	const char *header = request_header(rq, "Authorization");

	if (header == NULL || strncasecmp(header, "Bearer ", 7) != 0)
		return NULL;
	header += 7 + strspn(header + 7, " ");
	return *header == '\0' ? NULL : header;
}

/* The token is ours: are the session and the user behind it still good?  *st is
 * the answer, *why the reason when it is E_UNAUTHENTICATED. */
static enum status
check_session(struct context *cx, const struct jwt_claims *claims, const char **why)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query_again(cx->pg, &rows,
	    "SELECT u.role = 'admin' AS admin, u.status = 'active' AS active,"
	    " s.revoked_at IS NULL AND s.expires_at > now() AS live"
	    " FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.id = $1 AND s.user_id = $2",
	    PS(claims->session_id), PS(claims->user_id));

	*why = "the session is gone, revoked or over";
	if (st != OK)
		return st;
	if (rows_count(rows) == 0)
		return E_UNAUTHENTICATED;
	if (!row_bool(rows, 0, "active"))
		return E_ACCOUNT_DISABLED;
	if (!row_bool(rows, 0, "live"))
		return E_UNAUTHENTICATED;
	cx->caller = (struct principal){
		.user_id = arena_strdup(cx->arena, claims->user_id),
		.session_id = arena_strdup(cx->arena, claims->session_id),
		.admin = row_bool(rows, 0, "admin"),
	};
	return OK;
}

/* Who sent the request, if its token holds. */
static enum status
identify(struct request *rq, const char **why)
{
	const char *token = bearer_token(rq);
	struct jwt_claims claims;
	enum status st;

	*why = "no Bearer token";
	if (token == NULL)
		return E_UNAUTHENTICATED;
	if ((st = access_token_check(rq->cx.arena, rq->cx.conf, token, &claims, why)) != OK)
		return st;
	return check_session(&rq->cx, &claims, why);
}

/* RFC 6750 3: no error code where no token was sent. */
static enum status
refuse(struct request *rq, const char *why)
{
	reply_header(rq, "WWW-Authenticate", "Bearer realm=\"weir\"%s",
	    bearer_token(rq) == NULL ? "" : ", error=\"invalid_token\"");
	return fail(&rq->cx, E_UNAUTHENTICATED, "%s", why);
}

enum status
auth_try(struct request *rq)
{
	const char *why;
	enum status st = identify(rq, &why);

	return st == OK || st == E_UNAUTHENTICATED || st == E_ACCOUNT_DISABLED
	    ? OK
	    : fail(&rq->cx, st, "looking up the session");
}

enum status
auth_stage(struct request *rq)
{
	const char *why;
	enum status st;

	switch (rq->route->caller) {
	case CALLER_ANYONE: return OK;
	case CALLER_OPS: return ops_guard(rq);
	case CALLER_USER:
	case CALLER_ADMIN: break;
	}
	st = identify(rq, &why);
	if (st == E_UNAUTHENTICATED)
		return refuse(rq, why);
	if (st != OK)
		return fail(&rq->cx, st, "looking up the session");
	if (rq->route->caller == CALLER_ADMIN && !rq->cx.caller.admin)
		return fail(&rq->cx, E_FORBIDDEN, "not an admin");
	return OK;
}
