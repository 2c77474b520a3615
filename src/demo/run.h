/*
 * run -- one request and its scripted answer.
 *
 * run_start() reads the request and decides everything; run_step() then
 * appends the next bytes of the answer to the connection's out buffer and
 * says what has to happen before the next step. The connection calls both
 * on its loop's thread and owns the run.
 */
#ifndef WEIR_DEMO_RUN_H
#define WEIR_DEMO_RUN_H

#include "base/buf.h"
#include "demo/h1.h"
#include "demo/reqlog.h"
#include "demo/server.h"
#include "demo/speak.h"

enum run_verdict {
	RUN_MORE,  /* call again as soon as there is room */
	RUN_WAIT,  /* call again after wait_us */
	RUN_HANG,  /* never call again: wait for the client to leave */
	RUN_END,   /* the answer is complete */
	RUN_CLOSE, /* send what is there, then close */
	RUN_RESET, /* send what is there, then reset */
};

enum run_phase {
	PHASE_DELAY,   /* planned, nothing sent */
	PHASE_HEAD,    /* nothing sent, the delay is over */
	PHASE_BODY,    /* headers of a not streamed answer sent */
	PHASE_FIRST,   /* headers sent, the wait before the content is over */
	PHASE_DELTAS,  /* reasoning, then content */
	PHASE_LONG,    /* inside the line of long-line */
	PHASE_TAIL,    /* finish_reason, usage, [DONE] */
	PHASE_CHATTER, /* after the last event: comments for ever */
	PHASE_RESET,   /* everything sent, give it time to arrive, then reset */
	PHASE_OVER,
};

struct run {
	struct script script;
	enum run_phase phase;
	int64_t wait_us;     /* for RUN_WAIT */
	int64_t due_us;	     /* CLOCK_MONOTONIC time of the next delta */
	int64_t interval_us; /* between deltas */
	bool is_scripted;    /* a request that was understood */
	bool is_stream;	     /* answers with server-sent events */
	bool is_slices;	     /* every byte in an HTTP chunk of its own */
	bool keep_alive;     /* the connection may serve another request */
	bool is_http10;	     /* no chunked coding */
	bool fault_done;     /* the fault at `at` has happened */
	bool is_cut_short;   /* max tokens ended the answer */
	bool wants_usage;
	struct buf text;		     /* of the whole answer, once */
	struct buf think;		     /* of the reasoning */
	size_t text_at, think_at;	     /* next piece */
	uint32_t texts;			     /* of the deltas; the others are of calls */
	uint32_t deltas, thoughts;	     /* to send */
	uint32_t deltas_sent, thoughts_sent; /* appended to out */
	uint32_t tail_events;		     /* events after the last delta */
	uint32_t fault_at;		     /* content deltas before the fault */
	uint32_t prompt_tokens;
	size_t long_left; /* bytes of long-line still to come */
	size_t model_len; /* of the base name in log.model */
	struct buf piece; /* text of the delta being made */
	struct buf body;  /* a not streamed answer, and its type; or the text to repeat */
	const char *body_type;
	char header[80];	/* one more header line with its CRLF, or "" */
	struct squeeze squeeze; /* of a stream */
	struct speech speech;
	struct call calls[SCRIPT_CALLS];
	unsigned call_count, call_at;
	struct reqlog log;
};

/* Set run->piece to the text of the next content delta. */
void run_next_piece(struct run *run);

/* The next piece of the reasoning. */
struct span run_next_thought(struct run *run);

/* The next piece of a call; *index tells which. */
struct span run_next_call(struct run *run, unsigned *index);

/* Append len bytes of harmless text. */
void run_write_filler(struct buf *out, size_t len);

/* Why the answer ends: what the script asks for, or what is so. */
enum demo_finish run_finish(const struct run *run);

/* Read a complete request and plan its answer; never NULL. */
struct run *run_start(struct loop *loop, const struct h1_request *rq, const char *body, size_t body_len);

/* A run that answers a request which could not be read (400 or 413), and then
 * closes. */
struct run *run_refuse(struct loop *loop, int status);

/* Append what comes next to out. */
enum run_verdict run_step(struct run *run, struct buf *out);

/* Write the log line, saying how it ended ("complete", "client_closed",
 * "closed", "reset", "shutdown"), and free. out from out_off on was never
 * taken by the kernel. */
void run_end(struct run *run, struct loop *loop, const char *how, const struct buf *out, size_t out_off);

#endif
