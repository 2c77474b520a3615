/*
 * POST /v1beta/models/{model}:generateContent --
 * POST /v1/models/{model}:generateContent -- content, as clients of Gemini's SDKs ask for it.
 *
 * in      the body of ai.google.dev/api/generate-content
 * out     200 GenerateContentResponse
 * errors  {"error": {code, message, status, details}}: 400 naming the field, 401, 402, 404, 429, 503
 * note    costs what the model costs
 * proof   tests/it/relay/test_gemini.py
 */
#include "weir.h"

enum status
h_gemini_generate(struct request *rq)
{
	return relay_begin(rq, path_text(rq, "model"), false);
}
