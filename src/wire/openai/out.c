/*
 * How clients of OpenAI's chat completions are answered: the inverse of
 * chat_answer.c; and the dialect, whose other half is in.c.
 *
 * Source: platform.openai.com/docs/api-reference/chat/object, /streaming, and
 * /docs/guides/error-codes.  reasoning_content is DeepSeek's,
 * api-docs.deepseek.com "Thinking Mode".
 *
 * SDKs ask again after 408, 409, 429 and 5xx (openai-python "Retries"): what
 * would only end in the same way has another status.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "wire/encoder.h"
#include "wire/openai/openai.h"
#include "wire/own.h"

#define JSON_BODY (JSON_COMPACT | JSON_REAL_PRECISION(15))
#define HTTP_CLIENT_CLOSED 499 /* nginx' word for it */

/* ---- errors ---------------------------------------------------------------------- */

/* What they are called here; an error without a row keeps its own code. */
static const struct error_row {
	enum status status;
	const char *type, *code; /* code NULL: ours */
	int http;		 /* 0: ours */
} error_rows[] = {
	{ E_UNAUTHENTICATED, "invalid_request_error", "invalid_api_key", 0 },
	{ E_BAD_CREDENTIALS, "invalid_request_error", "invalid_api_key", 0 },
	{ E_INSUFFICIENT_CREDITS, "insufficient_quota", "insufficient_quota", 0 },
	{ E_FORBIDDEN, "permission_error", NULL, 0 },
	{ E_ACCOUNT_DISABLED, "permission_error", NULL, 0 },
	{ E_CANCELLED, "invalid_request_error", NULL, HTTP_CLIENT_CLOSED },
	{ E_RATE_LIMITED, "rate_limit_exceeded", "rate_limit_exceeded", 0 },
	{ E_TASK_QUEUE_FULL, "rate_limit_exceeded", "rate_limit_exceeded", 0 },
	{ E_CONVERSATION_QUEUE_FULL, "rate_limit_exceeded", "rate_limit_exceeded", 0 },
	{ E_CONVERSATION_LIMIT, "rate_limit_exceeded", "rate_limit_exceeded", 0 },
	{ E_CONTENT_VIOLATION, "invalid_request_error", "content_policy_violation", 400 },
};

/* What is not found is the model, when that is what `param` names. */
static struct error_row
error_row(enum status st, const char *param)
{
	if (st == E_NOT_FOUND && param != NULL && strcmp(param, "model") == 0)
		return (struct error_row){ st, "invalid_request_error", "model_not_found", 0 };
	for (size_t i = 0; i < sizeof(error_rows) / sizeof(error_rows[0]); i++)
		if (error_rows[i].status == st)
			return error_rows[i];
	return (struct error_row){ st, status_http(st) < 500 ? "invalid_request_error" : "server_error", NULL, 0 };
}

static json_t *
error_json(const struct error_row *row, const char *message, const char *param)
{
	return json_pack("{s:{s:s, s:s, s:s?, s:s}}", "error", "message", message, "type", row->type, "param", param,
	    "code", row->code != NULL ? row->code : status_code(row->status));
}

/* Where a field is to blame the words say which and why: the SDKs show nothing else. */
json_t *
openai_error(enum status st, const char *message, json_t *details, const char *request_id, int *http_status)
{
	const char *param = json_string_value(json_object_get(details, "field"));
	const char *problem = json_string_value(json_object_get(details, "problem"));
	struct error_row row = error_row(st, param);
	struct buf text = BUF_INIT(0);
	json_t *body;

	(void)request_id;
	if (row.code == NULL) /* it may have a name of its own */
		row.code = json_string_value(json_object_get(details, "code"));
	buf_puts(&text, message);
	if (param != NULL && problem != NULL)
		buf_printf(&text, " %s: %s", param, problem);
	body = error_json(&row, buf_str(&text), param);
	if (row.http != 0)
		*http_status = row.http;
	buf_free(&text);
	json_decref(details);
	return body;
}

/* The last words of a stream that did not get to its end: no [DONE] follows, or
 * clients would take what they have for all of it. */
