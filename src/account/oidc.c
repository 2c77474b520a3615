#include "account/oidc.h"

#include <stdio.h>
#include <string.h>

#include "account/accounts.h"
#include "account/factor.h"
#include "account/fetch.h"
#include "account/id_token.h"
#include "account/oidc_provider.h"
#include "account/origin.h"
#include "account/passwords.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "core/audit.h"
#include "core/reply.h"
#include "ledger/credits.h"

#define COOKIE "weir_oidc"
#define COOKIE_PATH "/api/auth/oidc"
#define RANDOM_BYTES 32
#define FLOW_TTL_S 600
#define SECRET_BYTES_MAX 4096
#define RETURN_PATH "/signin/return"

bool
oidc_is_on(const struct conf *conf)
{
	return *conf->oidc_issuer != '\0' && *conf->oidc_client_id != '\0';
}

static const char *
random_text(struct arena *a, unsigned char hash[SHA256_BYTES])
{
	unsigned char bytes[RANDOM_BYTES];
	const char *text;

	crypto_random(bytes, sizeof(bytes));
	text = crypto_base64url(a, bytes, sizeof(bytes));
	crypto_sha256(text, strlen(text), hash);
	return text;
}

/* What the browser's cookie stands for, to one purpose: nobody else can say it, and it says nothing of the cookie. */
static const char *
derived(struct arena *a, const char *purpose, const char *cookie)
{
	unsigned char hash[SHA256_BYTES];
	const char *text = arena_printf(a, "%s:%s", purpose, cookie);

	crypto_sha256(text, strlen(text), hash);
	return crypto_base64url(a, hash, sizeof(hash));
}

static const char *
return_url(struct context *cx)
{
	return arena_printf(cx->arena, "%.*s" RETURN_PATH, (int)conf_site_len(cx->conf), cx->conf->server_base_url);
}

static void
set_cookie(struct request *rq, const char *value, int max_age_s)
{
	reply_header(rq, "Set-Cookie", COOKIE "=%s; Max-Age=%d; Path=" COOKIE_PATH "; HttpOnly; SameSite=Strict%s",
	    value, max_age_s, rq->cx.conf->auth_secure_cookie ? "; Secure" : "");
}

/* ---- the way there ----------------------------------------------------- */

static const char *
way(struct context *cx, const struct oidc_endpoints *e, const char *state, const char *cookie)
{
	struct arena *a = cx->arena;
	const char *verifier = derived(a, "verifier", cookie);
	unsigned char hash[SHA256_BYTES];

	crypto_sha256(verifier, strlen(verifier), hash);
	return arena_printf(a,
	    "%s%cresponse_type=code&client_id=%s&redirect_uri=%s&scope=%s&state=%s&nonce=%s&code_challenge=%s"
	    "&code_challenge_method=S256",
	    e->authorization, strchr(e->authorization, '?') == NULL ? '?' : '&',
	    percent_encode(a, cx->conf->oidc_client_id), percent_encode(a, return_url(cx)),
	    percent_encode(a, cx->conf->oidc_scopes), state, derived(a, "nonce", cookie),
	    crypto_base64url(a, hash, sizeof(hash)));
}

/* `arg`: who links; NULL: somebody signs in. */
static enum status
start(struct request *rq, const struct oidc_endpoints *e, void *arg)
{
	unsigned char state_hash[SHA256_BYTES], browser_hash[SHA256_BYTES];
	const char *state = random_text(rq->cx.arena, state_hash), *cookie = random_text(rq->cx.arena, browser_hash);
	enum status st = pg_query(rq->cx.pg, NULL,
	    "INSERT INTO oidc_flows (state_hash, browser_hash, user_id, expires_at)"
	    " VALUES ($1, $2, $3::uuid, now() + make_interval(secs => $4))",
	    PX(state_hash, SHA256_BYTES), PX(browser_hash, SHA256_BYTES), PS(arg), PI(FLOW_TTL_S));

	if (st != OK)
		return fail(&rq->cx, st, "beginning a sign-in: %s", pg_error(rq->cx.pg));
	set_cookie(rq, cookie, FLOW_TTL_S);
	return reply_json(rq, 200, json_pack("{s:s}", "url", way(&rq->cx, e, state, cookie)));
}

