#include "account/accounts.h"

#include <string.h>

#include "base/crypto.h"
#include "base/nfc.h"
#include "base/phone.h"
#include "base/utf8.h"
#include "ledger/credits.h"
#include "limits/rates.h"
#include "account/factor.h"
#include "account/passwords.h"
#include "account/reset_mail.h"

/* Mails that may be asked for an address in a quarter of an hour. */
#define RESETS_PER_QUARTER "3"

/* ---- finding and making ------------------------------------------------ */

/* The row an e-mail address or phone number ($2: in all its spellings) names.
 * Numbers kept as typed may be there in two spellings: then the one typed now. */
static const char find_sql[] = "SELECT id, password_hash, status = 'active' AS active FROM users"
			       " WHERE (lower(email) = lower($1) AND strpos($1, '@') > 0)"
			       " OR (phone = ANY ($2::text[]) AND strpos($1, '@') = 0)"
			       " ORDER BY phone IS NOT DISTINCT FROM $1 DESC, id LIMIT 1";

/* The spellings of a phone number as an array of PostgreSQL. */
static const char *
spellings(struct arena *a, const struct conf *conf, const char *login)
{
	const char *list[PHONE_SPELLINGS_MAX], *text = "";
	size_t n = phone_spellings(a, login, conf->auth_phone_country, list);

	for (size_t i = 0; i < n; i++)
		text = arena_printf(a, "%s%s\"%s\"", text, i == 0 ? "" : ",", list[i]);
	return arena_printf(a, "{%s}", text);
}

enum status
account_find(struct arena *a, const struct conf *conf, struct pg *pg, const char *login, char out[UUID_LEN])
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query_again(pg, &rows, find_sql, PS(login), PS(spellings(a, conf, login)));

	if (st != OK)
		return st;
	if (rows_count(rows) == 0)
		return E_NOT_FOUND;
	uuid_parse(row_text(rows, 0, "id"), out);
	return OK;
}

static char *
lower_ascii(struct arena *a, const char *text)
{
	char *out = arena_strdup(a, text);

	for (char *p = out; *p != '\0'; p++)
		*p = *p >= 'A' && *p <= 'Z' ? (char)(*p - 'A' + 'a') : *p;
	return out;
}

/* Only the domain is known not to care for case (RFC 5321 2.4). */
static const char *
tidy_email(struct arena *a, const char *email)
{
	const char *at = email == NULL ? NULL : strchr(email, '@');

	return at == NULL ? email : arena_printf(a, "%.*s%s", (int)(at - email), email, lower_ascii(a, at));
}

enum status
account_create(
    struct arena *a, const struct conf *conf, struct pg *pg, const struct account_new *in, char out_id[UUID_LEN])
{
	AUTO_ROWS struct rows *rows = NULL;
	char e164[PHONE_LEN];
	enum status st;

	if (in->phone != NULL && !phone_e164(in->phone, conf->auth_phone_country, e164))
		return E_INVALID_REQUEST;
	uuid_v7(out_id);
	st = pg_query(pg, &rows,
	    "INSERT INTO users (id, email, phone, nickname, password_hash, role, locale)"
	    " SELECT $1::uuid, $2, $3, btrim($4), $5, $6, $7"
	    " WHERE NOT EXISTS (SELECT FROM users WHERE phone = ANY ($8::text[]))",
	    PS(out_id), PS(tidy_email(a, in->email)), PS(in->phone == NULL ? NULL : e164),
	    PS(utf8_nfc(a, in->nickname)), PS(in->password_hash), PS(in->role), PS(in->locale),
	    PS(in->phone == NULL ? "{}" : spellings(a, conf, in->phone)));
	return st == OK && rows_affected(rows) == 0 ? E_CONFLICT : st;
}

/* NFC may take more characters than were typed: nickname must fit then, too. */
static enum status
check_nickname(struct context *cx, const char *nickname)
{
	const char *normal = nickname == NULL ? "" : utf8_nfc(cx->arena, nickname);

	return utf8_length(normal, strlen(normal)) <= NICKNAME_CHARS_MAX
	    ? OK
	    : fail_field(cx, "nickname", "must have at most %d characters", NICKNAME_CHARS_MAX);
}

/* A phone number must say whose it is. */
static enum status
check_phone(struct context *cx, const char *phone)
{
	char e164[PHONE_LEN];

	if (phone == NULL || phone_e164(phone, cx->conf->auth_phone_country, e164))
		return OK;
	return fail_field(cx, "phone",
	    *phone == '+' || *cx->conf->auth_phone_country != '\0'
		? "must be a phone number: 7 to 15 digits with the country's calling code"
		: "must begin with + and the country's calling code");
}