void
openai_put_error(struct buf *out, enum status st, const char *message)
{
	struct error_row row = error_row(st, NULL);
	json_t *body = error_json(&row, message, NULL);
	char *text = json_dumps(body, JSON_BODY);

	buf_puts(out, "data: ");
	buf_puts(out, text);
	buf_puts(out, "\n\n");
	free(text);
	json_decref(body);
}

/* ---- chunks ---------------------------------------------------------------------- */

static void
put_string(struct buf *out, const char *s)
{
	buf_json(out, s, strlen(s));
}

static const char *
model_of(const struct encoder *e)
{
	return e->model == NULL ? "" : e->model;
}

/* Up to its choices. */
static void
put_head(const struct encoder *e, struct buf *out)
{
	encoder_put_id(out, "data: {\"id\":\"chatcmpl-", e->id);
	buf_printf(out, "\",\"object\":\"chat.completion.chunk\",\"created\":%" PRId64 ",\"model\":", e->created_s);
	put_string(out, model_of(e));
	buf_puts(out, ",\"choices\":[");
}

/* Behind them; usage comes in a chunk of its own, and is null in the others where it is wanted. */
static void
put_tail(const struct encoder *e, struct buf *out)
{
	buf_puts(out, e->wants_usage ? "],\"usage\":null}\n\n" : "]}\n\n");
}

static void
begin_delta(const struct encoder *e, struct buf *out, uint64_t position)
{
	buf_printf(out, "id: %" PRIu64 "\n", position);
	put_head(e, out);
	buf_puts(out, "{\"index\":0,\"delta\":{");
}

static void
end_delta(const struct encoder *e, struct buf *out)
{
	buf_puts(out, "},\"finish_reason\":null}");
	put_tail(e, out);
}

/* The JavaScript SDK's helper throws without a role in the first chunk. */
static void
start(struct encoder *e, struct buf *out, const char *start_json)
{
	(void)start_json;
	begin_delta(e, out, 0);
	buf_puts(out, "\"role\":\"assistant\",\"content\":\"\"");
	end_delta(e, out);
}

/* The id of a call that came without one: results are told by it, in this answer and those to come. */
static void
put_call_id(const struct encoder *e, struct buf *out, size_t call)
{
	encoder_put_id(out, "call_", e->id);
	buf_printf(out, "_%zu", call);
}

static void
put_call_name(const struct encoder *e, struct buf *out, const struct piece *p)
{
	buf_puts(out, ",\"id\":");
	if (p->id != NULL && *p->id != '\0') {
		put_string(out, p->id);
	} else {
		buf_puts(out, "\"");
		put_call_id(e, out, p->call);
		buf_puts(out, "\"");
	}
	buf_puts(out, ",\"type\":\"function\"");
}

static void
put_call(struct encoder *e, struct buf *out, const struct piece *p)
{
	bool is_first = p->id != NULL || p->name != NULL;

	buf_printf(out, "\"tool_calls\":[{\"index\":%zu", p->call);
	if (is_first)
		put_call_name(e, out, p);
	buf_puts(out, ",\"function\":{");
	if (is_first) {
		buf_puts(out, "\"name\":");
		put_string(out, p->name == NULL ? "" : p->name);
		buf_puts(out, ",");
	}
	buf_puts(out, "\"arguments\":");
	buf_json(out, p->text, p->len);
	buf_puts(out, "}}]");
	e->has_calls = true;
}

/* There is no word for a seal here. */
static void
piece(struct encoder *e, struct buf *out, const struct piece *p)
{
	if (p->kind == PIECE_SIGNATURE || (p->kind != PIECE_CALL && p->len == 0))
		return;
	begin_delta(e, out, p->position);
	if (p->kind == PIECE_CALL) {
		put_call(e, out, p);
	} else {
		buf_puts(out, p->kind == PIECE_REASONING ? "\"reasoning_content\":" : "\"content\":");
		buf_json(out, p->text, p->len);
	}
	end_delta(e, out);
}

/* ---- ends ------------------------------------------------------------------------ */

/* Calls are what an answer stops for, whatever its provider says; "other" is no word here. */
const char *
openai_finish(const struct encoder_end *end, bool has_calls)
{
	const char *finish = json_string_value(json_object_get(end->usage, "finish"));
	bool is_plain = finish == NULL || strcmp(finish, "other") == 0 || strcmp(finish, "stop") == 0;

	return !is_plain ? finish : has_calls ? "tool_calls" : "stop";
}

