/*
 * The flight record: what is under way of the calls that took from allowances,
 * where it outlives the process.
 *
 *	{scoreboard}.flights/{process id}
 *
 * A file of the process' own, mapped; a slot for each call.  A call is there
 * before a provider is asked, what it delivers is noted before it leaves, and its
 * slot is free again once the database has its charge.  The process holds a
 * flock() of the file for life, which a death of any kind gives back: who gets it
 * settles what the file says, gives the process' allowances back and removes it
 * (flights_settle()).  The id of a call in table usage makes that happen once,
 * whoever was killed in between, wherever.
 *
 * It survives the process, not the host: then the allowances' lease runs out, and
 * what they held goes back whole.
 */
#ifndef WEIR_ENGINE_FLIGHT_H
#define WEIR_ENGINE_FLIGHT_H

#include <stdatomic.h>

#include "base/ids.h"
#include "core/context.h"
#include "ledger/price.h"
#include "wire/dialect.h"

struct flights; /* the file, in the process that writes it */

#define FLIGHT_GROUP_BYTES 64 /* of a group's name: longer ones take a hold for each call */
#define FLIGHT_STEPS_MAX 16   /* of a price: the same */

/* A price without pointers. */
struct flight_price {
	int64_t ratio_ppm;
	uint32_t n;
	struct price_step steps[FLIGHT_STEPS_MAX];
};

enum flight_state { FLIGHT_FREE, FLIGHT_LIVE };

/* A call in the file.  Written by whoever has the run, read after its death. */
struct flight {
	_Atomic uint32_t state; /* LIVE is stored last of all */
	char call_id[UUID_LEN], allowance_id[UUID_LEN], user_id[UUID_LEN], key_id[UUID_LEN]; /* key "": none */
	char request_id[80], user_group[FLIGHT_GROUP_BYTES];
	bool limited; /* a budget stands behind the allowance */
	int64_t model_id;
	struct flight_price price;			/* frozen */
	int64_t ceiling_ucr, prompt_tokens, started_ms; /* wall clock */

	/* what was delivered: reactor */
	_Atomic int64_t channel_id, units, calls; /* units: base/tokens.h; calls of tools */
	_Atomic bool delivered;
};

/* Open a record for the process of that id, with room for so many calls.  NULL,
 * logged: there is none, and every call takes a hold of its own.  Main thread. */
struct flights *flights_open(const struct conf *conf, const char *process_id, size_t slots);
/* Close it; the file goes with it, unless something in it is not settled.  NULL is fine. */
void flights_close(struct flights *f);
/* A slot to be filled and then to be published; NULL: there is no room.  Any thread. */
struct flight *flight_new(struct flights *f);
/* Can a call of that group, at that price, be put down in one?  Any thread. */
bool flight_fits(const char *user_group, const struct price *price);
/* Put both down.  Who has it. */
void flight_set_price(struct flight *flight, const char *user_group, const struct price *price);
/* From here on it counts.  Who has it. */
void flight_publish(struct flight *flight);
/* A piece is about to be delivered. */
void flight_note(struct flight *flight, const struct piece *piece, int64_t channel_id);
/* Its charge is committed, or it never began.  Any thread. */
void flight_free(struct flights *f, struct flight *flight);

/* What it delivered, as an estimate of ours, and what that costs: at most the
 * ceiling; *overrun_ucr is what exceeds it. */
struct usage flight_usage(const struct flight *flight);
int64_t flight_cost_ucr(const struct flight *flight, const struct usage *u, int64_t *overrun_ucr);

/* Settle what dead processes of this host left; *n is how many processes.  Cheap
 * when there are none.  Worker, weir-worker. */
enum status flights_settle(struct context *cx, int *n) MUST_CHECK;

#endif
