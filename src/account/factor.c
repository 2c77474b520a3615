#include "account/factor.h"

#include <string.h>

#include "account/accounts.h"
#include "account/totp.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "core/secret.h"
#include "limits/rates.h"

#define CHALLENGE_BYTES 32
#define CHALLENGE_TTL_S 300
#define CHALLENGE_TRIES "5"
#define RECOVERY_CODES 10
#define RECOVERY_BYTES 10 /* 16 letters of base32 */
/* From so many wrong codes in a row on the next has to wait: 30 s, doubled each time, an hour at most. */
#define FREE_FAILURES "5"
#define PAUSE "least(interval '1 hour', interval '30 seconds' * power(2, least(failures, 20) - " FREE_FAILURES "))"

/* ---- codes ------------------------------------------------------------- */

/* A recovery code as it is hashed: capitals without what people type between; false: it is none. */
static bool
hash_recovery(const char *text, unsigned char out[SHA256_BYTES])
{
	char letters[2 * RECOVERY_BYTES];
	size_t n = 0;

	for (; *text != '\0'; text++) {
		if (*text == '-' || *text == ' ')
			continue;
		if (n == sizeof(letters))
			return false;
		letters[n++] = *text >= 'a' && *text <= 'z' ? (char)(*text - 'a' + 'A') : *text;
	}
	if (n != RECOVERY_BYTES * 8 / 5)
		return false;
	crypto_sha256(letters, n, out);
	return true;
}

static enum status
use_recovery(struct context *cx, const char *user_id, const unsigned char hash[SHA256_BYTES])
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query(cx->pg, &rows,
	    "UPDATE recovery_codes c SET used_at = now() FROM user_factors f WHERE c.user_id = $1 AND c.code_hash = $2"
	    " AND c.used_at IS NULL AND f.user_id = c.user_id AND f.confirmed_at IS NOT NULL",
	    PS(user_id), PX(hash, SHA256_BYTES));

	if (st != OK)
		return fail(cx, st, "using a recovery code");
	return rows_affected(rows) > 0 ? OK : fail(cx, E_BAD_CODE, "no recovery code of user %s", user_id);
}

/* Why no try was counted. */
static enum status
refuse_try(struct context *cx, const char *user_id)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query_again(cx->pg, &rows,
	    "SELECT ceil(extract(epoch FROM tried_at + " PAUSE " - now()))::int AS wait_s FROM user_factors"
	    " WHERE user_id = $1 AND confirmed_at IS NOT NULL",
	    PS(user_id));

	if (st != OK)
		return fail(cx, st, "looking up a second factor");
	if (rows_count(rows) == 0)
		return fail(cx, E_NOT_FOUND, "user %s has no second factor", user_id);
	st = fail(cx, E_RATE_LIMITED, "too many wrong codes of user %s", user_id);
	fail_retry_after(cx, row_int(rows, 0, "wait_s") > 1 ? (int)row_int(rows, 0, "wait_s") : 1);
	return st;
}

/* The secret of a row with secret_enc. */
static enum status
open_secret(struct context *cx, const struct rows *rows, unsigned char out[TOTP_SECRET_BYTES])
{
	unsigned char *sealed;
	const char *text;
	enum status st;
	size_t len;

	sealed = row_bytes(rows, 0, "secret_enc", cx->arena, &len);
	if ((st = secret_open(cx->arena, cx->conf, "a second factor", sealed, len, &text)) != OK)
		return fail(cx, st, "open a second factor");
	return base32_decode(text, out, TOTP_SECRET_BYTES) == TOTP_SECRET_BYTES
	    ? OK
	    : fail(cx, E_INTERNAL, "a second factor of another length");
}

/* Counted before it is looked at, so that many at once are no more than many. */
static enum status
use_time_code(struct context *cx, const char *user_id, const char *code)
{
	AUTO_ROWS struct rows *rows = NULL, *used = NULL;
	unsigned char secret[TOTP_SECRET_BYTES];
	int64_t step;
	enum status st;

	st = pg_query(cx->pg, &rows,
	    "UPDATE user_factors SET failures = failures + 1, tried_at = now() WHERE user_id = $1 AND confirmed_at IS NOT NULL"
	    " AND (failures < " FREE_FAILURES " OR tried_at + " PAUSE " <= now()) RETURNING secret_enc, last_step",
	    PS(user_id));
	if (st != OK)
		return fail(cx, st, "trying a code");
	if (rows_count(rows) == 0)
		return refuse_try(cx, user_id);
	if ((st = open_secret(cx, rows, secret)) != OK)
		return st;
	if (!totp_matches(secret, sizeof(secret), clock_wall_s(), row_int(rows, 0, "last_step"), code, &step))
		return fail(cx, E_BAD_CODE, "wrong code of user %s", user_id);
	st = pg_query(cx->pg, &used,
	    "UPDATE user_factors SET failures = 0, last_step = $2 WHERE user_id = $1 AND confirmed_at IS NOT NULL"
	    " AND last_step < $2",
	    PS(user_id), PI(step));
	if (st != OK)
		return fail(cx, st, "using a code");
	return rows_affected(used) > 0 ? OK : fail(cx, E_BAD_CODE, "code of user %s used meanwhile", user_id);
}

