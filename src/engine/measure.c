#include "engine/measure.h"

#include "base/tokens.h"

struct price
model_price(const struct offer_model *m)
{
	return (struct price){ m->price_input_ucr, m->price_output_ucr, m->price_call_ucr };
}

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
	return u;
}

int64_t
measure_cost_ucr(const struct answer *a, const struct call_candidate *at, const struct usage *u)
{
	return answer_says(a) ? price_cost_ucr(&at->price, u) : 0;
}