/* ---- register ---------------------------------------------------------- */

/* May this one register?  With an invitation, *gift_ucr is what it gives; it is
 * used up when the transaction commits. */
static enum status
admit(struct context *cx, const struct registration *in, int64_t *gift_ucr)
{
	AUTO_ROWS struct rows *rows = NULL;
	const char *mode = cx->conf->auth_registration;
	enum status st;

	*gift_ucr = 0;
	if (strcmp(mode, "open") == 0 && in->invitation == NULL)
		return OK;
	if (strcmp(mode, "open") != 0 && strcmp(mode, "invite") != 0)
		return fail(cx, E_REGISTRATION_CLOSED, NULL);
	if (in->invitation == NULL)
		return fail_field(cx, "invitation", "is required");
	st = pg_query(cx->pg, &rows,
	    "UPDATE invitations SET uses = uses + 1 WHERE code = $1 AND uses < max_uses"
	    " AND (expires_at IS NULL OR expires_at > now()) RETURNING gift_credits",
	    PS(in->invitation));
	if (st != OK)
		return fail(cx, st, "looking up the invitation");
	if (rows_count(rows) == 0)
		return fail(cx, E_INVALID_TOKEN, "invitation unknown, over or used up");
	*gift_ucr = row_ucr(rows, 0, "gift_credits");
	return OK;
}

static enum status
insert_account(struct context *cx, const struct registration *in, const char *hash, char *id)
{
	struct account_new account = {
		.email = in->email,
		.phone = in->phone,
		.nickname = in->nickname == NULL ? "" : in->nickname,
		.password_hash = hash,
		.role = "user",
		.locale = cx->lang == LANG_ZH ? "zh" : "en",
	};
	enum status st = account_create(cx->arena, cx->conf, cx->pg, &account, id);
	bool email = strcmp(pg_constraint(cx->pg), "users_email") == 0;

	if (st == E_CONFLICT)
		return fail_with(cx, st, json_pack("{s:s}", "field", email ? "email" : "phone"), "login name is taken");
	return st == OK ? OK : fail(cx, st, "making the account");
}

static enum status
give(struct context *cx, const char *user_id, int64_t amount_ucr, const char *type)
{
	int64_t balance_ucr;
	enum status st;

	if (amount_ucr <= 0)
		return OK;
	st = credits_grant(cx, user_id, amount_ucr, type, "", &balance_ucr);
	return st == OK ? OK : fail(cx, st, "granting the %s", type);
}

static enum status
register_in_transaction(struct context *cx, const struct registration *in, const char *hash, struct session_grant *out)
{
	char *id = arena_alloc(cx->arena, UUID_LEN);
	int64_t gift_ucr;
	enum status st;

	if ((st = admit(cx, in, &gift_ucr)) != OK || (st = insert_account(cx, in, hash, id)) != OK ||
	    (st = give(cx, id, cx->conf->auth_signup_gift, "signup_gift")) != OK ||
	    (st = give(cx, id, gift_ucr, "invitation_gift")) != OK)
		return st;
	return session_open(cx, id, hash, out);
}

enum status
account_register(struct request *rq, const struct registration *in, struct session_grant *out)
{
	const char *mode = rq->cx.conf->auth_registration;
	enum status st;
	const char *hash;

	/* said again in admit(); here it saves the hashing */
	if (strcmp(mode, "open") != 0 && strcmp(mode, "invite") != 0)
		return fail(&rq->cx, E_REGISTRATION_CLOSED, NULL);
	if ((st = check_phone(&rq->cx, in->phone)) != OK || (st = check_nickname(&rq->cx, in->nickname)) != OK)
		return st;
	hash = passwords_hash(rq->cx.arena, in->password);
	if ((st = pg_begin(rq->cx.pg)) != OK)
		return fail(&rq->cx, st, "registering");
	if ((st = register_in_transaction(&rq->cx, in, hash, out)) != OK) {
		context_rollback(&rq->cx);
		return st;
	}
	if ((st = context_commit(&rq->cx)) != OK)
		return fail(&rq->cx, st, "registering");
	return OK;
}

/* ---- sign in ----------------------------------------------------------- */

