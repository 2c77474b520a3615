/*
 * Accounts that leave.
 *
 *	account_leave()	password and typed name: sessions, API keys and shared links end at once
 *	session_open()	within [auth] delete_after: it stays after all, its keys and links do not come back
 *	j_account_erase	afterwards: what it keeps is removed piece by piece, its row stays without a
 *			name, with its balance, history and usage (functions/trust.sql)
 *
 * Worker-only.
 */
#ifndef WEIR_ACCOUNT_EXIT_H
#define WEIR_ACCOUNT_EXIT_H

#include "core/request.h"
#include "jobs/job.h"

/* The caller deletes his account; `name` is its e-mail address or phone number.  *out is {erase_at}, the
 * caller's reference.  Errors of account_prove(); E_INVALID_REQUEST (name) it is another; E_CONFLICT nobody
 * else is an admin. */
enum status account_leave(struct request *rq, const char *password, const char *name, json_t **out) MUST_CHECK;
/* A kind of job: erase the account it is about, when its time has come and nobody took that back. */
enum status j_account_erase(struct context *cx, struct job *job);

#endif
