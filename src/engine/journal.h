/*
 * The journal: what a stream delivered, where other processes can see it.
 *
 *	{prefix}task:{id}:log	Redis stream
 *	  <end>-0  k=t|r|s o=<start> t=<bytes>		text, reasoning, a signature
 *	  <end>-0  k=c o=<start> t=<bytes> c= i= n=	arguments of a call: which, its id and name
 *	  <end>-1  k=e t=<terminal event>	the end
 *
 * An entry's id is the position after it, so a reader who knows his position
 * knows where to go on, and a gap shows.  The first piece is written at once: a
 * task that delivered something must never look as if it had not.  The rest is
 * gathered for a while over all streams and leaves in one write.
 *
 * While Redis is away the text is checkpointed to task_journal with the
 * heartbeat (core/heartbeat.h).
 *
 * Nobody but journal.c knows this format.
 */
#ifndef WEIR_ENGINE_JOURNAL_H
#define WEIR_ENGINE_JOURNAL_H

#include "base/buf.h"
#include "core/context.h"
#include "io/redis.h"
#include "wire/dialect.h"

struct run;
struct process;
struct answer;

/* What of a run the journal has not seen yet. */
struct journal {
	struct run *next;   /* in the engine's list */
	struct buf waiting; /* delivered bytes, all of one kind */
	enum piece_kind kind;
	size_t call; /* PIECE_CALL: which */
	bool listed;
	bool gap;	     /* Redis missed something */
	uint64_t checkpoint; /* bytes of text that are in task_journal */
	int checkpoint_seq;
};

/* ---- writing: reactor ---- */

/* Note a delivered piece, which ends at r->answer.delivered. */
void journal_add(struct run *r, const struct piece *piece);
/* Write what is waiting now. */
void journal_flush(struct run *r);
/* Write the terminal event and let the journal expire. */
void journal_end(struct run *r);
/* Forget a run that is freed. */
void journal_forget(struct run *r);
/* Write what all streams gathered: by the engine's timer. */
void journal_batch(void *process);
/* While Redis is away: hand what live runs delivered since the last time to the
 * heartbeat, which writes it to PostgreSQL. */
void journal_checkpoint(struct process *p);

/* ---- reading ---- */

struct journal_entry {
	char kind;	     /* 't' text, 'r' reasoning, 's' signature, 'c' call, 'e' the end */
	uint64_t start, end; /* positions in the answer */
	const char *text;    /* the piece, or the terminal event; of the reply */
	size_t len;
	size_t call;	       /* 'c': which, */
	const char *id, *name; /* of that; never NULL then */
};

/* Ask for what follows `position`, at most some hundred entries; `fn` gets the
 * reply (NULL: none), which journal_next() takes apart.  False: not asked. */
bool journal_ask(struct process *p, const char *task_id, uint64_t position, redis_reply_fn *fn, void *arg) MUST_CHECK;
/* The i-th entry of such a reply.  False: there is none. */
bool journal_next(const struct redis_reply *reply, size_t i, struct journal_entry *out);

/* The terminal event of a task's journal, if it has all of the answer in it; in cx's
 * arena, or NULL.  Worker. */
const char *journal_whole(struct context *cx, const char *task_id);
/* Does a terminal event have all of the answer in it? */
bool journal_is_whole(const char *end_json, size_t len);

/* All that a task of a dead process delivered, into `answer`; `checkpoints` is the
 * text task_journal has (NULL: none), and the longer of the two tellings wins.
 * E_UNAVAILABLE when Redis cannot be asked: the answer then holds the checkpoints
 * alone.  Any thread but the reactor. */
enum status journal_recall(
    struct context *cx, const char *task_id, const char *checkpoints, struct answer *answer) MUST_CHECK;
/* End the journal of such a task with its terminal event, so that those who
 * follow it end too.  Nothing without Redis. */
void journal_close(struct context *cx, const char *task_id, uint64_t position, const char *end_json);

#endif
