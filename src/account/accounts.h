/*
 * Accounts: who there is, how they sign in, what they may be called.
 *
 * A login name is an e-mail address or a phone number.  Addresses are kept with
 * their domain in lower case and found in whatever case; no two accounts differ
 * by case only.  Phone numbers are kept in E.164 and found as well when they were
 * kept as typed, before that was done.  Names are kept in NFC.  Nothing here says
 * whether an account exists to somebody who cannot prove it is theirs, but for
 * registering one that is taken.
 */
#ifndef WEIR_ACCOUNT_ACCOUNTS_H
#define WEIR_ACCOUNT_ACCOUNTS_H

#include "core/request.h"
#include "account/sessions.h"

#define NICKNAME_CHARS_MAX 64
#define LOGIN_CHARS_MAX 254

/* Who wants to register; strings are borrowed. */
struct registration {
	const char *email, *phone; /* at least one */
	const char *password, *nickname, *invitation;
};

/* Make an account as conf->auth_registration allows, with its gifts as ledger
 * entries, and sign it in, all in one transaction.  E_REGISTRATION_CLOSED;
 * E_INVALID_TOKEN the invitation is unknown, over or used up; E_CONFLICT with
 * details.field the login name is taken; E_OVERLOADED. */
enum status account_register(struct request *rq, const struct registration *in, struct session_grant *out) MUST_CHECK;
/* Sign in.  E_BAD_CREDENTIALS, after the same time, for an unknown name and a
 * wrong password; E_ACCOUNT_DISABLED only when the password was right.  A hash of
 * an older kind is replaced.  E_RATE_LIMITED, for a name nobody has as well;
 * E_SECOND_FACTOR as account/factor.h has it; E_OVERLOADED as account/passwords.h has it.  *user_id is whose password was tried, NULL when
 * nobody's. */
enum status account_login(struct request *rq, const char *login, const char *password, struct session_grant *out,
    const char **user_id) MUST_CHECK;
/* Change the caller's password and revoke all other sessions.
 * E_INVALID_REQUEST (current_password) when the current one is wrong. */
enum status account_change_password(struct request *rq, const char *current, const char *password) MUST_CHECK;
/* The caller is its owner, and not only who found an open page: `password` is his (counted as account_login()
 * does), or, of an account that has none, he signed in within the last ten minutes.  E_INVALID_REQUEST (password)
 * it is wrong; E_SIGN_IN_AGAIN; E_RATE_LIMITED.  In routes with ROUTE_PASSWORD. */
enum status account_prove(struct request *rq, const char *password) MUST_CHECK;
/* Mail a link to set a new password to the account with that address, if there is one
 * that is active and was not mailed too often lately: *user_id is whose it is, NULL: nobody's.
 * Token and mail are there together or not at all. */
enum status account_forgot(struct context *cx, const char *email, const char **user_id) MUST_CHECK;
/* Set a password by such a token and revoke all sessions.  E_INVALID_TOKEN. */
enum status account_reset(struct request *rq, const char *token, const char *password, const char **user_id) MUST_CHECK;

/* The account as its owner sees it (GET /api/me); the caller owns *out.
 * E_NOT_FOUND. */
enum status account_json(struct context *cx, const char *user_id, json_t **out) MUST_CHECK;
/* Set what is not NULL. */
enum status account_update(
    struct context *cx, const char *user_id, const char *nickname, const char *locale) MUST_CHECK;

/* ---- for operators: weirctl and admin routes --------------------------- */

/* The id of the account with that e-mail address or phone number.  E_NOT_FOUND. */
enum status account_find(
    struct arena *a, const struct conf *conf, struct pg *pg, const char *login, char out[UUID_LEN]) MUST_CHECK;
/* A new account, without gifts.  `email` or `phone` may be NULL.  E_CONFLICT;
 * E_INVALID_REQUEST the phone number has no + and conf->auth_phone_country does
 * not help, or it is none. */
struct account_new {
	const char *email, *phone, *nickname, *password_hash, *role, *locale;
};
enum status account_create(struct arena *a, const struct conf *conf, struct pg *pg, const struct account_new *in,
    char out_id[UUID_LEN]) MUST_CHECK;
/* Set the hash and revoke every session.  E_NOT_FOUND. */
enum status account_set_password(struct pg *pg, const char *user_id, const char *password_hash) MUST_CHECK;
/* role: "user" or "admin".  E_NOT_FOUND. */
enum status account_set_role(struct pg *pg, const char *user_id, const char *role) MUST_CHECK;
/* Disabling revokes every session at once.  E_NOT_FOUND. */
enum status account_set_active(struct pg *pg, const char *user_id, bool active) MUST_CHECK;

#endif
