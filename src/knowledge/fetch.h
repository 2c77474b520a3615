/* A document at an address of the open net. */
#ifndef WEIR_KNOWLEDGE_FETCH_H
#define WEIR_KNOWLEDGE_FETCH_H

#include "core/spool.h"
#include "jobs/job.h"

/* Into the open spool, at most [knowledge] max_bytes, from an address that is not in a private
 * network ([knowledge] allow_private: or is), by way of at most three redirections.  *filename (in the arena): what it is
 * called there, or "".  E_FORBIDDEN such an address; E_TOO_LARGE; E_UPSTREAM_FAILED it could not be had;
 * E_STORAGE_FULL; E_INTERRUPTED.  Waits, for a job. */
enum status knowledge_fetch(
    struct context *cx, const struct job *job, const char *url, struct spool *file, const char **filename) MUST_CHECK;

#endif
