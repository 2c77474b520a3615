/* Who may see /metrics and /status. */
#ifndef WEIR_ACCOUNT_OPS_H
#define WEIR_ACCOUNT_OPS_H

#include "core/request.h"

/* What the auth stage asks for CALLER_OPS routes.  OK when the request comes
 * from a loopback address and was not forwarded by another proxy, or carries
 * [server] ops_token as its Bearer token.  E_UNAUTHENTICATED when a token could
 * help, E_FORBIDDEN when none is configured.  Worker. */
enum status ops_guard(struct request *rq) MUST_CHECK;
/* The address rule alone: 127.0.0.0/8 or ::1. */
bool ops_is_loopback(const char *address);

#endif