static enum status
use_code(struct context *cx, const char *user_id, const char *code)
{
	unsigned char hash[SHA256_BYTES];
	enum status st = limits_account(cx, user_id);

	if (st != OK)
		return st;
	return hash_recovery(code, hash) ? use_recovery(cx, user_id, hash) : use_time_code(cx, user_id, code);
}

/* ---- signing in -------------------------------------------------------- */

static enum status
challenge_open(struct context *cx, const char *user_id, const char *password_hash)
{
	unsigned char bytes[CHALLENGE_BYTES], hash[SHA256_BYTES], proof[SHA256_BYTES];
	const char *token;
	enum status st;

	crypto_random(bytes, sizeof(bytes));
	token = crypto_base64url(cx->arena, bytes, sizeof(bytes));
	crypto_sha256(token, strlen(token), hash);
	if (password_hash != NULL)
		crypto_sha256(password_hash, strlen(password_hash), proof);
	st = pg_query(cx->pg, NULL,
	    "INSERT INTO sign_in_challenges (token_hash, user_id, proof, expires_at)"
	    " VALUES ($1, $2, $3, now() + make_interval(secs => $4))",
	    PX(hash, sizeof(hash)), PS(user_id), password_hash == NULL ? PNULL : PX(proof, sizeof(proof)),
	    PI(CHALLENGE_TTL_S));
	if (st != OK)
		return fail(cx, st, "opening a challenge");
	return fail_with(cx, E_SECOND_FACTOR,
	    json_pack("{s:s, s:i}", "challenge", token, "expires_in", CHALLENGE_TTL_S), "user %s", user_id);
}

enum status
sign_in_go_on(struct context *cx, const char *user_id, const char *password_hash, struct session_grant *out)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query_again(
	    cx->pg, &rows, "SELECT FROM user_factors WHERE user_id = $1 AND confirmed_at IS NOT NULL", PS(user_id));

	if (st != OK)
		return fail(cx, st, "looking up a second factor");
	return rows_count(rows) == 0 ? session_open(cx, user_id, password_hash, out)
				     : challenge_open(cx, user_id, password_hash);
}

enum status
challenge_answer(
    struct context *cx, const char *challenge, const char *code, struct session_grant *out, const char **user_id)
{
	AUTO_ROWS struct rows *rows = NULL;
	unsigned char hash[SHA256_BYTES];
	const char *password_hash;
	enum status st;

	*user_id = NULL;
	crypto_sha256(challenge, strlen(challenge), hash);
	st = pg_query(cx->pg, &rows,
	    "UPDATE sign_in_challenges c SET tries = c.tries + 1 FROM users u"
	    " WHERE c.token_hash = $1 AND c.expires_at > now() AND c.tries < " CHALLENGE_TRIES
	    " AND u.id = c.user_id AND (c.proof IS NULL OR c.proof = sha256(convert_to(u.password_hash, 'UTF8')))"
	    " RETURNING u.id, CASE WHEN c.proof IS NOT NULL THEN u.password_hash END AS password_hash",
	    PX(hash, sizeof(hash)));
	if (st != OK)
		return fail(cx, st, "looking up a challenge");
	if (rows_count(rows) == 0)
		return fail(cx, E_INVALID_TOKEN, "challenge unknown, over or tried too often");
	*user_id = arena_strdup(cx->arena, row_text(rows, 0, "id"));
	password_hash = row_null(rows, 0, "password_hash")
	    ? NULL
	    : arena_strdup(cx->arena, row_text(rows, 0, "password_hash"));
	st = use_code(cx, *user_id, code);
	if (st == E_NOT_FOUND) /* it was turned off meanwhile: begin anew */
		return fail(cx, E_INVALID_TOKEN, "the second factor is gone");
	if (st != OK)
		return st;
	if ((st = pg_query(
		 cx->pg, NULL, "DELETE FROM sign_in_challenges WHERE token_hash = $1", PX(hash, sizeof(hash)))) != OK)
		return fail(cx, st, "ending a challenge");
	return session_open(cx, *user_id, password_hash, out);
}

