/*
 * An incremental reader of server-sent events: bytes in any slicing, one call
 * per event.  Follows the WHATWG HTML standard, 9.2.5 and 9.2.6 (parsing and
 * interpreting an event stream), with two additions: a cap on the size of an
 * event, so that a line without end cannot take the memory; and sse_end() for
 * who wants an event that the stream did not finish.
 *
 * Knows nothing of UTF-8 but the byte order mark; whoever uses the data checks
 * it.  An event the stream did not finish with an empty line is dropped, as
 * the standard says, unless sse_end() is called.  One reader belongs to one thread at a time.
 */
#ifndef WEIR_BASE_SSE_H
#define WEIR_BASE_SSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/status.h"

/* One event.  The texts are followed by a NUL that is not counted and live
 * until the callback returns. */
struct sse_event {
	const char *type; /* of the "event:" field; "" when there was none: "message" */
	size_t type_len;
	const char *data; /* the "data:" lines, joined by LF */
	size_t data_len;
	const char *id; /* the last "id:" seen on this stream, "" before the first */
	size_t id_len;
};

/* False stops the reader: sse_feed() returns SSE_STOPPED at once. */
typedef bool sse_event_fn(void *arg, const struct sse_event *event);

enum sse_result {
	SSE_OK,
	SSE_STOPPED,  /* the callback said so; nothing more may be fed */
	SSE_TOO_LONG, /* a line or an event over the cap; nothing more may be fed */
};

/* The fields are the reader's own. */
struct sse {
	struct buf line, type, data, id;
	size_t max_event_bytes;
	int64_t retry_ms; /* the last "retry:" field; -1: none.  May be read. */
	enum sse_result result;
	unsigned char bom_bytes; /* of the mark seen at the very start; 3: past it */
	bool after_cr;		 /* the LF of a CRLF may come */
	bool has_data;		 /* a data field was seen: the event counts */
};

/* A reader that accepts lines, and data of events, of at most max_event_bytes (not 0). */
void sse_init(struct sse *s, size_t max_event_bytes);
/* Release its memory. */
void sse_free(struct sse *s);
/* Feed bytes; calls fn for every event they complete, in order.  Once it has
 * returned anything but SSE_OK it returns the same again and reads no more. */
enum sse_result sse_feed(struct sse *s, const char *bytes, size_t len, sse_event_fn *fn, void *arg) MUST_CHECK;
/* The bytes ended: calls fn for the event that no empty line and maybe no line
 * end has finished, if there is one.  It may have been cut. */
enum sse_result sse_end(struct sse *s, sse_event_fn *fn, void *arg) MUST_CHECK;

#endif