/* Replace a hash of an older kind; the old one still holds when that fails. */
static enum status
upgrade_hash(struct request *rq, const char *user_id, const char *password, const char **hash)
{
	const char *better = passwords_hash(rq->cx.arena, password);
	enum status st = pg_query_again(rq->cx.pg, NULL,
	    "UPDATE users SET password_hash = $3 WHERE id = $1 AND password_hash = $2", PS(user_id), PS(*hash),
	    PS(better));

	if (st != OK)
		return fail(&rq->cx, st, "upgrading a password hash");
	*hash = better;
	return OK;
}

/* One spelling for all that name the same account. */
static const char *
login_key(struct context *cx, const char *login)
{
	char e164[PHONE_LEN];

	if (strchr(login, '@') == NULL && phone_e164(login, cx->conf->auth_phone_country, e164))
		return arena_strdup(cx->arena, e164);
	return lower_ascii(cx->arena, login);
}

enum status
account_login(
    struct request *rq, const char *login, const char *password, struct session_grant *out, const char **user_id)
{
	AUTO_ROWS struct rows *rows = NULL;
	bool known, needs_rehash;
	const char *hash;
	enum status st;

	*user_id = NULL;
	if ((st = limits_account(&rq->cx, login_key(&rq->cx, login))) != OK)
		return st;
	if ((st = pg_query_again(
		 rq->cx.pg, &rows, find_sql, PS(login), PS(spellings(rq->cx.arena, rq->cx.conf, login)))) != OK)
		return fail(&rq->cx, st, "looking up the account");
	known = rows_count(rows) > 0;
	hash = known ? row_text(rows, 0, "password_hash") : NULL;
	if (known)
		*user_id = arena_strdup(rq->cx.arena, row_text(rows, 0, "id"));
	if (!passwords_verify(rq->cx.arena, password, hash, &needs_rehash))
		return fail(&rq->cx, E_BAD_CREDENTIALS, known ? "wrong password" : "unknown login name");
	if (!row_bool(rows, 0, "active"))
		return fail(&rq->cx, E_ACCOUNT_DISABLED, "user %s", *user_id);
	if (needs_rehash && (st = upgrade_hash(rq, *user_id, password, &hash)) != OK)
		return st;
	return sign_in_go_on(&rq->cx, *user_id, hash, out);
}

/* ---- passwords --------------------------------------------------------- */

/* Set the hash (where it is still `old_hash`, unless that is NULL), revoke the
 * sessions but `keep`, and let no reset link outlive it.  E_NOT_FOUND. */
static enum status
replace_password(
    struct pg *pg, const char *user_id, const char *old_hash, const char *hash, const char *keep, const char *reason)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query(pg, &rows,
	    "WITH who AS (UPDATE users SET password_hash = $3, updated_at = now()"
	    "	WHERE id = $1 AND ($2::text IS NULL OR password_hash = $2) RETURNING id),"
	    " resets AS (UPDATE password_resets r SET used_at = now() FROM who WHERE r.user_id = who.id"
	    " AND r.used_at IS NULL),"
	    " revoked AS (UPDATE sessions s SET revoked_at = now(), revoke_reason = $5 FROM who"
	    "	WHERE s.user_id = who.id AND s.revoked_at IS NULL AND ($4::uuid IS NULL OR s.id <> $4))"
	    " SELECT id FROM who",
	    PS(user_id), PS(old_hash), PS(hash), PS(keep), PS(reason));

	return st == OK && rows_count(rows) == 0 ? E_NOT_FOUND : st;
}

enum status
account_prove(struct request *rq, const char *password)
{
	AUTO_ROWS struct rows *rows = NULL;
	bool needs_rehash;
	enum status st;

	if ((st = limits_account(&rq->cx, rq->cx.caller.user_id)) != OK)
		return st;
	st = pg_query_again(rq->cx.pg, &rows,
	    "SELECT u.password_hash, s.created_at > now() - interval '10 minutes' AS fresh"
	    " FROM users u JOIN sessions s ON s.user_id = u.id WHERE u.id = $1 AND s.id = $2",
	    PS(rq->cx.caller.user_id), PS(rq->cx.caller.session_id));
	if (st != OK)
		return fail(&rq->cx, st, "looking up the account");
	if (rows_count(rows) == 0)
		return fail(&rq->cx, E_UNAUTHENTICATED, "the session is gone");
	if (row_null(rows, 0, "password_hash"))
		return row_bool(rows, 0, "fresh") ? OK
						  : fail(&rq->cx, E_SIGN_IN_AGAIN, "no password, and no fresh sign-in");
	if (password == NULL)
		return fail_field(&rq->cx, "password", "is required");
	return passwords_verify(rq->cx.arena, password, row_text(rows, 0, "password_hash"), &needs_rehash)
	    ? OK
	    : fail_field(&rq->cx, "password", "is wrong");
}