/* ---- turning it on and off --------------------------------------------- */

enum status
factor_json(struct context *cx, json_t **out)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query_again(cx->pg, &rows,
	    "SELECT json_build_object('enabled', f.user_id IS NOT NULL, 'required', u.role = 'admin' AND $2::boolean,"
	    " 'has_password', u.password_hash IS NOT NULL, 'confirmed_at', json_time(f.confirmed_at),"
	    " 'recovery_left', (SELECT count(*) FROM recovery_codes c WHERE c.user_id = f.user_id AND c.used_at IS NULL))"
	    " AS json FROM users u LEFT JOIN user_factors f ON f.user_id = u.id AND f.confirmed_at IS NOT NULL WHERE u.id = $1",
	    PS(cx->caller.user_id), PB(cx->conf->auth_admin_factor));

	if (st != OK)
		return fail(cx, st, "reading a second factor");
	if (rows_count(rows) == 0)
		return fail(cx, E_NOT_FOUND, "user %s", cx->caller.user_id);
	*out = row_json(rows, 0, "json");
	return OK;
}

/* What apps read (https://github.com/google/google-authenticator/wiki/Key-Uri-Format): who, and at which site. */
static enum status
factor_uri(struct context *cx, const char *secret, char **out)
{
	AUTO_ROWS struct rows *rows = NULL;
	const char *base = strstr(cx->conf->server_base_url, "://"), *site, *who;
	enum status st = pg_query_again(
	    cx->pg, &rows, "SELECT coalesce(email, phone) AS login FROM users WHERE id = $1", PS(cx->caller.user_id));

	if (st != OK)
		return fail(cx, st, "reading the account");
	base = base == NULL ? "weir" : base + 3;
	site = percent_encode(cx->arena, arena_strndup(cx->arena, base, strcspn(base, "/")));
	who = percent_encode(cx->arena, rows_count(rows) == 0 ? "" : row_text(rows, 0, "login"));
	*out = arena_printf(cx->arena, "otpauth://totp/%s:%s?secret=%s&issuer=%s", site, who, secret, site);
	return OK;
}

enum status
factor_begin(struct request *rq, const char *password, json_t **out)
{
	struct context *cx = &rq->cx;
	AUTO_ROWS struct rows *rows = NULL;
	unsigned char secret[TOTP_SECRET_BYTES], *sealed;
	char *text, *uri = NULL;
	size_t len;
	enum status st;

	if ((st = account_prove(rq, password)) != OK)
		return st;
	crypto_random(secret, sizeof(secret));
	text = base32_encode(cx->arena, secret, sizeof(secret));
	if ((st = secret_seal(cx->arena, cx->conf, text, &sealed, &len)) != OK)
		return fail(cx, st, "seal a second factor");
	if ((st = factor_uri(cx, text, &uri)) != OK)
		return st;
	st = pg_query(cx->pg, &rows,
	    "INSERT INTO user_factors AS f (user_id, secret_enc) VALUES ($1, $2) ON CONFLICT (user_id) DO UPDATE"
	    " SET secret_enc = excluded.secret_enc, created_at = now() WHERE f.confirmed_at IS NULL",
	    PS(cx->caller.user_id), PX(sealed, len));
	if (st != OK)
		return fail(cx, st, "keeping a second factor");
	if (rows_affected(rows) == 0)
		return fail(cx, E_CONFLICT, "there is a second factor");
	*out = json_pack("{s:s, s:s}", "secret", text, "uri", uri);
	return OK;
}