static enum status
begin(struct request *rq)
{
	if (!oidc_is_on(rq->cx.conf))
		return fail(&rq->cx, E_NOT_FOUND, "no [oidc] issuer");
	return origin_check(rq, COOKIE);
}

enum status
oidc_start(struct request *rq)
{
	enum status st = begin(rq);

	return st == OK ? oidc_discover(rq, start, NULL) : st;
}

enum status
oidc_link(struct request *rq, const char *password)
{
	enum status st;

	if ((st = begin(rq)) != OK || (st = account_prove(rq, password)) != OK)
		return st;
	passwords_leave(rq); /* what comes may wait */
	return oidc_discover(rq, start, (void *)(uintptr_t)rq->cx.caller.user_id);
}

/* ---- back: who it is --------------------------------------------------- */

struct finish {
	const char *code, *cookie, *link_user_id, *id_token;
	const struct oidc_endpoints *endpoints;
	struct id_claims claims;
	bool newer_keys;
};

/* Told of each end, once. */
static enum status
told(struct request *rq, const char *user_id, enum status st)
{
	audit(&rq->cx, "auth.oidc", audit_user(&rq->cx, user_id), st == OK ? "ok" : status_code(st), NULL);
	return st;
}

static enum status
no_account(struct context *cx, const char *why, const char *en, const char *zh)
{
	enum status st = fail(cx, E_NO_ACCOUNT, "%s", why);

	if (en != NULL)
		fail_message(cx, en, zh);
	return st;
}

static const struct field email_fields[] = { { "email", F_EMAIL, F_REQUIRED }, { .name = NULL } };
static const struct field name_fields[] = { { "name", F_LINE, F_REQUIRED, .min = 1, .max = NICKNAME_CHARS_MAX },
	{ .name = NULL } };

static bool
fits(struct context *cx, const struct field *fields, const char *name, const char *text)
{
	struct field_problem problem;
	json_t *in = json_pack("{s:s?}", name, text);
	bool fit = in != NULL && fields_check(cx->arena, fields, in, &problem);

	json_decref(in);
	return fit;
}

static bool
domain_fits(const char *list, const char *email)
{
	const char *domain = strrchr(email, '@') + 1;
	size_t len;

	if (*(list += strspn(list, " ,")) == '\0')
		return true;
	for (; *list != '\0'; list += len + strspn(list + len, " ,")) {
		len = strcspn(list, " ,");
		if (len == strlen(domain) && strncasecmp(list, domain, len) == 0)
			return true;
	}
	return false;
}

static enum status
may_be_made(struct context *cx, const struct id_claims *claims)
{
	if (!cx->conf->oidc_make_accounts)
		return no_account(cx, "no account is linked", NULL, NULL);
	if (claims->email == NULL || !claims->email_verified || !fits(cx, email_fields, "email", claims->email))
		return no_account(cx, "no verified e-mail address",
		    "The provider has not confirmed an e-mail address of yours.", "登录服务未确认您的电子邮箱");
	if (!domain_fits(cx->conf->oidc_domains, claims->email))
		return no_account(cx, "a foreign domain", "Accounts are not made for addresses of this domain.",
		    "不为该域名的邮箱创建账号");
	return OK;
}

static enum status
add_identity(struct context *cx, const char *user_id, const struct id_claims *claims)
{
	char id[UUID_LEN];

	uuid_v7(id);
	return pg_query(cx->pg, NULL,
	    "INSERT INTO user_identities (id, issuer, subject, user_id, email, last_used_at)"
	    " VALUES ($1, $2, $3, $4, $5, now())",
	    PS(id), PS(cx->conf->oidc_issuer), PS(claims->subject), PS(user_id), PS(claims->email));
}

