#include "score/pairs.h"

#include <stddef.h>

#include "score/layout.h"

/* A mean follows the last dozen or so. */
#define MEAN_WEIGHT 8
#define BUCKET_FULL 0xffffu

struct pairs *
scoreboard_pairs(struct scoreboard *board)
{
	return board == NULL || !board->writable ? NULL : board->pairs;
}

uint64_t
pairs_identity(struct pairs *p, uint64_t lot)
{
	uint64_t there = 0;

	return atomic_compare_exchange_strong(&p->identity, &there, lot) ? lot : there;
}

/* ---- names ------------------------------------------------------------------------- */

/* 0: this pair cannot be named. */
static uint64_t
name_of(int64_t channel_id, int64_t key_id)
{
	if (channel_id <= 0 || channel_id > UINT32_MAX || key_id < 0 || key_id > UINT32_MAX)
		return 0;
	return (uint64_t)channel_id << 32 | (uint64_t)key_id;
}

/* Fibonacci hashing: ids are small and dense. */
static uint32_t
first_slot(uint64_t name)
{
	return (uint32_t)(((name ^ name >> 32) * UINT64_C(0x9e3779b97f4a7c15)) >> 51) % PAIRS_SLOTS;
}

struct pair *
pairs_find(struct pairs *p, int64_t channel_id, int64_t key_id)
{
	uint64_t name = name_of(channel_id, key_id);
	uint32_t at = first_slot(name);

	if (p == NULL || name == 0)
		return NULL;
	for (int i = 0; i < PAIRS_PROBES; i++, at = (at + 1) % PAIRS_SLOTS) {
		uint64_t there = atomic_load_explicit(&p->names[at], memory_order_acquire);

		if (there == name)
			return &p->slots[at];
		if (there == 0)
			return NULL;
	}
	return NULL;
}

struct pair *
pairs_take(struct pairs *p, int64_t channel_id, int64_t key_id)
{
	uint64_t name = name_of(channel_id, key_id);
	uint32_t at = first_slot(name);

	if (p == NULL || name == 0)
		return NULL;
	for (int i = 0; i < PAIRS_PROBES; i++, at = (at + 1) % PAIRS_SLOTS) {
		uint64_t there = atomic_load_explicit(&p->names[at], memory_order_acquire);

		if (there == 0 && atomic_load(&p->n_used) < PAIRS_MAX &&
		    atomic_compare_exchange_strong(&p->names[at], &there, name)) {
			atomic_fetch_add(&p->n_used, 1);
			return &p->slots[at];
		}
		if (there == name)
			return &p->slots[at];
		if (there == 0)
			return NULL;
	}
	return NULL;
}

struct pair *
pairs_next(struct pairs *p, uint32_t *at, int64_t *channel_id, int64_t *key_id)
{
	while (p != NULL && *at < PAIRS_SLOTS) {
		uint32_t i = (*at)++;
		uint64_t name = atomic_load_explicit(&p->names[i], memory_order_acquire);

		if (name == 0)
			continue;
		*channel_id = (int64_t)(name >> 32);
		*key_id = (int64_t)(name & UINT32_MAX);
		return &p->slots[i];
	}
	return NULL;
}

/* ---- words -------------------------------------------------------------------------- */

#define UNTIL_SHIFT 14 /* 50 bits of milliseconds reach the year 37,000 */

uint64_t
pair_breaker_word(const struct pair_breaker *b)
{
	return (uint64_t)b->state | (uint64_t)(b->level & 63) << 2 | (uint64_t)b->elsewhere << 8 |
	    (uint64_t)b->stored << 9 | (uint64_t)(b->cause & 15) << 10 | (uint64_t)b->until_ms << UNTIL_SHIFT;
}

struct pair_breaker
pair_breaker_of(uint64_t word)
{
	return (struct pair_breaker){ .state = (enum pair_state)(word & 3),
		.level = word >> 2 & 63,
		.elsewhere = word >> 8 & 1,
		.stored = word >> 9 & 1,
		.cause = word >> 10 & 15,
		.until_ms = (int64_t)(word >> UNTIL_SHIFT) };
}

uint64_t
pair_failure_word(const struct pair_failure *f)
{
	return (uint64_t)(f->class & 15) | (uint64_t)(f->http_status & 1023) << 4 | (uint64_t)f->at_ms << UNTIL_SHIFT;
}

struct pair_failure
pair_failure_of(uint64_t word)
{
	return (struct pair_failure){
		.class = word & 15, .http_status = word >> 4 & 1023, .at_ms = (int64_t)(word >> UNTIL_SHIFT)
	};
}

/* ---- the window ------------------------------------------------------------------------ */

void
pair_window_add(struct pair *pair, int64_t now_ms, bool failed)
{
	uint64_t number = (uint64_t)(now_ms / PAIR_BUCKET_MS) & UINT32_MAX, next;
	_Atomic uint64_t *bucket = &pair->window[number % PAIR_BUCKETS];
	uint64_t word = atomic_load(bucket);

	do {
		uint64_t calls = word >> 16 & BUCKET_FULL, failures = word & BUCKET_FULL;

		if (word >> 32 != number)
			calls = failures = 0;
		if (calls == BUCKET_FULL)
			return;
		next = number << 32 | (calls + 1) << 16 | (failures + failed);
	} while (!atomic_compare_exchange_weak(bucket, &word, next));
}

void
pair_window_sum(const struct pair *pair, int64_t now_ms, int64_t *calls, int64_t *failures)
{
	uint64_t number = (uint64_t)(now_ms / PAIR_BUCKET_MS) & UINT32_MAX;

	*calls = *failures = 0;
	for (int i = 0; i < PAIR_BUCKETS; i++) {
		uint64_t word = atomic_load(&pair->window[i]);

		if (word >> 32 > number || number - (word >> 32) >= PAIR_BUCKETS)
			continue;
		*calls += (int64_t)(word >> 16 & BUCKET_FULL);
		*failures += (int64_t)(word & BUCKET_FULL);
	}
}

void
pair_window_clear(struct pair *pair)
{
	for (int i = 0; i < PAIR_BUCKETS; i++)
		atomic_store(&pair->window[i], 0);
}

void
pair_mean_move(struct pair *pair, int64_t us)
{
	int64_t old = atomic_load(&pair->first_byte_us), mean;

	us = us < 1 ? 1 : us;
	do {
		mean = old == 0 ? us : old + (us - old) / MEAN_WEIGHT;
	} while (!atomic_compare_exchange_weak(&pair->first_byte_us, &old, mean < 1 ? 1 : mean));
}
