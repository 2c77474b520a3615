/*
 * The second factor: a code by time (account/totp.h) after the password, or one of ten
 * recovery codes.
 *
 *	first half	password, or an OpenID provider ──► challenge_open(): E_SECOND_FACTOR with
 *			details {challenge, expires_in}, no session yet
 *	second half	challenge_answer(): challenge and code ──► session
 *
 * A challenge lives five minutes, takes five tries and is worth nothing for anything else.
 * Each code counts once.  Wrong ones are counted by account as well: from the fifth in a row on
 * the next has to wait, up to an hour; recovery codes, which nobody guesses, need not.
 *
 * Factor JSON: {enabled, required, has_password, confirmed_at, recovery_left}.
 *
 * Worker-only; a json_t given out is the caller's.
 */
#ifndef WEIR_ACCOUNT_FACTOR_H
#define WEIR_ACCOUNT_FACTOR_H

#include "account/sessions.h"
#include "core/request.h"

#define CODE_CHARS_MAX 40 /* of both kinds, with what people type between */

/* The first half is done: open a session, or (E_SECOND_FACTOR) ask for the second.  `password_hash`
 * is the one that was met, NULL: it was no password.  Errors of session_open(). */
enum status sign_in_go_on(
    struct context *cx, const char *user_id, const char *password_hash, struct session_grant *out) MUST_CHECK;
/* The second half.  E_INVALID_TOKEN the challenge is unknown, over, or tried too often; E_BAD_CODE;
 * E_RATE_LIMITED.  *user_id is whose it is, NULL: nobody's. */
enum status challenge_answer(struct context *cx, const char *challenge, const char *code, struct session_grant *out,
    const char **user_id) MUST_CHECK;

/* The caller's. */
enum status factor_json(struct context *cx, json_t **out) MUST_CHECK;
/* Make a secret for the caller, {secret, uri}: it asks for nothing until factor_confirm().  E_CONFLICT there is one. */
enum status factor_begin(struct request *rq, const char *password, json_t **out) MUST_CHECK;
/* The caller's app shows this code: the factor counts from now on.  {recovery_codes}; every other session ends.
 * E_BAD_CODE; E_NOT_FOUND nothing was begun. */
enum status factor_confirm(struct context *cx, const char *code, json_t **out) MUST_CHECK;
/* Ten new recovery codes in the place of the old ones, {recovery_codes}.  E_BAD_CODE, E_NOT_FOUND. */
enum status factor_codes(struct request *rq, const char *password, const char *code, json_t **out) MUST_CHECK;
/* Turn it off.  E_BAD_CODE, E_NOT_FOUND. */
enum status factor_remove(struct request *rq, const char *password, const char *code) MUST_CHECK;
/* Take away whatever second factor an account has: for admins and weirctl.  E_NOT_FOUND it has none. */
enum status factor_reset(struct pg *pg, const char *user_id) MUST_CHECK;

#endif
