/*
 * What is known of channels and of their keys, in memory that all processes of a
 * host share: a table at the end of the scoreboard's file (score/board.h), which
 * is made, shared, versioned and outlived by responders as that is.
 *
 *	channel 7, key 12 ──hash──► slot ── taken? the next one, up to PAIRS_PROBES
 *
 * A pair is named once, by one compare-and-swap, and keeps its slot as long as
 * the board lives.  There are no locks: a fact that must not be half written is
 * one atomic word (which is packed and unpacked here), so that a process may be
 * killed at any instruction and others go on.  What the facts mean is said in
 * catalog/health.h; here is only where they are.
 *
 * Any thread, any process.
 */
#ifndef WEIR_SCORE_PAIRS_H
#define WEIR_SCORE_PAIRS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "score/board.h"
#include "score/seats.h"

/* Room for 4,096 pairs while half of it is empty. */
#define PAIRS_MAX 4096
#define PAIRS_SLOTS 8192
#define PAIRS_PROBES 128
/* The sliding window: so many buckets of so many milliseconds. */
#define PAIR_BUCKETS 9
#define PAIR_BUCKET_MS 10000
/* Kinds of failures that are told apart; what each is, catalog/health.h says. */
#define PAIR_CLASSES 8

/* What is counted of a pair; only grows. */
enum pair_count {
	PAIR_TRIES,
	PAIR_SUCCESSES,
	PAIR_FAILURES,				   /* the first of PAIR_CLASSES */
	PAIR_SKIPS = PAIR_FAILURES + PAIR_CLASSES, /* passed over, since it was open or off */
	PAIR_SWITCHES,				   /* calls that went on elsewhere after it had failed */
	PAIR_OPENS,				   /* times its breaker opened */
	PAIR_FIRST_BYTES,			   /* tries that brought content */
	PAIR_FIRST_BYTE_MS,			   /* the sum of their times */
	PAIR_HISTOGRAM,				   /* the same by score_first_token_buckets_us: SCORE_BUCKETS of them */
	PAIR_COUNTS = PAIR_HISTOGRAM + SCORE_BUCKETS /* how many there are */
};

struct pair {
	_Atomic uint64_t breaker;	       /* struct pair_breaker */
	_Atomic uint64_t in_a_row;	       /* failures << 32 | refusals, since the last success */
	_Atomic int64_t ticket_ms;	       /* wall clock: until then somebody is trying; 0: nobody */
	_Atomic int64_t first_byte_us;	       /* moving mean; 0: not known */
	_Atomic int64_t last_success_ms;       /* wall clock; 0: never */
	_Atomic uint64_t last_failure;	       /* struct pair_failure; 0: never */
	_Atomic uint64_t window[PAIR_BUCKETS]; /* number of the bucket << 32 | calls << 16 | failures */
	_Atomic uint64_t counts[PAIR_COUNTS];  /* since the board was made */
	_Atomic uint64_t stored[PAIR_COUNTS];  /* of these, what the database has */
};

struct pairs {
	_Atomic int64_t turn_ms;   /* wall clock: until then one process keeps the table */
	_Atomic int64_t seen_us;   /* the newest ping read from the database, by its clock; 0: none */
	_Atomic uint64_t identity; /* by which this table is told from other hosts'; 0: not drawn */
	_Atomic uint32_t n_used;   /* named pairs */
	_Atomic uint64_t
	    names[PAIRS_SLOTS]; /* channel and key; 0: free.  Apart, so that a look at all touches little memory */
	struct pair slots[PAIRS_SLOTS];
	struct seats seats;
};

/* The board's table.  NULL for a board that is only viewed. */
struct pairs *scoreboard_pairs(struct scoreboard *board);

/* By which the table is told from those of other hosts: `lot`, unless there is one. */
uint64_t pairs_identity(struct pairs *p, uint64_t lot);
/* The slot of a pair, or NULL: it has none, or its ids are beyond 32 bits. */
struct pair *pairs_find(struct pairs *p, int64_t channel_id, int64_t key_id);
/* The same; it is named if need be.  NULL: there is no room for it. */
struct pair *pairs_take(struct pairs *p, int64_t channel_id, int64_t key_id);
/* The pairs that have a slot, one after the other: *at begins with 0.  NULL: that was the last. */
struct pair *pairs_next(struct pairs *p, uint32_t *at, int64_t *channel_id, int64_t *key_id);

/* ---- words ------------------------------------------------------------------------ */

enum pair_state { PAIR_CLOSED, PAIR_OPEN, PAIR_OFF };

/* The breaker, as one word says it. */
struct pair_breaker {
	enum pair_state state;
	unsigned level;	  /* how often in a row it opened again, up to 63 */
	bool elsewhere;	  /* learned from another host */
	bool stored;	  /* OFF: the database has it */
	unsigned cause;	  /* class of the failure that did it */
	int64_t until_ms; /* wall clock; of OPEN */
};
uint64_t pair_breaker_word(const struct pair_breaker *b);
struct pair_breaker pair_breaker_of(uint64_t word);

/* The last failure. */
struct pair_failure {
	unsigned class;
	int http_status; /* 0: no answer */
	int64_t at_ms;	 /* wall clock */
};
uint64_t pair_failure_word(const struct pair_failure *f);
struct pair_failure pair_failure_of(uint64_t word);

/* ---- the window -------------------------------------------------------------------- */

/* Count a call that ended at `now_ms`.  A bucket that is full counts no more of either. */
void pair_window_add(struct pair *pair, int64_t now_ms, bool failed);
/* The calls and failures of the last PAIR_BUCKETS buckets. */
void pair_window_sum(const struct pair *pair, int64_t now_ms, int64_t *calls, int64_t *failures);
void pair_window_clear(struct pair *pair);
/* Move the mean of first bytes towards a new one. */
void pair_mean_move(struct pair *pair, int64_t us);

#endif
