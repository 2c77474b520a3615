/* A provider calls back: something became of a task it was asked for. */
#ifndef WEIR_MEDIA_CALLED_H
#define WEIR_MEDIA_CALLED_H

#include "core/context.h"

/* Wake the job of that task, which asks the provider: of what the call says nothing is believed but the
 * provider's id of the task, and that only where the answer that told it was lost.  The token is the one that only
 * the provider was told.  E_NOT_FOUND: no such task or another token.  Worker. */
enum status media_called(struct context *cx, const char *provider, const char *task_id, const char *token,
    const char *body, size_t len) MUST_CHECK;

#endif
