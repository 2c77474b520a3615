/* OpenAI chat completions. The contract is in wire.h. */
#include "demo/wire.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "demo/answer.h"

#define MESSAGE_TOKENS 4 /* claimed for the frame of each message */
#define IMAGE_TOKENS 85	 /* claimed for each image, as for "detail": "low" */
#define FINGERPRINT "fp_weirdemo"

/* ---- requests ------------------------------------------------------------ */

static bool
refuse(struct wire_error *err, const char *param, const char *code, const char *message)
{
	*err = (struct wire_error){ 400, "invalid_request_error", param, code, "" };
	snprintf(err->message, sizeof err->message, "%s", message);
	return false;
}

static void
note_image(struct ask *ask, const json_t *part)
{
	const json_t *image = json_object_get(part, "image_url");
	const char *url = json_string_value(json_is_object(image) ? json_object_get(image, "url") : image);

	ask->images++;
	if (ask->images == 1 && url != NULL)
		snprintf(ask->image, sizeof ask->image, "%s", url);
}

/* Count content into *bytes and *images; with keep, it is the last user
 * message and becomes the prompt. False when it is neither text nor parts. */
static bool
read_content(struct ask *ask, const json_t *content, bool keep, size_t *bytes, uint32_t *images)
{
	const json_t *part;
	size_t i;

	if (json_is_string(content)) {
		*bytes += json_string_length(content);
		if (keep)
			buf_add(&ask->prompt, json_string_value(content), json_string_length(content));
		return true;
	}
	if (json_is_null(content) || content == NULL)
		return !keep;
	if (!json_is_array(content))
		return false;
	json_array_foreach(content, i, part) {
		const json_t *text = json_object_get(part, "text");
		const char *type = json_string_value(json_object_get(part, "type"));

		if (type == NULL)
			return false;
		if (strcmp(type, "image_url") == 0) {
			(*images)++;
			if (keep)
				note_image(ask, part);
		} else if (json_is_string(text)) {
			*bytes += json_string_length(text);
			if (keep)
				buf_add(&ask->prompt, json_string_value(text), json_string_length(text));
		}
	}
	return true;
}

static bool
read_messages(struct ask *ask, const json_t *messages, struct wire_error *err)
{
	const json_t *message;
	size_t i, last_user = SIZE_MAX, bytes = 0;
	uint32_t images = 0;

	if (messages == NULL)
		return refuse(err, "messages", "missing_required_parameter", "Missing required parameter: 'messages'.");
	if (!json_is_array(messages) || json_array_size(messages) == 0)
		return refuse(err, "messages", "invalid_type",
		    "Invalid 'messages': expected an array with at least one message.");
	json_array_foreach(messages, i, message) {
		const char *role = json_string_value(json_object_get(message, "role"));

		if (role == NULL)
			return refuse(err, "messages", "missing_required_parameter",
			    "Missing required parameter: 'messages[].role'.");
		if (strcmp(role, "user") == 0)
			last_user = i;
	}
	json_array_foreach(messages, i, message) {
		if (!read_content(ask, json_object_get(message, "content"), i == last_user, &bytes, &images))
			return refuse(err, "messages", "invalid_type",
			    "Invalid type for 'messages[].content': expected a string"
			    " or an array of parts.");
	}
	ask->messages = (uint32_t)json_array_size(messages);
	ask->prompt_tokens = ask->messages * MESSAGE_TOKENS + answer_tokens(bytes) + images * IMAGE_TOKENS;
	return true;
}

static uint32_t
read_effort(const json_t *effort)
{
	const char *word = json_string_value(effort);

	if (word == NULL)
		return 0;
	return strcmp(word, "low") == 0 ? 8 : strcmp(word, "medium") == 0 ? 16 : strcmp(word, "high") == 0 ? 32 : 0;
}

static bool
read_limits(struct ask *ask, const json_t *root, struct wire_error *err)
{
	const json_t *max = json_object_get(root, "max_completion_tokens");
	const json_t *n = json_object_get(root, "n");

	if (max == NULL || json_is_null(max))
		max = json_object_get(root, "max_tokens");
	if (max != NULL && !json_is_null(max)) {
		if (!json_is_integer(max) || json_integer_value(max) < 1)
			return refuse(err, "max_tokens", "integer_below_min_value",
			    "Invalid 'max_tokens': expected an integer of at least 1.");
		ask->max_tokens = json_integer_value(max) > UINT32_MAX ? UINT32_MAX : (uint32_t)json_integer_value(max);
	}
	if (n != NULL && !json_is_null(n) && json_integer_value(n) != 1)
		return refuse(err, "n", "unsupported_value", "Invalid 'n': the demo models give one choice.");
	return true;
}

