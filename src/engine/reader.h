/*
 * Who reads a turn: a sink and the wire it wants the answer in.
 *
 *	READER_SSE	start, content…, done|error|cancelled, [DONE] as they come
 *	READER_JSON	nothing until the end, then one JSON answer with its status
 *
 * The same events serve the owner's reader and those that join later
 * (engine/follow.h).  A position in a turn is the number of bytes of text and
 * reasoning delivered up to there; it is the event id, so that a reader that
 * comes back says how far it got.  Reactor thread.
 */
#ifndef WEIR_ENGINE_READER_H
#define WEIR_ENGINE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/request.h"
#include "core/sink.h"

enum reader_wire { READER_SSE, READER_JSON };

struct reader {
	struct sink *sink; /* NULL: nobody reads */
	enum reader_wire wire;
	enum lang lang;
	const char *common_headers, *request_id; /* borrowed from the owner's arena */
	char *start_json;			 /* READER_JSON: data of the start event, part of the answer; owned */
};

/* What a reader of `rq` needs, copied to `arena`; no sink yet.  Worker. */
void reader_prepare(struct reader *r, struct arena *arena, const struct request *rq, enum reader_wire wire);
/* Take over the connection and write the headers (SSE).  What is written leaves with
 * reader_flush() or reader_end(). */
void reader_open(struct reader *r, struct process *process, struct fcgi_conn *conn, void (*on_gone)(void *),
    void (*on_drain)(void *), void *arg);
/* data of the start event. */
void reader_start(struct reader *r, const char *data_json);
/* A piece of the answer that ends at `end_offset`. */
void reader_delta(struct reader *r, bool reasoning, uint64_t end_offset, const char *text, size_t len);
/* Send what was written.  NULL sink is fine. */
void reader_flush(struct reader *r);
/* The terminal event ({"type":"done",…}), then [DONE]; closes the sink. */
void reader_end(struct reader *r, uint64_t end_offset, const char *event_json);
/* Close without an end; the reader sees a cut.  NULL sink is fine. */
void reader_abandon(struct reader *r);

#endif
