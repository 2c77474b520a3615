/*
 * reqlog -- weir-demo's request log: one JSON object per line, for auditors.
 *
 * "flushed" counts what the kernel took for delivery to the client; after a
 * disconnect the client may have read less, never more. The members are
 * described in weir-demo(1), section REQUEST LOG.
 */
#ifndef WEIR_DEMO_REQLOG_H
#define WEIR_DEMO_REQLOG_H

#include <stdbool.h>
#include <stdint.h>

#include "demo/ask.h"

#define REQLOG_HEADER_BYTES 136

struct reqlog {
	int64_t started_wall_ms, started_us; /* CLOCK_REALTIME, CLOCK_MONOTONIC */
	int64_t first_byte_us;		     /* CLOCK_MONOTONIC; 0: none sent */
	char method[12], path[128], model[ASK_MODEL_BYTES];
	char request_id[REQLOG_HEADER_BYTES]; /* X-Request-Id of the request */
	char traceparent[REQLOG_HEADER_BYTES];
	char task[REQLOG_HEADER_BYTES]; /* X-Weir-Task */
	const char *id;			/* of the answer */
	const char *fault;		/* word of the fault that was played */
	int status;			/* 0: no status line was sent */
	bool is_stream, is_silent;	/* silent: not logged (health, stats) */
	uint32_t prompt_tokens;
	uint32_t deltas, thoughts; /* appended */
	uint32_t deltas_flushed, thoughts_flushed;
	uint64_t bytes, bytes_flushed; /* of the response, headers included */
};

/* Write the line to fd; how says how the request ended. */
void reqlog_write(const struct reqlog *log, int fd, const char *how);

#endif