json_t *
openai_usage(const struct encoder_end *end)
{
	json_int_t input = encoder_count(end, "input_tokens"), output = encoder_count(end, "output_tokens");
	json_t *usage = json_pack("{s:I, s:I, s:I, s:{s:I}, s:{s:I}}", "prompt_tokens", input, "completion_tokens",
	    output, "total_tokens", input + output, "prompt_tokens_details", "cached_tokens",
	    encoder_count(end, "cached_tokens"), "completion_tokens_details", "reasoning_tokens",
	    encoder_count(end, "reasoning_tokens"));

	if (encoder_count(end, "cache_write_tokens") > 0)
		json_object_set_new(json_object_get(usage, "prompt_tokens_details"), "cache_write_tokens",
		    json_integer(encoder_count(end, "cache_write_tokens")));
	return usage;
}

static void
put_usage(const struct encoder *e, struct buf *out, const struct encoder_end *end)
{
	json_t *usage = openai_usage(end);
	char *text = json_dumps(usage, JSON_BODY);

	put_head(e, out);
	buf_puts(out, "],\"usage\":");
	buf_puts(out, text);
	buf_puts(out, "}\n\n");
	free(text);
	json_decref(usage);
}

static void
put_done(struct encoder *e, struct buf *out, uint64_t position, const struct encoder_end *end)
{
	buf_printf(out, "id: %" PRIu64 "-1\n", position);
	put_head(e, out);
	buf_puts(out, "{\"index\":0,\"delta\":{},\"finish_reason\":");
	put_string(out, openai_finish(end, e->has_calls));
	buf_puts(out, "}");
	put_tail(e, out);
	if (e->wants_usage)
		put_usage(e, out, end);
	buf_puts(out, "data: [DONE]\n\n");
}

/* The provider's chunk, with the model's name as its client knows it; its usage is kept for the end. */
static void
own(struct encoder *e, struct buf *out, const char *text, size_t len)
{
	e->has_finish |= own_says(text, len, "choices", "finish_reason");
	if (!openai_is_usage_alone(text, len)) {
		openai_own_chunk(out, text, len, model_of(e));
		return;
	}
	buf_free(&e->kept);
	buf_add(&e->kept, text, len);
}

/* In the provider's own words, which say more, where they say what is charged; else in ours. */
static void
put_own_usage(const struct encoder *e, struct buf *out, const struct encoder_end *end)
{
	json_t *chunk = e->kept.len == 0 ? NULL : json_loadb(e->kept.data, e->kept.len, JSON_ALLOW_NUL, NULL);
	const json_t *usage = json_object_get(chunk, "usage");

	if (usage != NULL &&
	    json_integer_value(json_object_get(usage, "prompt_tokens")) == encoder_count(end, "input_tokens") &&
	    json_integer_value(json_object_get(usage, "completion_tokens")) == encoder_count(end, "output_tokens"))
		openai_own_chunk(out, e->kept.data, e->kept.len, model_of(e));
	else
		put_usage(e, out, end);
	json_decref(chunk);
}

static void
end(struct encoder *e, struct buf *out, uint64_t position, const char *end_json)
{
	struct encoder_end end = encoder_read_end(end_json, LANG_EN);

	if (end.status == OK && e->is_own && e->has_finish) {
		if (e->wants_usage)
			put_own_usage(e, out, &end);
		buf_puts(out, "data: [DONE]\n\n");
	} else if (end.status == OK) {
		put_done(e, out, position, &end);
	} else {
		openai_put_error(out, end.status, end.message);
	}
	json_decref(end.event);
}

static void
cut(struct encoder *e, struct buf *out, enum status why, const char *message)
{
	(void)e;
	openai_put_error(out, why, message);
}

/* ---- whole ----------------------------------------------------------------------- */

static json_t *
call_json(const struct encoder *e, const json_t *call, size_t index)
{
	const char *id = json_string_value(json_object_get(call, "id"));
	const char *name = json_string_value(json_object_get(call, "name"));
	const char *arguments = json_string_value(json_object_get(call, "arguments"));
	struct buf made = BUF_INIT(0);
	json_t *json;

	if (id == NULL || *id == '\0')
		put_call_id(e, &made, index);
	json = json_pack("{s:s, s:s, s:{s:s, s:s}}", "id", made.len > 0 ? made.data : id, "type", "function",
	    "function", "name", name == NULL ? "" : name, "arguments", arguments == NULL ? "{}" : arguments);
	buf_free(&made);
	return json;
}

