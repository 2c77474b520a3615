/*
 * The audit log: who did what, from where, and whether it worked.
 *
 *	audit(rq, "auth.login", user_object, "ok", NULL);
 *
 * Actions are "area.verb" (auth.login, credits.grant, channel.update), objects
 * "kind:id" (user:01890f5e-...), results "ok", "denied" or an error code.
 * A row that cannot be written is logged as an error and fails nothing.
 */
#ifndef WEIR_CORE_AUDIT_H
#define WEIR_CORE_AUDIT_H

#include <jansson.h>

#include "core/request.h"

/* Write a row about what the caller did.  `object` may be NULL, and lives as
 * long as the arena, as `action` and `result` do; the reference to `details` (may
 * be NULL) is taken over; never put a secret into it.  Inside a transaction "ok"
 * shares its fate; anything else is written when it is over, however it ended.
 * Worker. */
void audit(struct context *cx, const char *action, const char *object, const char *result, json_t *details);
/* The same from the command line: no caller, no address; details say "by":
 * "weirctl" and the login name of the operator. */
void audit_operator(struct pg *pg, const char *action, const char *object, const char *result, json_t *details);
/* `ip`, or NULL when it is no address that PostgreSQL can read. */
const char *audit_address(const char *ip);
/* "user:ID" in the request's arena, for `object`; NULL for NULL. */
const char *audit_user(struct context *cx, const char *user_id);

#endif
