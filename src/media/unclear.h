/*
 * Tasks of which nobody knows whether their provider has them: an operator looks there, and
 * decides.
 */
#ifndef WEIR_MEDIA_UNCLEAR_H
#define WEIR_MEDIA_UNCLEAR_H

#include "core/context.h"

/* Those that are unclear, or ended so within 30 days, the newest 100: [{task_id, user, channel, model, external_id,
 * status, sent_at}], in the arena. */
enum status unclear_list(struct context *cx, json_t **items) MUST_CHECK;
/* It is the provider's task of that id: it is asked after from now on.  E_NOT_FOUND, E_CONFLICT it is not unclear, or another
 * has that id; E_INVALID_REQUEST its provider cannot be asked, or has no such ids. */
enum status unclear_adopt(struct context *cx, const char *task_id, const char *external_id) MUST_CHECK;
/* It failed; what was held goes back.  E_NOT_FOUND, E_CONFLICT.  Any thread that may wait. */
enum status unclear_fail(struct context *cx, const char *task_id) MUST_CHECK;

#endif