static bool
read_root(struct ask *ask, const json_t *root, struct wire_error *err)
{
	const json_t *model = json_object_get(root, "model");
	const json_t *options = json_object_get(root, "stream_options");

	if (!json_is_object(root))
		return refuse(err, NULL, NULL, "The request body must be a JSON object.");
	if (!json_is_string(model) || json_string_length(model) == 0)
		return refuse(err, NULL, NULL, "you must provide a model parameter");
	if (json_string_length(model) >= WIRE_MODEL_BYTES)
		return refuse(err, "model", "string_above_max_length", "Invalid 'model': too long.");
	ask->model_len = json_string_length(model);
	memcpy(ask->model, json_string_value(model), ask->model_len + 1);
	ask->base_len = script_base_len(ask->model, ask->model_len);
	ask->stream = json_is_true(json_object_get(root, "stream"));
	ask->include_usage = json_is_true(json_object_get(options, "include_usage"));
	ask->reasoning = read_effort(json_object_get(root, "reasoning_effort"));
	if (!json_is_null(options) && options != NULL && !ask->stream)
		return refuse(err, "stream_options", NULL,
		    "The 'stream_options' parameter is only allowed when 'stream' is enabled.");
	return read_limits(ask, root, err) && read_messages(ask, json_object_get(root, "messages"), err);
}

bool
wire_parse(const char *body, size_t len, struct ask *ask, struct wire_error *err)
{
	json_t *root = json_loadb(body, len, 0, NULL);
	bool ok;

	ask->stream = ask->include_usage = false;
	ask->model[0] = ask->image[0] = '\0';
	ask->model_len = ask->base_len = 0;
	ask->images = ask->messages = ask->prompt_tokens = ask->max_tokens = ask->reasoning = 0;
	ask->prompt = BUF_INIT(0);
	if (root == NULL)
		return refuse(err, NULL, NULL,
		    "We could not parse the JSON body of your request. (HINT: This likely means "
		    "you aren't using your HTTP library correctly. The API expects a"
		    " JSON payload, but what was sent was not valid JSON.)");
	ok = read_root(ask, root, err);
	json_decref(root);
	return ok;
}

void
ask_free(struct ask *ask)
{
	buf_free(&ask->prompt);
}

/* ---- errors -------------------------------------------------------------- */

static const struct error_row {
	int status; /* 0: a fault of its own, below */
	enum demo_fault fault;
	const char *type, *param, *code, *format; /* %s is the model */
} error_rows[] = {
	{ 401, FAULT_STATUS, "invalid_request_error", NULL, "invalid_api_key",
	    "Incorrect API key provided. You can find your API key at the operator of %s." },
	{ 403, FAULT_STATUS, "request_forbidden", NULL, "unsupported_country_region_territory",
	    "Country, region, or territory not supported for %s." },
	{ 404, FAULT_STATUS, "invalid_request_error", NULL, "model_not_found",
	    "The model `%s` does not exist or you do not have access to it." },
	{ 429, FAULT_STATUS, "requests", NULL, "rate_limit_exceeded",
	    "Rate limit reached for %s on requests per min (RPM): Limit 3, Used 3, Requested 1." },
	{ 503, FAULT_STATUS, "service_unavailable_error", NULL, "server_is_overloaded",
	    "The engine %s is currently overloaded, please try again later." },
	{ 429, FAULT_QUOTA, "insufficient_quota", NULL, "insufficient_quota",
	    "You exceeded your current quota for %s, please check your plan and billing details." },
	{ 400, FAULT_CONTEXT, "invalid_request_error", "messages", "context_length_exceeded",
	    "The maximum context length of %s is 8192 tokens. Please reduce the length"
	    " of the messages." },
	{ 400, FAULT_FILTER, "invalid_request_error", "prompt", "content_filter",
	    "The response was filtered due to the prompt triggering the content management"
	    " policy of %s. Please modify your prompt and retry." },
	{ 500, FAULT_ERROR_MID, "server_error", NULL, NULL,
	    "The server had an error while processing your request to %s. Sorry about that!" },
};

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static void
format_error(struct wire_error *err, const struct error_row *row, const char *model)
{
	*err = (struct wire_error){ row->status, row->type, row->param, row->code, "" };
	snprintf(err->message, sizeof err->message, row->format, model);
}
#pragma GCC diagnostic pop

