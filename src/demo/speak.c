/* What all speakers share: errors, counts, vectors. The contract is in speak.h. */
#include "demo/speak.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "demo/meaning.h"
#include "demo/script.h"

/* How all our signatures begin. */
#define SIGNED "weirdemo"

void
speak_member(struct buf *out, const char *name, const char *value)
{
	buf_printf(out, "\"%s\":", name);
	if (value == NULL)
		buf_puts(out, "null");
	else
		buf_json(out, value, strlen(value));
}

bool
speak_has_signed(const json_t *signature)
{
	const char *said = json_string_value(signature);

	return said != NULL && strncmp(said, SIGNED, sizeof SIGNED - 1) == 0;
}

void
speak_signature(char out[32], const void *bytes, size_t len)
{
	snprintf(out, 32, SIGNED "%016llx", (unsigned long long)script_hash(0, bytes, len));
}

/* ---- counts -------------------------------------------------------------- */

void
speak_counts(struct counts *c, const struct script *s, uint32_t in, uint32_t out, uint32_t reasoning)
{
	*c = (struct counts){ in, (int64_t)out + reasoning, 0, s->cached, s->written, reasoning, "" };
	if (c->in < (int64_t)s->cached + s->written) /* what was cached was asked */
		c->in = (int64_t)s->cached + s->written;
	c->total = c->in + c->out;
	switch (s->usage) {
	case USAGE_ZERO: c->in = c->out = c->total = c->cached = c->written = 0; break;
	case USAGE_WRONG: c->out = c->out * 1000 + 7, c->in = 1, c->total = 3; break;
	case USAGE_HUGE: c->in = c->out = c->total = (int64_t)1 << 62; break;
	case USAGE_NEGATIVE: c->in = -c->in - 1, c->out = -c->out - 1, c->total = c->in + c->out; break;
	case USAGE_GIVEN: c->in = s->usage_in, c->out = s->usage_out, c->total = c->in + c->out; break;
	case USAGE_STRING: c->quote = "\""; break;
	case USAGE_OK:
	case USAGE_ALWAYS:
	case USAGE_NONE: break;
	}
}

/* ---- errors -------------------------------------------------------------- */

/* What another wire says instead: 0 and NULL are as OpenAI has it. */
struct variant {
	int status;
	const char *message;
};

/* One row for each fault; %s is the model. */
static const struct error_row {
	int status;
	enum demo_fault fault;
	const char *type, *param, *code, *message;
	struct variant anthropic, gemini;
} error_rows[] = {
	{ 401, FAULT_STATUS, "invalid_request_error", NULL, "invalid_api_key",
	    "Incorrect API key provided. You can find your API key at the operator of %s.", { 0, "invalid x-api-key" },
	    { 0, "API key not valid. Please pass a valid API key." } },
	{ 403, FAULT_STATUS, "request_forbidden", NULL, "unsupported_country_region_territory",
	    "Country, region, or territory not supported for %s.", { 0, NULL }, { 0, NULL } },
	{ 404, FAULT_STATUS, "invalid_request_error", NULL, "model_not_found",
	    "The model `%s` does not exist or you do not have access to it.", { 0, "model: %s" },
	    { 0, "models/%s is not found for API version v1beta, or is not supported for generateContent." } },
	{ 429, FAULT_STATUS, "requests", NULL, "rate_limit_exceeded",
	    "Rate limit reached for %s on requests per min (RPM): Limit 3, Used 3, Requested 1.",
	    { 0, "Number of requests for %s has exceeded your per-minute rate limit." },
	    { 0, "Resource has been exhausted for %s (e.g. check quota)." } },
	{ 503, FAULT_STATUS, "service_unavailable_error", NULL, "server_is_overloaded",
	    "The engine %s is currently overloaded, please try again later.", { 0, "Overloaded" },
	    { 0, "The model %s is overloaded. Please try again later." } },
	{ 429, FAULT_QUOTA, "insufficient_quota", NULL, "insufficient_quota",
	    "You exceeded your current quota for %s, please check your plan and billing details.",
	    { 400, "Your credit balance is too low to access %s. Please go to Plans & Billing to purchase credits." },
	    { 0, NULL } },
	{ 400, FAULT_CONTEXT, "invalid_request_error", "messages", "context_length_exceeded",
	    "The maximum context length of %s is 8192 tokens. Please reduce the length"
	    " of the messages.",
	    { 0, "prompt is too long: 9000 tokens > 8192 maximum" },
	    { 0, "The input token count (9000) exceeds the maximum number of tokens allowed (8192)." } },
	{ 400, FAULT_FILTER, "invalid_request_error", "prompt", "content_filter",
	    "The response was filtered due to the prompt triggering the content management"
	    " policy of %s. Please modify your prompt and retry.",
	    { 0, "Output blocked by content filtering policy" }, { 200, NULL } },
	{ 500, FAULT_ERROR_MID, "server_error", NULL, NULL,
	    "The server had an error while processing your request to %s. Sorry about that!",
	    { 0, "Internal server error" }, { 0, "An internal error has occurred. Please retry." } },
};

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static void
format_error(struct wire_error *err, const struct error_row *row, const struct variant *v, const char *model)
{
	*err = (struct wire_error){ v->status ? v->status : row->status, row->type, row->param, row->code, "" };
	snprintf(err->message, sizeof err->message, v->message ? v->message : row->message, model);
}
#pragma GCC diagnostic pop

