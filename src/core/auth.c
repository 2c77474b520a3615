#include "core/auth.h"

#include <string.h>
#include <strings.h>

#include "core/jwt.h"
#include "core/ops.h"

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

static enum status
refuse(struct request *rq, const char *challenge, const char *why)
{
	reply_header(rq, "WWW-Authenticate", "%s", challenge);
	return fail(rq, E_UNAUTHENTICATED, "%s", why);
}

static enum status
refuse_token(struct request *rq, const char *why)
{
	return refuse(rq, "Bearer realm=\"weir\", error=\"invalid_token\"", why);
}

/* The token is ours: are the session and the user behind it still good? */
static enum status
check_session(struct request *rq, const struct jwt_claims *claims)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query_again(rq->pg, &rows,
	    "SELECT u.role = 'admin' AS admin, u.status = 'active' AS active,"
	    " s.revoked_at IS NULL AND s.expires_at > now() AS live"
	    " FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.id = $1 AND s.user_id = $2",
	    PS(claims->session_id), PS(claims->user_id));

	if (st != OK)
		return fail(rq, st, "looking up the session");
	if (rows_count(rows) == 0)
		return refuse_token(rq, "the session is gone");
	if (!row_bool(rows, 0, "active"))
		return fail(rq, E_ACCOUNT_DISABLED, "user %s", claims->user_id);
	if (!row_bool(rows, 0, "live"))
		return refuse_token(rq, "the session is revoked or over");
	rq->caller = (struct principal){
		.user_id = arena_strdup(rq->arena, claims->user_id),
		.session_id = arena_strdup(rq->arena, claims->session_id),
		.admin = row_bool(rows, 0, "admin"),
	};
	return OK;
}

enum status
auth_caller(struct request *rq)
{
	const char *token = bearer_token(rq), *why = NULL;
	struct jwt_claims claims;

	if (token == NULL)
		return refuse(rq, "Bearer realm=\"weir\"", "no Bearer token");
	if (access_token_check(rq->arena, rq->conf, token, &claims, &why) != OK)
		return refuse_token(rq, why);
	return check_session(rq, &claims);
}

enum status
auth_stage(struct request *rq)
{
	enum status st;

	switch (rq->route->caller) {
	case CALLER_ANYONE: return OK;
	case CALLER_OPS: return ops_guard(rq);
	case CALLER_USER:
	case CALLER_ADMIN: break;
	}
	if ((st = auth_caller(rq)) != OK)
		return st;
	if (rq->route->caller == CALLER_ADMIN && !rq->caller.admin)
		return fail(rq, E_FORBIDDEN, "not an admin");
	return OK;
}