/* In a transaction. */
static enum status
make_account(struct context *cx, const struct id_claims *claims, char id[UUID_LEN])
{
	struct account_new account = {
		.email = claims->email,
		.nickname = fits(cx, name_fields, "name", claims->name) ? claims->name : "",
		.role = "user",
		.locale = cx->lang == LANG_ZH ? "zh" : "en",
	};
	int64_t balance_ucr;
	enum status st = account_create(cx->arena, cx->conf, cx->pg, &account, id);

	if (st == E_CONFLICT)
		return no_account(cx, "the address has an account already",
		    "There is an account with your address. Sign in with its password and link it in the settings.",
		    "您的邮箱已有账号，请先用密码登录，再在设置中关联");
	if (st == OK && cx->conf->auth_signup_gift > 0)
		st = credits_grant(cx, id, cx->conf->auth_signup_gift, "signup_gift", "", &balance_ucr);
	if (st == OK)
		st = add_identity(cx, id, claims);
	return st == OK ? OK : fail(cx, st, "making an account: %s", pg_error(cx->pg));
}

static enum status
first_sight(struct context *cx, const struct id_claims *claims, const char **user_id)
{
	char *id = arena_alloc(cx->arena, UUID_LEN);
	enum status st;

	if ((st = may_be_made(cx, claims)) != OK)
		return st;
	if ((st = pg_begin(cx->pg)) != OK)
		return fail(cx, st, "making an account");
	if ((st = make_account(cx, claims, id)) != OK) {
		context_rollback(cx);
		return st;
	}
	if ((st = context_commit(cx)) != OK)
		return fail(cx, st, "making an account");
	*user_id = id;
	audit(cx, "auth.register", audit_user(cx, id), "ok", json_pack("{s:s}", "by", "oidc"));
	return OK;
}

static enum status
find_account(struct context *cx, const struct id_claims *claims, const char **user_id)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query(cx->pg, &rows,
	    "UPDATE user_identities i SET last_used_at = now() FROM users u WHERE i.issuer = $1 AND i.subject = $2"
	    " AND u.id = i.user_id RETURNING u.id, u.status = 'active' AS active",
	    PS(cx->conf->oidc_issuer), PS(claims->subject));

	if (st != OK)
		return fail(cx, st, "looking up who signs in: %s", pg_error(cx->pg));
	if (rows_count(rows) == 0)
		return first_sight(cx, claims, user_id);
	*user_id = arena_strdup(cx->arena, row_text(rows, 0, "id"));
	return row_bool(rows, 0, "active") ? OK : fail(cx, E_ACCOUNT_DISABLED, "user %s", *user_id);
}

static enum status
sign_in(struct request *rq, const struct id_claims *claims)
{
	const char *user_id = NULL;
	struct session_grant grant;
	enum status st;

	if ((st = find_account(&rq->cx, claims, &user_id)) == OK)
		st = sign_in_go_on(&rq->cx, user_id, NULL, &grant);
	if (st == OK)
		rq->cx.caller.user_id = user_id;
	told(rq, user_id, st);
	return st == OK ? session_reply(rq, 200, &grant) : st;
}

static enum status
link_account(struct request *rq, const char *user_id, const struct id_claims *claims)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = add_identity(&rq->cx, user_id, claims);

	if (st == E_CONFLICT) /* his own already, or somebody else's */
		st = pg_query(rq->cx.pg, &rows,
		    "SELECT FROM user_identities WHERE issuer = $1 AND subject = $2 AND user_id = $3",
		    PS(rq->cx.conf->oidc_issuer), PS(claims->subject), PS(user_id));
	if (st == OK && rows != NULL && rows_count(rows) == 0) {
		st = fail(&rq->cx, E_CONFLICT, "linked to another account");
		fail_message(&rq->cx, "This sign-in belongs to another account here.", "该登录方式已关联其他账号");
		return told(rq, user_id, st);
	}
	if (st != OK)
		return told(rq, user_id, fail(&rq->cx, st, "linking an account: %s", pg_error(rq->cx.pg)));
	audit(&rq->cx, "auth.link", audit_user(&rq->cx, user_id), "ok", NULL);
	return reply_empty(rq);
}

/* ---- back: what the provider says -------------------------------------- */

