/*
 * How much of an account is in use at once: what an allowance is sized by.  Two
 * windows of a second, the present one and the one before it.  Pure.
 */
#ifndef WEIR_ENGINE_DEMAND_H
#define WEIR_ENGINE_DEMAND_H

#include <stdbool.h>
#include <stdint.h>

struct demand {
	int64_t window_ms;    /* when the present window began */
	int64_t peak_ucr[2];  /* the most that was reserved at once */
	int64_t taken_ucr[2]; /* used up for good */
	int64_t calls[2];     /* [0] present, [1] before */
};

/* Time goes on. */
void demand_passes(struct demand *d, int64_t now_ms);
/* A call asks. */
void demand_called(struct demand *d, int64_t now_ms);
/* So much is reserved now. */
void demand_reserved(struct demand *d, int64_t reserved_ucr);
/* So much was used up. */
void demand_taken(struct demand *d, int64_t taken_ucr);
/* Are there calls in quick succession, for which it is worth holding something? */
bool demand_is_lively(const struct demand *d);
/* The most reserved at once lately. */
int64_t demand_peak_ucr(const struct demand *d);
/* How much more an allowance of `have_ucr` should hold: twice the peak, what two
 * seconds use up, and room for this ceiling twice; at least the ceiling. */
int64_t demand_wanted_ucr(const struct demand *d, int64_t ceiling_ucr, int64_t have_ucr);

#endif