enum status
account_change_password(struct request *rq, const char *current, const char *password)
{
	AUTO_ROWS struct rows *rows = NULL;
	const char *old_hash;
	bool needs_rehash;
	enum status st;

	if ((st = limits_account(&rq->cx, rq->cx.caller.user_id)) != OK)
		return st;
	st = pg_query_again(
	    rq->cx.pg, &rows, "SELECT password_hash FROM users WHERE id = $1", PS(rq->cx.caller.user_id));
	if (st != OK)
		return fail(&rq->cx, st, "looking up the account");
	old_hash = rows_count(rows) == 0 ? NULL : row_text(rows, 0, "password_hash");
	if (!passwords_verify(rq->cx.arena, current, old_hash, &needs_rehash))
		return fail_field(&rq->cx, "current_password", "is wrong");
	st = replace_password(rq->cx.pg, rq->cx.caller.user_id, old_hash, passwords_hash(rq->cx.arena, password),
	    rq->cx.caller.session_id, "password_change");
	if (st == E_NOT_FOUND)
		return fail(&rq->cx, E_CONFLICT, "the password was changed meanwhile");
	return st == OK ? OK : fail(&rq->cx, st, "changing the password");
}

enum status
account_set_password(struct pg *pg, const char *user_id, const char *password_hash)
{
	return replace_password(pg, user_id, NULL, password_hash, NULL, "password_change");
}

/* The token and what its mail needs; token NULL: there is no such account, or it was mailed too often. */
static enum status
make_reset(struct context *cx, const char *email, struct password_reset *out)
{
	AUTO_ROWS struct rows *rows = NULL;
	unsigned char bytes[32], hash[SHA256_BYTES];
	const char *token;
	enum status st;

	*out = (struct password_reset){ 0 };
	crypto_random(bytes, sizeof(bytes));
	token = crypto_base64url(cx->arena, bytes, sizeof(bytes));
	crypto_sha256(token, strlen(token), hash);
	st = pg_query(cx->pg, &rows,
	    "WITH who AS (SELECT u.id, u.email, u.locale FROM users u WHERE lower(u.email) = lower($1)"
	    " AND u.status = 'active'"
	    "	AND (SELECT count(*) FROM password_resets r WHERE r.user_id = u.id"
	    "	AND r.created_at > now() - interval '15 minutes') < " RESETS_PER_QUARTER "),"
	    " made AS (INSERT INTO password_resets (token_hash, user_id, expires_at)"
	    "	SELECT $2::bytea, id, now() + make_interval(secs => $3) FROM who)"
	    " SELECT id, email, locale FROM who",
	    PS(email), PX(hash, sizeof(hash)), PI(cx->conf->auth_reset_ttl / 1000));
	if (st != OK)
		return fail(cx, st, "making a reset token");
	if (rows_count(rows) == 0)
		return OK;
	*out = (struct password_reset){
		.token = token,
		.user_id = arena_strdup(cx->arena, row_text(rows, 0, "id")),
		.email = arena_strdup(cx->arena, row_text(rows, 0, "email")),
		.locale = arena_strdup(cx->arena, row_text(rows, 0, "locale")),
	};
	return OK;
}

enum status
account_forgot(struct context *cx, const char *email, const char **user_id)
{
	struct password_reset reset;
	enum status st;

	*user_id = NULL;
	if ((st = pg_begin(cx->pg)) != OK)
		return fail(cx, st, "making a reset token");
	st = make_reset(cx, email, &reset);
	if (st == OK && reset.token != NULL)
		st = reset_mail_submit(cx, &reset);
	if (st != OK) {
		context_rollback(cx);
		return st;
	}
	*user_id = reset.user_id;
	return context_commit(cx) == OK ? OK : fail(cx, E_UNAVAILABLE, "making a reset token");
}

/* Whose reset token it is, if it still holds. */
static enum status
check_reset(struct context *cx, const unsigned char hash[SHA256_BYTES], const char **user_id)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query_again(cx->pg, &rows,
	    "SELECT r.user_id FROM password_resets r JOIN users u ON u.id = r.user_id"
	    " WHERE r.token_hash = $1 AND r.used_at IS NULL AND r.expires_at > now() AND u.status = 'active'",
	    PX(hash, SHA256_BYTES));

	if (st != OK)
		return fail(cx, st, "looking up a reset token");
	if (rows_count(rows) == 0)
		return fail(cx, E_INVALID_TOKEN, "reset token unknown, over or used");
	*user_id = arena_strdup(cx->arena, row_text(rows, 0, "user_id"));
	return OK;
}

