/*
 * A call: one question to a provider.  Candidates one after the other, tries,
 * deadlines; what comes goes into an answer.  It knows nothing of users, money,
 * messages and readers.
 *
 *	NEW ──► CONTACTING ──► FLOWING ──► OVER
 *		   │   ^                    ^
 *		   v   │                    │
 *		  BACKOFF ──────────────────┘  (whoever called may drop it at any time)
 *
 * move() in call.c is the only place that changes it.  Before the first content
 * a failure means: the same channel again (up to `retries`, with back-off), then
 * the next channel, then the fallback model; after it, the end.  What the provider
 * holds against the key (401, 402, 403, 429) means the channel's next key, if it
 * has one among the candidates; any other failure passes those by.
 *
 * Who is open (catalog/health.h) is passed over; those who were are asked last, once
 * each, when nobody else has answered.
 *
 * Complete is what says so: once the answer told why it stopped, whatever comes
 * of the connection is no failure any more, and nobody waits for it longer than
 * FINISH_WAIT_MS.
 */
#ifndef WEIR_ENGINE_CALL_H
#define WEIR_ENGINE_CALL_H

#include "catalog/health.h"
#include "catalog/offer.h"
#include "core/process.h"
#include "engine/answer.h"
#include "ledger/price.h"
#include "wire/ask.h"

/* From the word that an answer has ended to its end: for usage that may follow. */
#define FINISH_WAIT_MS 1000
#define CALL_TRIES_KEPT 16

enum call_state {
	CALL_NEW,	 /* made by a worker */
	CALL_CONTACTING, /* a channel was asked, nothing came yet */
	CALL_BACKOFF,	 /* pausing before the same channel is asked again */
	CALL_FLOWING,	 /* something came: no other channel any more */
	CALL_OVER,
};

/* Milliseconds; 0: no such limit. */
struct call_limits {
	int64_t connect_ms, first_byte_ms, idle_ms, total_ms;
	int64_t retries, retry_base_ms;
};

struct call_ask {
	const struct ask *ask;		    /* what; borrowed until the first content */
	const struct offer_model *model;    /* whom: its channels in the order in which to try them */
	const struct offer_model *fallback; /* NULL: none; both borrowed until the first content */
	struct call_limits limits;
	int64_t max_output_tokens; /* 0: what the model allows */
	bool may_be_empty;	   /* an answer without content is no failure */
	bool stream;
	bool whole;		 /* who asks in own words wants an answer in one piece, and so it is asked for */
	const char *traceparent; /* NULL: none */
};

/* For whom: sent along, and for the log.  NULL: none; they outlive the call. */
struct call_ids {
	const char *task, *request;
};

/* Who calls.  Reactor. */
struct call_observer {
	/* answer.pending has something to be given away; may be called from within
	 * call_resume().  May call call_pause(). */
	void (*on_content)(void *arg);
	/* It is over: OK, or what went wrong, with a detail for the log (NULL: none).
	 * Once, unless dropped before. */
	void (*on_end)(void *arg, enum status st, const char *detail);
};

/* The candidate at work, or that was last. */
struct call_candidate {
	int64_t model_id, channel_id;
	int64_t key_id;			       /* of the channel; 0: asked without one */
	const char *model_name, *channel_name; /* live as long as the call, as the price does */
	const struct price *price;	       /* NULL: nothing is charged */
	int64_t context_tokens, max_output_tokens;
	int http_status;	   /* of its answer; 0: none yet */
	enum health_class outcome; /* of its last try, as far as it is known */
};

/* A try that failed. */
struct call_try {
	const char *channel, *model; /* live as long as the call */
	enum status why;
	int http_status; /* 0: no answer */
	int64_t took_ms;
};

/* Of the same shape for the same wire, one body serves all. */
struct call_body {
	const struct wire *wire;
	unsigned shape; /* ask.shape */
	struct wire_body body;
};

