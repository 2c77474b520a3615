/*
 * How a client of some vendor's SDK is talked to, or our own page: the events of
 * a stream, a whole answer, an error.  Formats and nothing else.
 *
 * What an answer consists of is told in two neutral pieces of JSON: the start
 * ({model, task_id, …}) and the end ({"type":"done"|"error"|"cancelled","data":{…}}),
 * which the journal keeps, so that a stream may be resumed in any dialect.
 */
#ifndef WEIR_WIRE_DIALECT_H
#define WEIR_WIRE_DIALECT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/status.h"

struct dialect {
	const char *name;
	const char *keepalive; /* what keeps a quiet stream alive */

	/* Append to a stream.  `position` is the byte of the answer after the piece:
	 * where a reader that comes back goes on.  Reactor. */
	void (*start)(struct buf *out, const char *start_json);
	void (*delta)(struct buf *out, bool reasoning, uint64_t position, const char *text, size_t len);
	void (*end)(struct buf *out, uint64_t position, const char *end_json);
	/* The stream ends for this reader, who is told why; the answer may go on, and
	 * its place in it stays what the last piece said. */
	void (*cut)(struct buf *out, enum status why, const char *message);
	/* The body of an answer that is not streamed, malloc'ed, and its status.
	 * start_json may be NULL.  Worker: it costs what the answer is long. */
	char *(*whole)(
	    const char *start_json, const char *end_json, enum lang lang, const char *request_id, int *http_status);
	/* The body of an error before any of that; the reference to `details` (may be
	 * NULL) is taken over. */
	json_t *(*error)(enum status st, const char *message, json_t *details, const char *request_id);
};

#endif
