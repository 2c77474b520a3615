/* The insides of a turn, for turn*.c, stream.c, settle.c and journal.c only. */
#ifndef WEIR_ENGINE_TURN_PRIVATE_H
#define WEIR_ENGINE_TURN_PRIVATE_H

#include "base/buf.h"
#include "chat/plan.h"
#include "core/work.h"
#include "limits/leases.h"
#include "core/process.h"
#include "wire/wire.h"
#include "limits/slots.h"
#include "chat/turn.h"
#include "chat/wire.h"

/*
 *	OPENED ──> CONTACTING ──> FLOWING ──> SETTLING ──> ended (freed)
 *		     │    ^                      ^
 *		     v    │                      │
 *		    BACKOFF ─────────────────────┘ (any state may be stopped)
 *
 * turn_move() in stream.c is the only place that changes it.
 */
enum turn_state {
	TURN_OPENED,	 /* made by a worker, not yet on the reactor */
	TURN_CONTACTING, /* asked a channel, nothing delivered yet */
	TURN_BACKOFF,	 /* pausing before the same channel is asked again */
	TURN_FLOWING,	 /* something was delivered: no other channel any more */
	TURN_SETTLING,	 /* a worker settles it */
};

/* What one token costs on the model that answers. */
struct turn_price {
	int64_t model_id;
	int64_t input_ucr, output_ucr, call_ucr; /* per million tokens; per call */
	int64_t context_tokens, max_output_tokens;
};

struct turn {
	struct turn *next, **prev; /* in process->turns */
	struct turn *next_unjournaled, *next_unsettled;
	struct process *process;
	enum turn_state state;
	enum turn_mode mode;
	struct arena *arena;   /* small, for the turn's life */
	struct arena *prep;    /* the request's: plan, history, attachments; NULL once flowing */
	struct arena *attempt; /* what is sent to the candidate at work; NULL once it is out and an answer flows */

	char task_id[UUID_LEN], message_id[UUID_LEN];
	const char *user_id, *conversation_id, *agent_id;
	const char *start_json; /* data of the start event */
	const char *request_id, *trace_id, *traceparent;
	struct slot_holder slots;
	struct lease *lease;
	struct reader reader;
	int64_t hold_ucr, started_us;

	/* what is asked: all in prep */
	const struct turn_plan *plan;
	const struct provider_message *messages;
	size_t n_messages;
	int64_t prompt_tokens; /* estimate */

	/* whom: the candidate at work */
	const struct offer_model *model; /* in prep */
	size_t channel;			 /* index into model->channels */
	int tries;			 /* on this channel */
	bool on_fallback;
	struct turn_price price;
	const char *model_name, *channel_name; /* in arena */
	int64_t channel_id, max_output_tokens;
	const struct provider *provider;
	void *parser;
	struct http_transfer *transfer;
	int http_status;
	struct buf error_body;		 /* of an answer that is no 2xx */
	struct provider_failure *inside; /* reported by the answer itself; in arena */

	/* the answer */
	struct buf text, reasoning, pending; /* pending: parsed, not yet delivered */
	bool pending_reasoning;
	uint64_t delivered;		   /* bytes of text and reasoning the reader was given */
	int64_t usage_input, usage_output; /* -1: not told */
	bool finished;			   /* the provider said why it stopped */
	enum provider_finish finish;
	int64_t first_token_us;

	/* the journal: delivered bytes it has not seen */
	struct buf journal;
	bool journal_reasoning, journal_listed, journal_gap; /* gap: Redis missed something */
	uint64_t checkpoint;				     /* bytes of text that are in task_journal */
	int checkpoint_seq;

	/* time */
	struct reactor_timer *timer;
	int64_t first_byte_by_ms, total_by_ms, grace_by_ms, backoff_by_ms, last_data_ms; /* 0: none */
	bool reader_left;

	/* the end */
	enum turn_outcome outcome;
	enum status why;    /* OK, or what went wrong */
	const char *detail; /* for the log; in arena, NULL: none */
	char *end_json;	    /* terminal event, malloc'ed by the settling worker */
	const char *task_status;
	int64_t charged_ucr, balance_ucr, held_ucr; /* held: for all the user's turns */
	int64_t input_tokens, output_tokens;
	bool estimated, settle_failed;
};

/* Free a turn that is in no list and has no transfer, lease or reader. */
void turn_free(struct turn *t);
/* Put a turn on the reactor: request.carry. */
void turn_carry(void *turn, struct fcgi_conn *conn);

/* stream.c, reactor.  The only way to change t->state. */
void turn_move(struct turn *t, enum turn_state to);
/* Give the reader and the journal what was parsed since the last time. */
void turn_deliver(struct turn *t);
/* Set the timer to the next deadline. */
void turn_arm_timer(struct turn *t);
/* The only way to the end: drops upstream, delivers what is left, settles. */
void turn_end(struct turn *t, enum turn_outcome outcome, enum status why, const char *detail);

/* turn_upstream.c, reactor.  Ask the candidate at work. */
void upstream_contact(struct turn *t);
/* Turn to the next channel (`same_model`) or else to the fallback model; false: there is none. */
bool upstream_next(struct turn *t, bool same_model);
/* Stop the transfer, if one runs. */
void upstream_drop(struct turn *t);
/* The try failed for a reason that no HTTP answer gave: retry, go on or end. */
void upstream_fail(struct turn *t, enum status st, const char *detail);

/* turn_table.c, reactor. */
void turn_table_add(struct process *p, struct turn *t);
void turn_table_remove(struct process *p, struct turn *t);

/* settle.c, reactor.  Settle `t`, with others that have ended; turn_settled()
 * follows, however often it takes. */
void settle_soon(struct turn *t);
/* Do not wait for the round that is at work: from the timer of a turn that waits. */
void settle_hurry(struct process *p);
/* stream.c, reactor: the settlement is done. */
void turn_settled(struct turn *t);

/* journal.c, reactor.  Note `len` delivered bytes that end at t->delivered. */
void journal_add(struct turn *t, bool reasoning, const char *text, size_t len);
/* Write what is waiting now. */
void journal_flush(struct turn *t);
/* Write the terminal event and let the journal expire. */
void journal_end(struct turn *t);
/* Forget a turn that is freed. */
void journal_forget(struct turn *t);
/* Key of a task's journal; returns `out`. */
#define JOURNAL_KEY_LEN 160
const char *journal_key(const struct conf *conf, const char *task_id, char out[JOURNAL_KEY_LEN]);

#endif