struct call {
	struct process *process;
	enum call_state state;
	struct call_ids ids;
	struct call_ask ask;
	const struct call_observer *observer;
	void *arg;
	struct answer *answer;
	struct arena *arena;	  /* the caller's, of the call's life: names */
	struct arena *prep;	  /* what only asking needs; NULL once it flows and is sent */
	struct arena *attempt;	  /* the request to the candidate at work */
	struct call_body *bodies; /* made by the worker; where `prep` is */
	size_t n_bodies;
	struct call_candidate at;

	/* whom: the candidate at work */
	const struct offer_model *model;
	size_t channel; /* index into model->channels */
	int64_t tries;	/* on this channel */
	int64_t try_began_ms;
	struct call_try *failed; /* the first CALL_TRIES_KEPT of all channels; in `arena` */
	size_t n_failed;
	bool on_fallback;
	struct health_try health; /* of the candidate at work */
	int64_t seat;		  /* the channel that has one call more for it; 0: none is counted */
	bool was_full;		  /* a channel was passed over because it had as many as it may */
	uint64_t passed[2];	  /* candidates of the model and of the fallback that were not asked: open or off */
	bool insists;		  /* nobody else is left: those are asked all the same, once each */
	const struct wire *wire;
	const struct endpoint *endpoint; /* of it */
	bool is_own;			 /* it was asked in the client's own words, and answers so, */
	bool is_own_begun;		 /* and has begun to, though perhaps with nothing that others know */
	bool is_left;			 /* nobody waits for its answer */
	bool is_streamed;		 /* it was asked for a stream */
	void *parser;
	bool takes_bytes; /* of a 2xx answer whose bytes pass as they stand */
	struct http_transfer *transfer;
	struct buf error_body;	     /* of an answer that is no 2xx */
	struct wire_failure *inside; /* reported by the answer itself; in arena */

	struct reactor_timer *timer;
	int64_t first_byte_by_ms, total_by_ms, backoff_by_ms, finish_by_ms, last_data_ms; /* 0: none */
};

/* Make a call whose answer goes to `answer`; what it keeps goes to `arena`, which
 * must outlive it.  Worker. */
void call_init(
    struct call *c, struct process *p, const struct call_ids *ids, struct answer *answer, struct arena *arena);
/* The wire in which that is asked of the channel; NULL: none that we know.  Any thread. */
const struct wire *call_wire(const struct offer_channel *ch, const struct ask *ask);
/* What [upstream] of the configuration allows a call.  Any thread. */
struct call_limits call_limits_of(const struct conf *conf);
/* Say what it asks; `ask` is copied, what it points to is not.
 * The bodies are made here, in `prep`, so that the reactor need not make them.
 * E_INVALID_REQUEST a wire cannot say it.  Worker. */
enum status call_prepare(struct call *c, const struct call_ask *ask, struct arena *prep) MUST_CHECK;
/* Take over the arena in which all that stands: it is freed as soon as nothing
 * more has to be asked.  Without this it must outlive the call.  Worker. */
void call_keep(struct call *c, struct arena *prep);
/* Ask.  Reactor. */
void call_start(struct call *c, const struct call_observer *observer, void *arg);
/* Nobody waits for the answer any more.  True: it was asked for in one piece, and the provider
 * makes it and counts it whatever we do: the call goes on, without further tries.  False (always where
 * bytes pass, which cost nothing when nobody gets them):
 * it may be dropped.  Reactor. */
bool call_leave(struct call *c) MUST_CHECK;
/* Stop listening to the provider, and let it go on: back-pressure.  Reactor. */
void call_pause(struct call *c);
/* False when nothing was paused; may bring the end.  Reactor. */
bool call_resume(struct call *c);
/* No callback follows; the answer stays as it is.  Safe from within callbacks
 * and for one that is over.  Reactor. */
void call_drop(struct call *c);
/* Drop it and free what it holds.  Reactor; anybody before call_start() and after the
 * end. */
void call_free(struct call *c);

#endif
