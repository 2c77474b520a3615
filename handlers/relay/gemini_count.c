/*
 * POST /v1beta/models/{model}:countTokens --
 * POST /v1/models/{model}:countTokens -- about how many tokens content has.
 *
 * in      contents, as :generateContent, or generateContentRequest with all of it
 * out     200 {totalTokens}: an estimate of ours; nobody is asked, nothing is charged
 * errors  as :generateContent
 * proof   tests/it/relay/test_gemini.py
 */
#include "weir.h"

enum status
h_gemini_count(struct request *rq)
{
	int64_t tokens;
	enum status st = relay_count(rq, path_text(rq, "model"), &tokens);

	return st == OK ? reply_json(rq, 200, json_pack("{s:I}", "totalTokens", (json_int_t)tokens)) : st;
}
