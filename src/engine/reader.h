/*
 * Who listens to an answer: a dialect and a sink.  As a stream of events, or as
 * one whole answer at the end.  Knows nothing of providers.
 *
 * The worker that opens a request prepares it; the reactor has it from
 * reader_open() on; the worker that settles makes a whole answer's body.
 */
#ifndef WEIR_ENGINE_READER_H
#define WEIR_ENGINE_READER_H

#include "core/request.h"
#include "core/sink.h"
#include "engine/answer.h"
#include "wire/dialect.h"

/* How an answer is wanted. */
struct reader_wants {
	const struct dialect *dialect;
	bool whole;	  /* in one piece */
	bool usage;	  /* in a stream, where that is a choice */
	const char *echo; /* as in the encoder; borrowed until reader_prepare() */
	/* Of a follower: the numbered events he has (as in the encoder), and bytes of the answer in them. */
	uint64_t seen_events, seen_bytes;
};

struct reader {
	struct reader_wants wants;
	struct encoder encoder; /* its id, model and time are the run's to set */
	enum lang lang;
	struct sink *sink; /* NULL once the reader is gone */
	struct process *process;
	char *common_headers; /* NULL once they are sent */
	const char *request_id;
	char *start_kept; /* of a whole answer, or until the stream begins */
	bool begun;	  /* the stream has its headers */
	struct buf own;	  /* of a whole answer in the provider's own words: its lines */
	/* A reader who comes back: dialects remember what they told, so that it is told again,
	 * and not sent up to this position; with its start when that was seen. */
	uint64_t seen;
	bool has_seen_start;
	char *whole; /* its body, */
	size_t whole_len;
	int whole_status;	/* status */
	const char *whole_type; /* and type; NULL: JSON */
	/* Of an answer that passes as bytes: what is told of one that ended well, if it was
	 * not given away as it came (NULL, 0); the run's to set, freed with the reader. */
	char *bytes;
	size_t bytes_len;
	const char *bytes_type; /* lives as long as the run */
	bool passes_bytes;	/* the stream that was begun is one of bytes */
	bool is_events;		/* namely of events */
};

/* Take from `rq` what it needs; strings go to `arena`.  Worker. */
void reader_prepare(struct reader *r, struct arena *arena, const struct request *rq, const struct reader_wants *wants);
/* Take the connection; on_gone as in core/sink.h.  Reactor. */
void reader_open(struct reader *r, struct process *process, struct fcgi_conn *conn, void (*on_gone)(void *),
    void (*on_drain)(void *), void *arg);
/* For a whole answer made before reader_start(): what it begins with.  Worker. */
void reader_keep_start(struct reader *r, const char *start_json);
/* The start event, at once or with the first piece, as the dialect is.  Reactor. */
void reader_start(struct reader *r, const char *start_json);
/* A piece of the answer.  Reactor. */
void reader_piece(struct reader *r, const struct piece *piece);
void reader_flush(struct reader *r);
/* Give it what is pending of an answer, and forget that; a->delivered is its end.
 * False: the reader has more than high_water_bytes yet to take.  Reactor. */
bool reader_give(struct reader *r, struct answer *a, size_t high_water_bytes);
/* For a whole answer: make its body, before reader_end().  Worker. */
void reader_make_whole(struct reader *r, const char *end_json);
/* The terminal event or the whole answer; the connection ends.  Reactor. */
void reader_end(struct reader *r, uint64_t position, const char *end_json);
/* Tell it that it may not go on listening, and why; the connection ends.  Reactor. */
void reader_cut(struct reader *r, enum status why);
/* Nobody is there any more, or nobody is to be told.  NULL sinks are fine.  Reactor. */
void reader_abandon(struct reader *r);
/* What a reader that never got a sink keeps.  Any thread. */
void reader_free(struct reader *r);

#endif
