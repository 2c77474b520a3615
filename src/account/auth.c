#include "account/auth.h"

#include <string.h>
#include <strings.h>

#include "account/jwt.h"
#include "account/keys.h"
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

/* What a client signs in with: the first that is there of the places in which SDKs put
 * it.  NULL, and *is_torn, when they hold different keys: whose would be charged? */
static const char *
client_token(struct request *rq, bool *is_torn)
{
	const char *found = NULL;
	const char *given[] = { bearer_token(rq), request_header(rq, "x-api-key"), request_header(rq, "x-goog-api-key"),
		request_header(rq, "api-key"), query_text(rq, "key") };

	*is_torn = false;
	for (size_t i = 0; i < sizeof(given) / sizeof(given[0]); i++) {
		if (given[i] == NULL || *given[i] == '\0')
			continue;
		if (found == NULL)
			found = given[i];
		*is_torn |= key_text_begins(found) && key_text_begins(given[i]) && strcmp(found, given[i]) != 0;
	}
	return *is_torn ? NULL : found;
}

/* The token is ours: are the session and the user behind it still good?  *st is
 * the answer, *why the reason when it is E_UNAUTHENTICATED. */
static enum status
check_session(struct context *cx, const struct jwt_claims *claims, const char **why)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query_again(cx->pg, &rows,
	    "SELECT u.role = 'admin' AS admin, u.user_group, u.status = 'active' AS active,"
	    " u.role = 'admin' AND $3::boolean AND NOT EXISTS (SELECT FROM user_factors f WHERE f.user_id = u.id"
	    "	AND f.confirmed_at IS NOT NULL) AS needs_factor,"
	    " s.revoked_at IS NULL AND s.expires_at > now() AS live"
	    " FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.id = $1 AND s.user_id = $2",
	    PS(claims->session_id), PS(claims->user_id), PB(cx->conf->auth_admin_factor));

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
		.group = arena_strdup(cx->arena, row_text(rows, 0, "user_group")),
		.admin = row_bool(rows, 0, "admin") && !row_bool(rows, 0, "needs_factor"),
		.needs_factor = row_bool(rows, 0, "needs_factor"),
	};
	return OK;
}

/* Who sent the request, if its access token holds. */
static enum status
identify(struct request *rq, const char *token, const char **why)
{
	struct jwt_claims claims;
	enum status st;

	*why = "no token";
	if (token == NULL)
		return E_UNAUTHENTICATED;
	if ((st = access_token_check(rq->cx.arena, rq->cx.conf, token, &claims, why)) != OK)
		return st;
	return check_session(&rq->cx, &claims, why);
}

/* RFC 6750 3: no error code where no token was sent. */
static void
ask_for_token(struct request *rq, bool was_sent)
{
	reply_header(rq, "WWW-Authenticate", "Bearer realm=\"weir\"%s", was_sent ? ", error=\"invalid_token\"" : "");
}

static enum status
refuse(struct request *rq, const char *token, const char *why)
{
	ask_for_token(rq, token != NULL);
	fail(&rq->cx, E_UNAUTHENTICATED, "%s", why);
	if (rq->route->caller == CALLER_CLIENT)
		fail_message(&rq->cx, "Send an API key of this site (wk-...).", "请提供本站的 API 密钥（wk-…）");
	else if (key_text_begins(token))
		fail_message(&rq->cx, "API keys are for the API paths (/v1, /v1beta). Please sign in here.",
		    "API 密钥仅用于 API 路径（/v1、/v1beta），此处请先登录");
	return E_UNAUTHENTICATED;
}

static enum status
identify_key(struct request *rq, const char *key)
{
	enum status st = key_check(&rq->cx, key);

	if (st == E_UNAUTHENTICATED)
		ask_for_token(rq, true);
	return st;
}

enum status
auth_try(struct request *rq)
{
	const char *why;
	enum status st = identify(rq, bearer_token(rq), &why);

	return st == OK || st == E_UNAUTHENTICATED || st == E_ACCOUNT_DISABLED
	    ? OK
	    : fail(&rq->cx, st, "looking up the session");
}

enum status
auth_stage(struct request *rq)
{
	const char *token, *why;
	bool is_torn = false;
	enum status st;

	switch (rq->route->caller) {
	case CALLER_ANYONE: return OK;
	case CALLER_OPS: return ops_guard(rq);
	case CALLER_USER:
	case CALLER_CLIENT:
	case CALLER_ADMIN: break;
	}
	token = rq->route->caller == CALLER_CLIENT ? client_token(rq, &is_torn) : bearer_token(rq);
	if (is_torn)
		return refuse(rq, "", "two different keys");
	if (rq->route->caller == CALLER_CLIENT && key_text_begins(token))
		return identify_key(rq, token);
	st = identify(rq, token, &why);
	if (st == E_UNAUTHENTICATED)
		return refuse(rq, token, why);
	if (st != OK)
		return fail(&rq->cx, st, "looking up the session");
	if (rq->route->caller == CALLER_ADMIN && rq->cx.caller.needs_factor)
		return fail(&rq->cx, E_FACTOR_REQUIRED, "an admin without a second factor");
	if (rq->route->caller == CALLER_ADMIN && !rq->cx.caller.admin)
		return fail(&rq->cx, E_FORBIDDEN, "not an admin");
	return OK;
}
