/*
 * POST /v1/messages/count_tokens -- about how many tokens a message has.
 *
 * in      as POST /v1/messages
 * out     200 {input_tokens}: an estimate of ours; nobody is asked, nothing is charged
 * errors  as POST /v1/messages
 * proof   tests/it/relay/test_anthropic.py
 */
#include "weir.h"

enum status
h_anthropic_count(struct request *rq)
{
	int64_t tokens;
	enum status st = relay_count(rq, NULL, &tokens);

	return st == OK ? reply_json(rq, 200, json_pack("{s:I}", "input_tokens", (json_int_t)tokens)) : st;
}