void
wire_fault(struct wire_error *err, enum demo_fault fault, int status, const char *model)
{
	for (size_t i = 0; i < sizeof error_rows / sizeof error_rows[0]; i++) {
		const struct error_row *row = &error_rows[i];

		if (row->fault == fault && (fault != FAULT_STATUS || row->status == status)) {
			format_error(err, row, model);
			return;
		}
	}
	*err = (struct wire_error){ status, status >= 500 ? "server_error" : "invalid_request_error", NULL, NULL, "" };
	snprintf(err->message, sizeof err->message, "%s answers with status %d, as scripted.", model, status);
}

static void
json_member(struct buf *out, const char *name, const char *value)
{
	buf_printf(out, "\"%s\":", name);
	if (value == NULL)
		buf_puts(out, "null");
	else
		buf_json(out, value, strlen(value));
}

void
wire_error_json(struct buf *out, const struct wire_error *err)
{
	buf_puts(out, "{\"error\":{");
	json_member(out, "message", err->message);
	buf_puts(out, ",");
	json_member(out, "type", err->type);
	buf_puts(out, ",");
	json_member(out, "param", err->param);
	buf_puts(out, ",");
	json_member(out, "code", err->code);
	if (err->code != NULL && strcmp(err->code, "content_filter") == 0)
		buf_puts(out,
		    ",\"status\":400,\"innererror\":{\"code\":\"ResponsibleAIPolicyViolation\","
		    "\"content_filter_result\":{\"violence\":{\"filtered\":true,\"severity\":"
		    "\"high\"}}}");
	buf_puts(out, "}}");
}

/* ---- models -------------------------------------------------------------- */

void
wire_model_json(struct buf *out, const char *name)
{
	buf_puts(out, "{");
	json_member(out, "id", name);
	buf_puts(out, ",\"object\":\"model\",\"created\":1735689600,\"owned_by\":\"weir-demo\"}");
}

void
wire_models_json(struct buf *out)
{
	buf_puts(out, "{\"object\":\"list\",\"data\":[");
	for (size_t i = 0; i < SCRIPT_MODELS; i++) {
		if (i > 0)
			buf_puts(out, ",");
		wire_model_json(out, script_models[i]);
	}
	buf_puts(out, "]}");
}

/* ---- chunks -------------------------------------------------------------- */

void
chunk_init(struct chunk_head *h, const char *model, size_t model_len)
{
	h->prefix = BUF_INIT(0);
	buf_printf(&h->prefix,
	    "data: {\"id\":\"%s\",\"object\":\"chat.completion.chunk\",\"created\":%lld,\"model\":", h->id,
	    (long long)h->created_s);
	buf_json(&h->prefix, model, model_len);
	buf_puts(&h->prefix, ",\"service_tier\":\"default\",\"system_fingerprint\":\"" FINGERPRINT "\",\"choices\":[");
}

void
chunk_free(struct chunk_head *h)
{
	buf_free(&h->prefix);
}

static void
begin(struct buf *out, const struct chunk_head *h)
{
	buf_add(out, h->prefix.data, h->prefix.len);
	buf_puts(out, "{\"index\":0,\"delta\":{");
}

static void
end(struct buf *out, const struct chunk_head *h, const char *finish)
{
	buf_puts(out, "},\"logprobs\":null,\"finish_reason\":");
	if (finish == NULL)
		buf_puts(out, "null");
	else
		buf_json(out, finish, strlen(finish));
	buf_puts(out, h->include_usage ? "}],\"usage\":null}\n\n" : "}]}\n\n");
}

void
chunk_role(struct buf *out, const struct chunk_head *h)
{
	begin(out, h);
	buf_puts(out, "\"role\":\"assistant\",\"content\":\"\",\"refusal\":null");
	end(out, h, NULL);
}

void
chunk_delta(struct buf *out, const struct chunk_head *h, const char *member, const char *text, size_t len)
{
	begin(out, h);
	buf_puts(out, "\"");
	buf_puts(out, member);
	buf_puts(out, "\":");
	buf_json(out, text, len);
	end(out, h, NULL);
}

void
chunk_parts(struct buf *out, const struct chunk_head *h, const char *text, size_t len)
{
	size_t half = utf8_prefix(text, len, utf8_length(text, len) / 2);

	begin(out, h);
	buf_puts(out, "\"content\":[{\"type\":\"text\",\"text\":");
	buf_json(out, text, half);
	buf_puts(out, "},{\"type\":\"text\",\"text\":");
	buf_json(out, text + half, len - half);
	buf_puts(out, "}]");
	end(out, h, NULL);
}