/* Make ten codes in the place of those there were; *out is {recovery_codes}.  In a transaction. */
static enum status
make_codes(struct context *cx, json_t **out)
{
	json_t *codes = json_array();
	const char *list = "";
	enum status st;

	for (int i = 0; i < RECOVERY_CODES; i++) {
		unsigned char bytes[RECOVERY_BYTES], hash[SHA256_BYTES];
		char hex[2 * SHA256_BYTES + 1], *text;

		crypto_random(bytes, sizeof(bytes));
		text = base32_encode(cx->arena, bytes, sizeof(bytes));
		crypto_sha256(text, strlen(text), hash);
		crypto_hex(hash, sizeof(hash), hex);
		list = arena_printf(cx->arena, "%s%s%s", list, i == 0 ? "" : ",", hex);
		json_array_append_new(codes,
		    json_string(arena_printf(cx->arena, "%.4s-%.4s-%.4s-%.4s", text, text + 4, text + 8, text + 12)));
	}
	st = pg_query(cx->pg, NULL, "DELETE FROM recovery_codes WHERE user_id = $1", PS(cx->caller.user_id));
	if (st == OK)
		st = pg_query(cx->pg, NULL,
		    "INSERT INTO recovery_codes (user_id, code_hash)"
		    " SELECT $1, decode(c, 'hex') FROM unnest(string_to_array($2, ',')) AS c",
		    PS(cx->caller.user_id), PS(list));
	if (st != OK) {
		json_decref(codes);
		return fail(cx, st, "making recovery codes");
	}
	*out = json_pack("{s:o}", "recovery_codes", codes);
	return OK;
}

/* The code fits what was begun: it counts from now on, and whoever signed in without it does so again. */
static enum status
confirm(struct context *cx, const char *code, json_t **out)
{
	AUTO_ROWS struct rows *rows = NULL;
	unsigned char secret[TOTP_SECRET_BYTES];
	int64_t step, count;
	enum status st;

	st = pg_query(cx->pg, &rows,
	    "SELECT secret_enc FROM user_factors WHERE user_id = $1 AND confirmed_at IS NULL FOR UPDATE",
	    PS(cx->caller.user_id));
	if (st != OK)
		return fail(cx, st, "reading a second factor");
	if (rows_count(rows) == 0)
		return fail(cx, E_NOT_FOUND, "no second factor was begun");
	if ((st = open_secret(cx, rows, secret)) != OK)
		return st;
	if (!totp_matches(secret, sizeof(secret), clock_wall_s(), 0, code, &step))
		return fail(cx, E_BAD_CODE, "wrong code");
	st = pg_query(cx->pg, NULL,
	    "UPDATE user_factors SET confirmed_at = now(), last_step = $2, failures = 0 WHERE user_id = $1",
	    PS(cx->caller.user_id), PI(step));
	if (st == OK)
		st = sessions_revoke(cx->pg, cx->caller.user_id, NULL, cx->caller.session_id, "second_factor", &count);
	return st == OK ? make_codes(cx, out) : fail(cx, st, "confirming a second factor");
}

static enum status
commit(struct context *cx, enum status st, json_t **out)
{
	if (st != OK) {
		context_rollback(cx);
		return st;
	}
	if ((st = context_commit(cx)) == OK)
		return OK;
	json_decref(*out);
	return fail(cx, st, "changing a second factor");
}

enum status
factor_confirm(struct context *cx, const char *code, json_t **out)
{
	enum status st = limits_account(cx, cx->caller.user_id);

	if (st != OK)
		return st;
	if ((st = pg_begin(cx->pg)) != OK)
		return fail(cx, st, "confirming a second factor");
	return commit(cx, confirm(cx, code, out), out);
}

enum status
factor_codes(struct request *rq, const char *password, const char *code, json_t **out)
{
	struct context *cx = &rq->cx;
	enum status st;

	if ((st = account_prove(rq, password)) != OK || (st = use_code(cx, cx->caller.user_id, code)) != OK)
		return st;
	if ((st = pg_begin(cx->pg)) != OK)
		return fail(cx, st, "making recovery codes");
	return commit(cx, make_codes(cx, out), out);
}

enum status
factor_reset(struct pg *pg, const char *user_id)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query_again(pg, &rows,
	    "WITH codes AS (DELETE FROM recovery_codes WHERE user_id = $1),"
	    " open AS (DELETE FROM sign_in_challenges WHERE user_id = $1)"
	    " DELETE FROM user_factors WHERE user_id = $1 RETURNING user_id",
	    PS(user_id));

	return st == OK && rows_count(rows) == 0 ? E_NOT_FOUND : st;
}

enum status
factor_remove(struct request *rq, const char *password, const char *code)
{
	enum status st;

	if ((st = account_prove(rq, password)) != OK || (st = use_code(&rq->cx, rq->cx.caller.user_id, code)) != OK)
		return st;
	st = factor_reset(rq->cx.pg, rq->cx.caller.user_id);
	return st == OK ? OK : fail(&rq->cx, st, "turning off a second factor");
}
