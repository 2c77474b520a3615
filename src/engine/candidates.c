#include "engine/candidates.h"

#include "base/clock.h"
#include "score/board.h"
#include "score/seats.h"

static bool
key_failed(const struct call *c)
{
	int status = c->at.http_status;

	return status == 401 || status == 402 || status == 403 || status == 429;
}

/* The candidate after the one at work that is of the same channel (its next key), or of another one; their
 * number when there is none. */
static size_t
find_next(const struct call *c, bool same_channel)
{
	const struct offer_model *m = c->model;
	size_t i = c->channel + 1;

	while (i < m->n_channels && (m->channels[i].id == m->channels[c->channel].id) != same_channel)
		i++;
	return i;
}

static void
turn_to_fallback(struct call *c)
{
	c->on_fallback = true;
	c->model = c->ask.fallback;
	c->channel = 0;
	c->first_byte_by_ms = clock_mono_ms() + c->ask.limits.first_byte_ms;
}

/* Nobody is left but those that were passed over: begin again, with them.  False: there are none. */
static bool
insist(struct call *c)
{
	if (c->insists || (c->passed[0] | c->passed[1]) == 0)
		return false;
	c->insists = true;
	c->on_fallback = false;
	c->model = c->ask.model;
	c->channel = 0;
	return true;
}

bool
candidate_next(struct call *c, bool same_model)
{
	size_t next = key_failed(c) ? c->channel + 1 : find_next(c, false);

	if (same_model && next < c->model->n_channels)
		c->channel = next;
	else if (!c->on_fallback && c->ask.fallback != NULL)
		turn_to_fallback(c);
	else if (!same_model || !insist(c))
		return false;
	c->tries = 0;
	score_add(c->process->score, SCORE_UPSTREAM_FALLBACKS, 1);
	health_switched(c->process->health, c->at.channel_id, c->at.key_id);
	return true;
}

/* From a candidate that is not asked to the one after it. */
static bool
pass_on(struct call *c)
{
	if (c->channel + 1 < c->model->n_channels)
		c->channel++;
	else if (!c->on_fallback && c->ask.fallback != NULL)
		turn_to_fallback(c);
	else if (!insist(c))
		return false;
	c->tries = 0;
	return true;
}

void
candidate_leave(struct call *c)
{
	if (c->seat != 0)
		seat_return(c->process->score, c->seat);
	c->seat = 0;
}

/* Has its channel room for one call more?  Its other keys are of the same channel. */
static bool
take_seat(struct call *c, const struct offer_channel *ch)
{
	enum seat seat;

	candidate_leave(c);
	seat = ch->account == NULL ? SEAT_NONE : seat_take(c->process->score, ch->id, ch->account->max_concurrent);
	c->was_full |= seat == SEAT_FULL;
	if (seat == SEAT_TAKEN)
		c->seat = ch->id;
	return seat != SEAT_FULL;
}

static bool
health_lets(struct call *c, const struct offer_channel *ch)
{
	bool may_turn_off = ch->account != NULL && ch->account->auto_disable;

	return c->insists ? health_insist(c->process->health, &c->health, ch->id, ch->key_id, may_turn_off)
			  : health_enter(c->process->health, &c->health, ch->id, ch->key_id, may_turn_off);
}

static bool
may_ask(struct call *c)
{
	const struct offer_channel *ch = &c->model->channels[c->channel];

	if (!take_seat(c, ch))
		return false;
	if (health_lets(c, ch))
		return true;
	candidate_leave(c);
	return false;
}

bool
candidate_choose(struct call *c)
{
	do {
		uint64_t bit = UINT64_C(1) << (c->channel & 63), *passed = &c->passed[c->on_fallback];

		if (c->insists && (*passed & bit) == 0)
			continue;
		*passed &= ~bit;
		if (may_ask(c))
			return true;
		if (!c->insists && c->tries == 0) /* else it has failed in this call already */
			*passed |= bit;
	} while (pass_on(c));
	return false;
}

bool
candidate_has_other_key(const struct call *c)
{
	return key_failed(c) && find_next(c, true) < c->model->n_channels;
}