static enum status
got_keys(struct request *rq, const json_t *keys, void *arg)
{
	struct finish *f = arg;
	struct id_expected expected = {
		.issuer = rq->cx.conf->oidc_issuer,
		.client_id = rq->cx.conf->oidc_client_id,
		.nonce = derived(rq->cx.arena, "nonce", f->cookie),
		.now_s = clock_wall_s(),
	};
	const char *why;

	switch (id_token_check(rq->cx.arena, f->id_token, keys, &expected, &f->claims, &why)) {
	case ID_HOLDS:
		return f->link_user_id == NULL ? sign_in(rq, &f->claims)
					       : link_account(rq, f->link_user_id, &f->claims);
	case ID_UNKNOWN_KEY:
		if (f->newer_keys)
			break;
		f->newer_keys = true;
		return oidc_keys(rq, f->endpoints, true, got_keys, f);
	case ID_REFUSED: break;
	}
	return told(rq, f->link_user_id, fail(&rq->cx, E_PROVIDER_REFUSED, "ID token: %s", why));
}

static enum status
got_tokens(struct request *rq, int http_status, const json_t *answer, const char *why, void *arg)
{
	struct finish *f = arg;
	const char *token = json_string_value(json_object_get(answer, "id_token")),
		   *error = json_string_value(json_object_get(answer, "error"));

	if (http_status == 200 && token != NULL) {
		f->id_token = arena_strdup(rq->cx.arena, token);
		return oidc_keys(rq, f->endpoints, false, got_keys, f);
	}
	if (http_status == 400 && error != NULL && strcmp(error, "invalid_grant") == 0)
		return told(rq, f->link_user_id, fail(&rq->cx, E_PROVIDER_REFUSED, "the code is not taken"));
	return told(rq, f->link_user_id,
	    fail(&rq->cx, E_PROVIDER_FAILED, "tokens of the OpenID provider: %d %s", http_status,
		error != NULL	  ? error
		    : why != NULL ? why
				  : "no ID token"));
}

/* The secret of [oidc] secret_file; NULL: a public client. */
static enum status
read_secret(struct context *cx, const char **out)
{
	const char *path = cx->conf->oidc_secret_file;
	char text[SECRET_BYTES_MAX + 1];
	size_t len;
	FILE *file;

	*out = NULL;
	if (*path == '\0')
		return OK;
	if ((file = fopen(path, "re")) == NULL)
		return fail(cx, E_UNAVAILABLE, "[oidc] secret_file %s cannot be read", path);
	len = fread(text, 1, SECRET_BYTES_MAX, file);
	fclose(file);
	text[len] = '\0';
	text[strcspn(text, "\r\n")] = '\0';
	*out = arena_strdup(cx->arena, text);
	return OK;
}

/* RFC 6749 2.3.1: both are encoded before they are joined. */
static const char *
basic(struct arena *a, const char *id, const char *secret)
{
	const char *pair = arena_printf(a, "%s:%s", percent_encode(a, id), percent_encode(a, secret));
	char *coded = arena_alloc(a, CRYPTO_BASE64_LEN(strlen(pair)));

	crypto_base64(pair, strlen(pair), coded);
	return arena_printf(a, "Authorization: Basic %s", coded);
}

static enum status
ask_tokens(struct request *rq, const struct oidc_endpoints *e, void *arg)
{
	struct arena *a = rq->cx.arena;
	const char **headers = arena_alloc(a, 4 * sizeof(*headers)), *secret, *body, *id = rq->cx.conf->oidc_client_id;
	struct finish *f = arg;
	enum status st;
	int n = 0;

	if ((st = read_secret(&rq->cx, &secret)) != OK)
		return st;
	f->endpoints = e;
	headers[n++] = "Content-Type: application/x-www-form-urlencoded";
	headers[n++] = "Accept: application/json";
	body = arena_printf(a, "grant_type=authorization_code&code=%s&redirect_uri=%s&code_verifier=%s",
	    percent_encode(a, f->code), percent_encode(a, return_url(&rq->cx)), derived(a, "verifier", f->cookie));
	if (secret != NULL && !e->secret_in_body)
		headers[n++] = basic(a, id, secret);
	else
		body = arena_printf(a, "%s&client_id=%s", body, percent_encode(a, id));
	if (secret != NULL && e->secret_in_body)
		body = arena_printf(a, "%s&client_secret=%s", body, percent_encode(a, secret));
	headers[n] = NULL;
	return fetch_await(rq,
	    &(struct fetch_ask){ .method = "POST",
		.url = e->token,
		.headers = headers,
		.body = body,
		.allow_private = rq->cx.conf->oidc_allow_private },
	    got_tokens, f);
}