void
speak_fault(struct wire_error *err, const struct speaker *speaker, enum demo_fault fault, int status, const char *model)
{
	static const struct variant same = { 0, NULL };

	for (size_t i = 0; i < sizeof error_rows / sizeof error_rows[0]; i++) {
		const struct error_row *row = &error_rows[i];
		const struct variant *v = speaker == &speaker_anthropic ? &row->anthropic
		    : speaker == &speaker_gemini			? &row->gemini
									: &same;

		if (row->fault == fault && (fault != FAULT_STATUS || row->status == status)) {
			format_error(err, row, v, model);
			return;
		}
	}
	*err = (struct wire_error){ status, status >= 500 ? "server_error" : "invalid_request_error", NULL, NULL, "" };
	snprintf(err->message, sizeof err->message, "%s answers with status %d, as scripted.", model, status);
}

/* ---- vectors ------------------------------------------------------------- */

void
speak_base64(struct buf *out, const unsigned char *bytes, size_t len)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < len; i += 3) {
		uint32_t n = (uint32_t)bytes[i] << 16 | (i + 1 < len ? (uint32_t)bytes[i + 1] << 8 : 0) |
		    (i + 2 < len ? bytes[i + 2] : 0);
		char four[4] = { digits[n >> 18], digits[n >> 12 & 63], i + 1 < len ? digits[n >> 6 & 63] : '=',
			i + 2 < len ? digits[n & 63] : '=' };

		buf_add(out, four, sizeof four);
	}
}

static void
put_float(struct buf *bytes, float value)
{
	unsigned char le[4];
	uint32_t bits;

	memcpy(&bits, &value, sizeof bits);
	for (int i = 0; i < 4; i++)
		le[i] = (unsigned char)(bits >> (8 * i));
	buf_add(bytes, le, sizeof le);
}

void
speak_vector(struct buf *out, const json_t *text, uint32_t dimensions, bool is_base64)
{
	uint32_t n = dimensions > 0 ? dimensions : MEANING_DIMENSIONS;
	float *v = xmalloc(n * sizeof *v);
	struct buf bytes = BUF_INIT(0);

	if (json_is_string(text))
		meaning_vector(json_string_value(text), json_string_length(text), n, v);
	else { /* a list of tokens: each is a word */
		char *json = json_dumps(text, JSON_COMPACT | JSON_ENCODE_ANY);

		meaning_vector(json != NULL ? json : "", json != NULL ? strlen(json) : 0, n, v);
		free(json);
	}
	for (uint32_t i = 0; i < n; i++)
		if (is_base64)
			put_float(&bytes, v[i]);
		else
			buf_printf(out, "%s%.9g", i > 0 ? "," : "", (double)v[i]);
	if (is_base64)
		speak_base64(out, (const unsigned char *)bytes.data, bytes.len);
	buf_free(&bytes);
	free(v);
}