static json_t *
calls_json(const struct encoder *e, const json_t *calls)
{
	json_t *list = json_array();
	const json_t *call;
	size_t i;

	json_array_foreach(calls, i, call)
		json_array_append_new(list, call_json(e, call, i));
	return list;
}

static json_t *
message_json(const struct encoder *e, const json_t *data, bool has_calls)
{
	json_t *content = json_object_get(data, "content"), *reasoning = json_object_get(data, "reasoning");
	json_t *message = json_pack("{s:s}", "role", "assistant");
	bool is_empty = json_string_length(content) == 0;

	json_object_set_new(message, "content",
	    !is_empty	    ? json_incref(content)
		: has_calls ? json_null()
			    : json_string(""));
	if (json_string_length(reasoning) > 0)
		json_object_set(message, "reasoning_content", reasoning);
	if (has_calls)
		json_object_set_new(message, "tool_calls", calls_json(e, json_object_get(data, "calls")));
	json_object_set_new(message, "refusal", json_null());
	return message;
}

static json_t *
completion_json(const struct encoder *e, const struct encoder_end *end)
{
	bool has_calls = json_array_size(json_object_get(end->data, "calls")) > 0;
	struct buf id = BUF_INIT(0);
	json_t *body;

	encoder_put_id(&id, "chatcmpl-", e->id);
	body = json_pack("{s:s, s:s, s:I, s:s, s:[{s:i, s:o, s:n, s:s}], s:o}", "id", buf_str(&id), "object",
	    "chat.completion", "created", (json_int_t)e->created_s, "model", model_of(e), "choices", "index", 0,
	    "message", message_json(e, end->data, has_calls), "logprobs", "finish_reason",
	    openai_finish(end, has_calls), "usage", openai_usage(end));
	buf_free(&id);
	return body;
}

static char *
whole(struct encoder *e, const char *start_json, const char *end_json, enum lang lang, const char *request_id,
    int *http_status)
{
	struct encoder_end end = encoder_read_end(end_json, lang);
	json_t *body;
	char *text;

	(void)start_json;
	*http_status = status_http(end.status);
	body = end.status == OK ? completion_json(e, &end)
				: openai_error(end.status, end.message, NULL, request_id, http_status);
	text = json_dumps(body, JSON_BODY);
	json_decref(body);
	json_decref(end.event);
	return text;
}

static char *
own_body(const struct encoder *e, const struct buf *lines, const char *end_json)
{
	struct encoder_end end = encoder_read_end(end_json, LANG_EN);
	json_t *usage = encoder_is_estimate(&end) ? openai_usage(&end) : NULL;
	char *counts = usage == NULL ? NULL : json_dumps(usage, JSON_BODY);
	char *text = own_whole(lines, "model", model_of(e), "usage", counts);

	free(counts);
	json_decref(usage);
	json_decref(end.event);
	return text;
}

/* Durations are Go's. */
static void
rate_headers(struct buf *out, int64_t limit, int64_t remaining, int64_t left_s, int64_t reset_s)
{
	(void)reset_s;
	buf_printf(out,
	    "x-ratelimit-limit-requests: %lld\r\nx-ratelimit-remaining-requests: %lld\r\n"
	    "x-ratelimit-reset-requests: %llds\r\n",
	    (long long)limit, (long long)remaining, (long long)left_s);
}

const struct dialect dialect_openai = {
	.name = "openai",
	.begins_late = true,
	.rate_headers = rate_headers,
	.has_ids = true,
	/* Without an empty line, at which openai-python takes a comment for an event, and fails. */
	.keepalive = ":\n",
	.read = openai_chat_read,
	.read_embed = openai_embed_read,
	.vectors = openai_put_vectors,
	.wire = "openai",
	.own = own,
	.own_whole = own_body,
	.start = start,
	.piece = piece,
	.end = end,
	.cut = cut,
	.whole = whole,
	.error = openai_error,
};
