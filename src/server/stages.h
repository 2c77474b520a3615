/*
 * The stages a request passes, in this order; each answers OK or ends it.
 *
 *	identify   request id, trace, language, address      stage_identify.c
 *	route      the row of routes.def                     router.c
 *	auth       who calls, may they                       account/auth.c
 *	limits     rate limits in one Lua call               limits/rates.c
 *	body       size cap, JSON, field table               stage_body.c
 *	idempotency  first time, replay or conflict          core/idempotency.c
 *	(handler)
 *	reply      headers, body or error; access log        stage_reply.c
 */
#ifndef WEIR_SERVER_STAGES_H
#define WEIR_SERVER_STAGES_H

#include "core/request.h"

/* Fill in who asks what, from the FastCGI parameters.  E_URI_TOO_LONG,
 * E_INVALID_REQUEST. */
enum status stage_identify(struct request *rq) MUST_CHECK;

/* Read the body within the route's cap, check its type, parse and validate it.
 * E_TOO_LARGE, E_UNSUPPORTED_MEDIA_TYPE, E_INVALID_REQUEST, E_UNAVAILABLE (the
 * client is gone). */
enum status stage_body(struct request *rq) MUST_CHECK;
/* Read and forget the body of a request that failed before its body. */
void stage_body_discard(struct request *rq);

/* Send what the stages and the handler made: a reply, or the error in rq->error.
 * Does not end the connection. */
void stage_reply(struct request *rq);
/* Answer a CORS preflight; true when the request was one. */
bool stage_preflight(struct request *rq);
/* The header lines every answer of `rq` carries: X-Request-Id, security, CORS,
 * extra headers. */
const char *reply_common_headers(struct request *rq);

#endif
