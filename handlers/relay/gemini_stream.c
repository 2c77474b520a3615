/*
 * POST /v1beta/models/{model}:streamGenerateContent --
 * POST /v1/models/{model}:streamGenerateContent -- the same as it comes.
 *
 * in      as :generateContent; ?alt=sse
 * out     200 SSE: a GenerateContentResponse in each event
 * errors  as :generateContent, inside a stream as an event; 400 without alt=sse
 * note    costs what the model costs
 * proof   tests/it/relay/test_gemini.py
 */
#include "weir.h"

enum status
h_gemini_stream(struct request *rq)
{
	const char *alt = query_text(rq, "alt");

	if (alt == NULL || strcmp(alt, "sse") != 0)
		return fail_field(&rq->cx, "alt", "must be sse: a stream as a JSON array is not supported");
	return relay_begin(rq, path_text(rq, "model"), true);
}