/* The way this browser is on is taken, once: of a sign-in, or of the account that is to be linked. */
static enum status
take_flow(struct request *rq, const char *state, struct finish *f)
{
	unsigned char state_hash[SHA256_BYTES], browser_hash[SHA256_BYTES];
	AUTO_ROWS struct rows *rows = NULL;
	enum status st;

	crypto_sha256(state, strlen(state), state_hash);
	crypto_sha256(f->cookie, strlen(f->cookie), browser_hash);
	st = pg_query(rq->cx.pg, &rows,
	    "DELETE FROM oidc_flows WHERE state_hash = $1 AND browser_hash = $2 AND user_id IS NOT DISTINCT FROM $3::uuid"
	    " AND expires_at > now()",
	    PX(state_hash, SHA256_BYTES), PX(browser_hash, SHA256_BYTES), PS(f->link_user_id));
	if (st != OK)
		return fail(&rq->cx, st, "going on with a sign-in: %s", pg_error(rq->cx.pg));
	return rows_affected(rows) > 0
	    ? OK
	    : fail(&rq->cx, E_INVALID_TOKEN, "state unknown, over, or of another browser or account");
}

enum status
oidc_finish(struct request *rq, const char *state, const char *code, const char *iss)
{
	struct finish *f = ARENA_NEW(rq->cx.arena, struct finish);
	enum status st;

	if ((st = begin(rq)) != OK)
		return st;
	*f = (struct finish){
		.code = code, .cookie = request_cookie(rq, COOKIE), .link_user_id = rq->cx.caller.user_id
	};
	if (f->cookie == NULL)
		return told(rq, f->link_user_id, fail(&rq->cx, E_INVALID_TOKEN, "no cookie"));
	if ((st = take_flow(rq, state, f)) != OK)
		return told(rq, f->link_user_id, st);
	set_cookie(rq, "", 0);
	if (iss != NULL && strcmp(iss, rq->cx.conf->oidc_issuer) != 0)
		return told(rq, f->link_user_id, fail(&rq->cx, E_PROVIDER_REFUSED, "another issuer"));
	return oidc_discover(rq, ask_tokens, f);
}

/* ---- settings ---------------------------------------------------------- */

enum status
identities_list(struct context *cx, json_t **items)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query_again(cx->pg, &rows,
	    "SELECT coalesce(json_agg(json_build_object('id', id, 'issuer', issuer, 'email', email,"
	    " 'created_at', json_time(created_at), 'last_used_at', json_time(last_used_at)) ORDER BY id), '[]') AS json"
	    " FROM user_identities WHERE user_id = $1",
	    PS(cx->caller.user_id));

	if (st != OK)
		return fail(cx, st, "listing identities");
	*items = row_json(rows, 0, "json");
	return OK;
}

enum status
identity_unlink(struct context *cx, const char *id)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query(cx->pg, &rows,
	    "WITH who AS (SELECT id, password_hash FROM users WHERE id = $2),"
	    " found AS (SELECT i.id, who.password_hash IS NOT NULL OR (SELECT count(*) FROM user_identities o"
	    "	WHERE o.user_id = who.id) > 1 AS may FROM user_identities i JOIN who ON who.id = i.user_id WHERE i.id = $1),"
	    " gone AS (DELETE FROM user_identities i USING found WHERE i.id = found.id AND found.may)"
	    " SELECT may FROM found",
	    PS(id), PS(cx->caller.user_id));
	if (st != OK)
		return fail(cx, st, "unlinking: %s", pg_error(cx->pg));
	if (id == NULL || rows_count(rows) == 0)
		return fail(cx, E_NOT_FOUND, "no such identity");
	if (row_bool(rows, 0, "may"))
		return OK;
	st = fail(cx, E_CONFLICT, "the last way to sign in");
	fail_message(
	    cx, "Set a password first: nothing else would be left to sign in with.", "请先设置密码，否则将无法登录");
	return st;
}
