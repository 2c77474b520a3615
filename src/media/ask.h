/*
 * One exchange with a provider, for a job: its thread waits for it, on a reactor of its
 * own.  Each goes on a connection of its own, so that libcurl sends nothing twice.
 */
#ifndef WEIR_MEDIA_ASK_H
#define WEIR_MEDIA_ASK_H

#include <stdatomic.h>

#include "base/buf.h"
#include "catalog/offer.h"
#include "core/context.h"
#include "core/spool.h"
#include "io/http.h"
#include "jobs/job.h"
#include "wire/wire.h"

struct exchange {
	/* what to ask whom; borrowed */
	const struct offer_account *account; /* its proxy, and whether it may be at a private address */
	struct wire_request rq;
	int64_t total_ms, max_bytes;
	struct spool *file;    /* the body of a 2xx goes there; NULL: into `body` */
	const struct job *job; /* given up when this should stop; NULL: never */

	/* how it ended */
	enum http_result result;
	bool was_full; /* the file could not be written */
	int http_status;
	const char *location; /* of a redirection, in the arena; NULL: none */
	struct buf body;      /* freed with the arena */
	char detail[256];
};

/* Do it.  Worker of weir-worker. */
void exchange_run(struct context *cx, struct exchange *e);
/* Is it sure that nothing of the request has left? */
bool exchange_unsent(const struct exchange *e);

#endif