/* Of two at once only one may use the token. */
static enum status
reset_in_transaction(
    struct context *cx, const unsigned char hash[SHA256_BYTES], const char *user_id, const char *password_hash)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query(cx->pg, &rows,
	    "UPDATE password_resets SET used_at = now() WHERE token_hash = $1 AND used_at IS NULL"
	    " AND expires_at > now()",
	    PX(hash, SHA256_BYTES));

	if (st != OK)
		return fail(cx, st, "using a reset token");
	if (rows_affected(rows) == 0)
		return fail(cx, E_INVALID_TOKEN, "reset token used meanwhile");
	st = replace_password(cx->pg, user_id, NULL, password_hash, NULL, "reset");
	return st == OK ? OK : fail(cx, st, "resetting the password");
}

enum status
account_reset(struct request *rq, const char *token, const char *password, const char **user_id)
{
	unsigned char hash[SHA256_BYTES];
	const char *password_hash;
	enum status st;

	*user_id = NULL;
	crypto_sha256(token, strlen(token), hash);
	if ((st = check_reset(&rq->cx, hash, user_id)) != OK)
		return st;
	password_hash = passwords_hash(rq->cx.arena, password);
	if ((st = pg_begin(rq->cx.pg)) != OK)
		return fail(&rq->cx, st, "resetting the password");
	if ((st = reset_in_transaction(&rq->cx, hash, *user_id, password_hash)) != OK) {
		context_rollback(&rq->cx);
		return st;
	}
	st = context_commit(&rq->cx);
	return st == OK ? OK : fail(&rq->cx, st, "resetting the password");
}

/* ---- me ---------------------------------------------------------------- */

enum status
account_json(struct context *cx, const char *user_id, json_t **out)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query_again(cx->pg, &rows,
	    "SELECT json_build_object('id', u.id, 'email', u.email, 'phone', u.phone, 'nickname', u.nickname,"
	    " 'role', u.role,"
	    " 'credits', trim_scale(u.credits), 'held', trim_scale(credits_held(u.id)),"
	    " 'locale', u.locale, 'created_at', json_time(u.created_at)) AS json FROM users u WHERE u.id = $1",
	    PS(user_id));

	if (st != OK)
		return fail(cx, st, "reading the account");
	if (rows_count(rows) == 0)
		return fail(cx, E_NOT_FOUND, "user %s", user_id);
	*out = row_json(rows, 0, "json");
	return OK;
}

enum status
account_update(struct context *cx, const char *user_id, const char *nickname, const char *locale)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = check_nickname(cx, nickname);

	if (st != OK)
		return st;
	st = pg_query_again(cx->pg, &rows,
	    "UPDATE users SET nickname = coalesce(btrim($2), nickname), locale = coalesce($3, locale),"
	    " updated_at = now() "
	    "WHERE id = $1",
	    PS(user_id), PS(nickname == NULL ? NULL : utf8_nfc(cx->arena, nickname)), PS(locale));
	if (st != OK)
		return fail(cx, st, "updating the account");
	return rows_affected(rows) > 0 ? OK : fail(cx, E_NOT_FOUND, "user %s", user_id);
}

/* ---- for operators ----------------------------------------------------- */

enum status
account_set_role(struct pg *pg, const char *user_id, const char *role)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query_again(
	    pg, &rows, "UPDATE users SET role = $2, updated_at = now() WHERE id = $1", PS(user_id), PS(role));

	return st == OK && rows_affected(rows) == 0 ? E_NOT_FOUND : st;
}

enum status
account_set_active(struct pg *pg, const char *user_id, bool active)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query_again(pg, &rows,
	    "WITH who AS (UPDATE users SET status = CASE WHEN $2 THEN 'active' ELSE 'disabled' END, updated_at = now()"
	    "	WHERE id = $1 RETURNING id, status),"
	    " revoked AS (UPDATE sessions s SET revoked_at = now(), revoke_reason = 'disabled' FROM who"
	    "	WHERE s.user_id = who.id AND who.status = 'disabled' AND s.revoked_at IS NULL)"
	    " SELECT id FROM who",
	    PS(user_id), PB(active));

	return st == OK && rows_count(rows) == 0 ? E_NOT_FOUND : st;
}