void
chunk_repeat(struct buf *out, const struct chunk_head *h, const struct buf *text, bool is_first, const char *reason)
{
	buf_add(out, h->prefix.data, h->prefix.len);
	buf_puts(out, "{\"index\":0,");
	if (!is_first)
		buf_puts(out, "\"delta\":{\"content\":\"\"},");
	buf_puts(out, "\"message\":{\"role\":\"assistant\",\"content\":");
	buf_json(out, buf_str(text), text->len);
	buf_puts(out, is_first ? "},\"delta\":{\"content\":\"\"" : "");
	end(out, h, reason);
}

void
chunk_open(struct buf *out, const struct chunk_head *h)
{
	begin(out, h);
	buf_puts(out, "\"content\":\"");
}

void
chunk_close(struct buf *out, const struct chunk_head *h)
{
	buf_puts(out, "\"");
	end(out, h, NULL);
}

void
chunk_finish(struct buf *out, const struct chunk_head *h, const char *reason)
{
	begin(out, h);
	end(out, h, reason);
}

void
chunk_usage(struct buf *out, const struct chunk_head *h, const struct buf *usage)
{
	buf_add(out, h->prefix.data, h->prefix.len);
	buf_puts(out, "],\"usage\":");
	buf_add(out, usage->data, usage->len);
	buf_puts(out, "}\n\n");
}

void
chunk_done(struct buf *out)
{
	buf_puts(out, "data: [DONE]\n\n");
}

/* ---- usage and completions ----------------------------------------------- */

void
wire_usage_json(
    struct buf *out, const struct script *s, uint32_t prompt_tokens, uint32_t content_tokens, uint32_t reasoning_tokens)
{
	int64_t in = prompt_tokens, done = (int64_t)content_tokens + reasoning_tokens;
	int64_t total = in + done;
	const char *quote = s->usage == USAGE_STRING ? "\"" : "";

	switch (s->usage) {
	case USAGE_ZERO: in = done = total = 0; break;
	case USAGE_WRONG: done = done * 1000 + 7, in = 1, total = 3; break;
	case USAGE_HUGE: in = done = total = (int64_t)1 << 62; break;
	case USAGE_NEGATIVE: in = -in - 1, done = -done - 1, total = in + done; break;
	case USAGE_GIVEN: in = s->usage_in, done = s->usage_out, total = in + done; break;
	case USAGE_OK:
	case USAGE_ALWAYS:
	case USAGE_NONE:
	case USAGE_STRING: break;
	}
	buf_printf(out,
	    "{\"prompt_tokens\":%s%lld%s,\"completion_tokens\":%s%lld%s,\"total_tokens\":%s%lld%s,"
	    "\"prompt_tokens_details\":{\"cached_tokens\":0,\"audio_tokens\":0},"
	    "\"completion_tokens_details\":{\"reasoning_tokens\":%u,\"audio_tokens\":0,"
	    "\"accepted_prediction_tokens\":0,\"rejected_prediction_tokens\":0}}",
	    quote, (long long)in, quote, quote, (long long)done, quote, quote, (long long)total, quote,
	    reasoning_tokens);
}

void
wire_completion_json(struct buf *out, const struct chunk_head *h, const char *model, size_t model_len,
    const struct buf *text, const struct buf *reasoning, const char *finish, const struct buf *usage)
{
	buf_printf(out, "{\"id\":\"%s\",\"object\":\"chat.completion\",\"created\":%lld,\"model\":", h->id,
	    (long long)h->created_s);
	buf_json(out, model, model_len);
	buf_puts(out, ",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":");
	buf_json(out, buf_str(text), text->len);
	if (reasoning->len > 0) {
		buf_puts(out, ",\"reasoning_content\":");
		buf_json(out, buf_str(reasoning), reasoning->len);
	}
	buf_puts(out, ",\"refusal\":null,\"annotations\":[]},\"logprobs\":null,\"finish_reason\":");
	buf_json(out, finish, strlen(finish));
	buf_puts(out, "}]");
	if (usage->len > 0) {
		buf_puts(out, ",\"usage\":");
		buf_add(out, usage->data, usage->len);
	}
	buf_puts(out, ",\"service_tier\":\"default\",\"system_fingerprint\":\"" FINGERPRINT "\"}");
}
