/*
 * How many calls each channel has at once, in memory that all processes of a host
 * share: rows behind the pairs (score/pairs.h), for the channels that may have so many only.
 *
 *	channel 7 ──hash──► row: taken, by[slot of the scoreboard]
 *
 * A seat is taken by a compare-and-swap that does not go beyond the limit, so that no two
 * processes get the last one.  What a process has is in a cell of its own beside: when it has
 * died, whoever folds its slot gives that back.  One that is killed between the two words leaves
 * one seat too many to be had, never one too few, until its channel is idle when a process ends.
 *
 * Any thread, any process; a NULL slot counts nothing.
 */
#ifndef WEIR_SCORE_SEATS_H
#define WEIR_SCORE_SEATS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define SEATS_ROWS 512
#define SEATS_PROBES 64
/* Processes that are told apart: slots of the scoreboard beyond that count nothing. */
#define SEATS_OWNERS 1008

struct seats_row {
	_Atomic int64_t channel_id; /* 0: free; kept as long as the board lives */
	_Atomic int32_t taken;
	_Atomic int32_t by[SEATS_OWNERS];
};

struct seats {
	struct seats_row rows[SEATS_ROWS];
};

struct scoreboard_slot;

enum seat {
	SEAT_NONE,  /* nothing was counted, and nothing is to be given back */
	SEAT_TAKEN, /* give it back: seat_return() */
	SEAT_FULL,  /* the channel has as many calls as it may */
};

/* A call goes to a channel that may have `max` at once (0: as many as come). */
enum seat seat_take(struct scoreboard_slot *slot, int64_t channel_id, int64_t max);
void seat_return(struct scoreboard_slot *slot, int64_t channel_id);
/* How many calls it has now, as far as they were counted. */
int64_t seats_taken(struct seats *s, int64_t channel_id);
/* The process of that slot is gone: what it had is given back. */
void seats_forget(struct seats *s, unsigned owner);

#endif
