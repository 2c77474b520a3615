#include "score/seats.h"

#include <stddef.h>

#include "score/layout.h"

/* The row of a channel; NULL: it has none, and with `make` there is no room for it. */
static struct seats_row *
row_of(struct seats *s, int64_t channel_id, bool make)
{
	uint32_t at = (uint32_t)(((uint64_t)channel_id * UINT64_C(0x9e3779b97f4a7c15)) >> 32) % SEATS_ROWS;

	for (int i = 0; channel_id > 0 && i < SEATS_PROBES; i++, at = (at + 1) % SEATS_ROWS) {
		struct seats_row *row = &s->rows[at];
		int64_t there = atomic_load_explicit(&row->channel_id, memory_order_acquire);

		if (there == 0 && (!make || atomic_compare_exchange_strong(&row->channel_id, &there, channel_id)))
			return make ? row : NULL;
		if (there == channel_id)
			return row;
	}
	return NULL;
}

/* Where the process counts; NULL: nowhere. */
static struct seats *
seats_of(const struct scoreboard_slot *slot, unsigned *owner)
{
	if (slot == NULL || !slot->board->writable)
		return NULL;
	*owner = (unsigned)(slot->slot - slot->board->slots);
	return *owner < SEATS_OWNERS ? &slot->board->pairs->seats : NULL;
}

enum seat
seat_take(struct scoreboard_slot *slot, int64_t channel_id, int64_t max)
{
	unsigned owner;
	struct seats *s = max > 0 ? seats_of(slot, &owner) : NULL;
	struct seats_row *row = s == NULL ? NULL : row_of(s, channel_id, true);
	int32_t taken;

	if (row == NULL)
		return SEAT_NONE;
	/* first what is ours: who dies here gives back one more than was counted */
	atomic_fetch_add(&row->by[owner], 1);
	taken = atomic_load(&row->taken);
	while (taken < max)
		if (atomic_compare_exchange_weak(&row->taken, &taken, taken + 1))
			return SEAT_TAKEN;
	atomic_fetch_sub(&row->by[owner], 1);
	return SEAT_FULL;
}

void
seat_return(struct scoreboard_slot *slot, int64_t channel_id)
{
	unsigned owner;
	struct seats *s = seats_of(slot, &owner);
	struct seats_row *row = s == NULL ? NULL : row_of(s, channel_id, false);

	if (row == NULL)
		return;
	atomic_fetch_sub(&row->taken, 1);
	atomic_fetch_sub(&row->by[owner], 1);
}

int64_t
seats_taken(struct seats *s, int64_t channel_id)
{
	struct seats_row *row = row_of(s, channel_id, false);
	int32_t taken = row == NULL ? 0 : atomic_load(&row->taken);

	return taken > 0 ? taken : 0;
}

/* Nobody has a seat: then none is taken, whatever who was killed left behind. */
static void
level(struct seats_row *row)
{
	int32_t taken = atomic_load(&row->taken);

	for (unsigned i = 0; i < SEATS_OWNERS; i++)
		if (atomic_load(&row->by[i]) != 0)
			return;
	if (taken != 0)
		atomic_compare_exchange_strong(&row->taken, &taken, 0);
}

void
seats_forget(struct seats *s, unsigned owner)
{
	for (int i = 0; owner < SEATS_OWNERS && i < SEATS_ROWS; i++) {
		struct seats_row *row = &s->rows[i];
		int32_t had;

		if (atomic_load(&row->channel_id) == 0)
			continue;
		if ((had = atomic_exchange(&row->by[owner], 0)) != 0)
			atomic_fetch_sub(&row->taken, had);
		level(row);
	}
}
