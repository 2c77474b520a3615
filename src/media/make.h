/*
 * A picture or film is wanted: its task, with a hold of what it will cost, and the job that
 * has it made (media/steps.h), in one transaction.
 */
#ifndef WEIR_MEDIA_MAKE_H
#define WEIR_MEDIA_MAKE_H

#include "core/request.h"
#include "media/params.h"

/* Open a task of what the request's body wants, and answer with it: 202, or when the body
 * says `wait` and it ends in time, 200.  With an Idempotency-Key that was used before, the
 * task of then.  E_INVALID_REQUEST names the field; E_UNAVAILABLE no channel;
 * E_PRICE_UNKNOWN; errors of gate_open().  Worker. */
enum status media_make(struct request *rq, enum media_op op) MUST_CHECK;

#endif
