#include "engine/measure.h"

#include "base/money.h"
#include "base/tokens.h"

/* What could be true of an estimate of ours, however the provider's tokens are cut. */
#define BELIEVED_TIMES 3
#define BELIEVED_MORE 64

/* The provider's count when it could be true; else the next that could be, and
 * *estimated is set.  `unseen`: what it may hold beyond the estimate.  `most`: 0, or
 * what the model can. */
static int64_t
believed(int64_t told, int64_t estimate, int64_t unseen, int64_t most, bool *estimated)
{
	int64_t bound = estimate * BELIEVED_TIMES + BELIEVED_MORE + unseen;

	if (most > 0 && bound > most)
		bound = most;
	if (told > 0 && told <= bound)
		return told;
	*estimated = true;
	return told > 0 ? bound : estimate;
}

static int64_t
text_tokens(const struct buf *text)
{
	return tokens_estimate(buf_str(text), text->len);
}

/* What was thought and not shown, as the provider says, or at most as its seal is long. */
static int64_t
unseen_tokens(const struct answer *a)
{
	int64_t told = a->usage.reasoning_tokens, sealed = text_tokens(&a->signature);

	return told > sealed ? told : sealed;
}

struct usage
measure(const struct answer *a, int64_t prompt_tokens, const struct call_candidate *at)
{
	int64_t output = text_tokens(&a->text) + text_tokens(&a->reasoning);
	struct usage u = { 0 };

	for (size_t i = 0; i < a->n_calls; i++)
		output += MEASURE_CALL_TOKENS + text_tokens(&a->calls[i].arguments);

	if (!answer_says(a))
		return u;
	u.input_tokens = believed(a->usage.input_tokens, prompt_tokens, 0, at->context_tokens, &u.estimated);
	u.output_tokens = believed(
	    a->usage.output_tokens, output, unseen_tokens(a), at->max_output_tokens, &u.estimated);
	u.cached_tokens = a->usage.cached_tokens;
	u.cache_write_tokens = a->usage.cache_write_tokens;
	u.cache_write_1h_tokens = a->usage.cache_write_1h_tokens;
	u.reasoning_tokens = a->usage.reasoning_tokens;
	return u;
}

int64_t
measure_cost_ucr(const struct answer *a, const struct call_candidate *at, const struct usage *u)
{
	return answer_says(a) ? price_cost_ucr(at->price, u) : 0;
}

int64_t
measure_believed(int64_t told, int64_t estimate, int64_t most, bool *estimated)
{
	return believed(told, estimate, 0, most, estimated);
}

int64_t
measure_units(const struct usage *u)
{
	return u->images > 0 ? u->images : u->seconds > 0 ? u->seconds : u->queries > 0 ? u->queries : 1;
}

/* Has it rows for this very meter? */
static bool
has_rows(const struct price *p, enum meter meter)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->steps[i].meter == meter)
			return true;
	return false;
}

/* Of pictures, seconds and searches: the one there is some of. */
static enum meter
unit_meter(const struct usage *u)
{
	return u->images > 0 ? METER_IMAGE : u->seconds > 0 ? METER_SECOND : METER_QUERY;
}

int64_t
measure_units_cost_ucr(const struct price *p, const struct usage *u)
{
	struct usage counted = *u;
	int64_t cost, calls = measure_units(u) - 1;

	if (p == NULL)
		return 0;
	if (u->input_tokens == 0 && !has_rows(p, METER_CHARACTER))
		counted.input_tokens = u->characters;
	cost = price_cost_ucr(p, &counted);
	if (calls > 0 && !has_rows(p, unit_meter(u)))
		cost = ucr_add(cost, ucr_for_units(calls, price_cost_ucr(p, &(struct usage){ 0 }), 1));
	return cost;
}

bool
measure_prices_tokens(const struct price *p)
{
	const struct usage some = { .input_tokens = 1000000, .output_tokens = 1000000 };

	return p != NULL && price_cost_ucr(p, &some) > price_cost_ucr(p, &(struct usage){ 0 });
}
