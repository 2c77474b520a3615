/*
 * Which version of the models and channels, and of the API keys, holds: asked a few
 * times a second for all requests, so that none has to ask.  What was read at
 * that version is still true; whoever changes one tells the processes at once, over
 * Redis, and without Redis they know within a quarter of a second.
 *
 *	{prefix}versions	a channel: look now
 *
 * What is told is never older than VERSIONS_TRUSTED_MS: while PostgreSQL does not
 * answer, or a worker is not to be had, nothing is told, and each request asks.
 */
#ifndef WEIR_CORE_VERSIONS_H
#define WEIR_CORE_VERSIONS_H

#include <stdbool.h>

#include "core/context.h"
#include "core/process.h"

#define VERSIONS_TRUSTED_MS 1000
#define VERSION_LEN 24

enum version { VERSION_CATALOG, VERSION_KEYS, VERSIONS };

struct versions;

/* Look from now on.  Main thread, before process_start(). */
void versions_start(struct process *p);
void versions_free(struct process *p);
/* The version that holds, in `out`.  False: nobody knows, ask.  `p` may be NULL.  Any thread. */
bool versions_current(const struct process *p, enum version which, char out[VERSION_LEN]);
/* Something of either was changed: tell everybody once that is committed. */
void versions_changed(struct context *cx);

#endif
