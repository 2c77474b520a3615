/*
 * Reads one HTTP/1.1 response from bytes as they arrive: head, body by length,
 * chunks or end of connection, and in a text/event-stream body what a chat
 * stream says. Two wires are known: Weir's own events, and chat completion
 * chunks, as Weir's upstream sends them.
 *
 * It reads what well-behaved servers send and calls everything else malformed.
 */
#ifndef WEIR_BENCH_RESPONSE_H
#define WEIR_BENCH_RESPONSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "load/hist.h"

enum response_state {
	R_HEAD,
	R_LENGTH,
	R_CHUNK_SIZE,
	R_CHUNK_DATA,
	R_CHUNK_END,
	R_TRAILER,
	R_TO_CLOSE,
	R_COMPLETE,
	R_MALFORMED
};

struct response {
	enum response_state state;
	int status;	       /* of the status line */
	bool keeps, is_stream; /* connection stays open; text/event-stream */
	bool has_done;	       /* "data: [DONE]" came */
	bool has_finish;       /* the answer's regular end came: done, or finish_reason */
	bool has_content;      /* first content seen */
	int64_t first_ns;      /* when */
	uint64_t left_bytes;   /* of a body by length, or of the chunk */
	uint64_t body_bytes, deltas;
	char error[48];	 /* code of an error event or error body; "" */
	struct buf line; /* the unfinished line (head, event, chunk size) */
	struct buf text; /* the start of a body that is no stream */
};

/* Where the times of deltas go, when they carry one (weir-demo's ts=1). */
struct chunk_times {
	struct hist *added; /* arrival minus the time in the delta */
	int64_t from_ns, to_ns;
};

/* Begin a new response, keeping the buffers. */
void response_reset(struct response *r);
void response_free(struct response *r);
/* Take `len` bytes that arrived at `now_ns` (CLOCK_MONOTONIC). Stops at the
 * response's end; returns how many bytes were used. */
size_t response_feed(struct response *r, const char *bytes, size_t len, int64_t now_ns, struct chunk_times *times);
/* The connection was closed: true when that is a regular end. */
bool response_closed(struct response *r);
/* Why this complete response is no success, or NULL: "status 429
 * rate_limited", "event upstream_failed", "stream cut" ... Static or in `out`. */
const char *response_problem(const struct response *r, char out[80]);

#endif
