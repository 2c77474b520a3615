/*
 * One HTTP request and its whole answer, waited for: what jobs and weirctl do with an
 * object store.  Bodies come from and go to descriptors, so that their size does not matter.
 * No address guard: only for addresses that the operator names.
 *
 * A struct transfer keeps its connection for the next request.  One thread at a time;
 * never the reactor.
 */
#ifndef WEIR_IO_TRANSFER_H
#define WEIR_IO_TRANSFER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/status.h"

struct transfer;

struct transfer_spec {
	const char *method, *url;
	const char *const *headers; /* "Name: value", NULL-terminated */
	/* The body: bytes, or body_len of them at body_at of a descriptor; NULL and -1: none. */
	const void *body;
	int body_fd;
	int64_t body_at, body_len;
	/* Where the body of a 2xx answer goes, from its offset on; -1: to `answer`, as all other answers do. */
	int to_fd;
	struct buf *answer;   /* its cap is that of an answer; what is past it is cut off */
	int64_t max_fd_bytes; /* of to_fd */
	int64_t connect_ms;   /* to be connected */
	int64_t stall_ms;     /* may pass without a byte, at least 1 s */
	int64_t total_ms;     /* for all of it; 0: as long as bytes come */
};

struct transfer *transfer_new(void);
void transfer_free(struct transfer *x);
/* Ask; *http_status is the answer's.  E_TOO_LARGE past max_fd_bytes, E_STORAGE_FULL to_fd could not be written,
 * E_UNAVAILABLE the rest, with the reason in *why (until the next request). */
enum status transfer_run(
    struct transfer *x, const struct transfer_spec *spec, int *http_status, const char **why) MUST_CHECK;
/* A header of the last answer, or NULL; until the next request. */
const char *transfer_header(struct transfer *x, const char *name);

#endif
