#include "ledger/price.h"

#include "base/money.h"

int64_t
price_cost_ucr(const struct price *p, const struct usage *u)
{
	return ucr_add(p->call_ucr,
	    ucr_add(ucr_for_tokens(u->input_tokens, p->input_ucr), ucr_for_tokens(u->output_tokens, p->output_ucr)));
}

int64_t
price_ceiling_ucr(const struct price *p, int64_t prompt_tokens, int64_t max_output_tokens)
{
	return price_cost_ucr(p,
	    &(struct usage){
		.input_tokens = prompt_tokens + prompt_tokens / 4 + 64, .output_tokens = max_output_tokens });
}
