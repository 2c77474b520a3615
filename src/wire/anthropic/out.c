/*
 * What a client of Anthropic's Messages API is answered: the events of a stream, a
 * whole message, an error.
 *
 * A block of content is open at a time.  It is opened by the first piece of its kind,
 * so that none is empty but a call's, and closed by a piece of another.  A seal closes
 * the thought it belongs to; one without thought has a block of its own, one behind a
 * call cannot be said.
 *
 * Source: docs.anthropic.com/en/api/messages-streaming, /en/api/messages and
 * /en/api/errors, read 2026-11.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "wire/anthropic/anthropic.h"
#include "wire/encoder.h"
#include "wire/own.h"

#define JSON_FLAGS (JSON_COMPACT | JSON_REAL_PRECISION(15))
#define HTTP_OVERLOADED 529

/* ---- errors -------------------------------------------------------------------- */

/* What an error is called in this dialect, by its HTTP status. */
static const struct type_row {
	int first, last;
	const char *type;
} types[] = {
	{ 401, 401, "authentication_error" },
	{ 402, 402, "billing_error" },
	{ 403, 403, "permission_error" },
	{ 404, 404, "not_found_error" },
	{ 413, 413, "request_too_large" },
	{ 429, 429, "rate_limit_error" },
	{ 400, 499, "invalid_request_error" },
	{ 504, 504, "timeout_error" },
	{ HTTP_OVERLOADED, HTTP_OVERLOADED, "overloaded_error" },
};

/* Clients ask again on a 5xx: not for what was refused; and wait longer on 529. */
static int
http_of(enum status st)
{
	switch (st) {
	case E_CONTENT_VIOLATION: return 400;
	case E_OVERLOADED:
	case E_UNAVAILABLE: return HTTP_OVERLOADED;
	default: return status_http(st);
	}
}

static const char *
type_of(enum status st)
{
	int http = http_of(st);

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]) && st != E_CANCELLED; i++)
		if (http >= types[i].first && http <= types[i].last)
			return types[i].type;
	return "api_error";
}

/* The dialect has no place for details; what is wrong with a field is the message. */
static json_t *
error(enum status st, const char *message, json_t *details, const char *request_id, int *http_status)
{
	const char *field = json_string_value(json_object_get(details, "field"));
	const char *problem = json_string_value(json_object_get(details, "problem"));
	json_t *said = field != NULL && problem != NULL ? json_sprintf("%s: %s", field, problem) : json_string(message);
	json_t *body;

	if (said == NULL) /* not UTF-8 */
		said = json_string(status_text(st, LANG_EN));
	body = json_pack("{s:s, s:{s:s, s:o}}", "type", "error", "error", "type", type_of(st), "message", said);
	if (request_id != NULL)
		json_object_set_new(body, "request_id", json_string(request_id));
	*http_status = http_of(st);
	json_decref(details);
	return body;
}

static void
put_error(struct buf *out, enum status st, const char *message)
{
	buf_printf(out, "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"%s\",\"message\":", type_of(st));
	buf_json(out, message, strlen(message));
	buf_puts(out, "}}\n\n");
}

/* ---- blocks -------------------------------------------------------------------- */

static void
put_string(struct buf *out, const char *before, const char *value)
{
	buf_puts(out, before);
	buf_json(out, value, strlen(value));
}

static void
close_block(struct encoder *e, struct buf *out)
{
	if (!e->in_block)
		return;
	buf_printf(out, "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":%zu}\n\n",
	    e->n_blocks - 1);
	e->in_block = false;
}

/* Up to where the block's own members begin. */
static void
begin_block(struct encoder *e, struct buf *out, enum piece_kind kind)
{
	close_block(e, out);
	buf_printf(out,
	    "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":%zu,\"content_block\":",
	    e->n_blocks++);
	e->in_block = true;
	e->block = kind;
}

static void
open_block(struct encoder *e, struct buf *out, enum piece_kind kind)
{
	if (e->in_block && e->block == kind)
		return;
	begin_block(e, out, kind);
	buf_puts(out,
	    kind == PIECE_TEXT ? "{\"type\":\"text\",\"text\":\"\"}}\n\n"
			       : "{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}}\n\n");
}

static void
put_delta(struct encoder *e, struct buf *out, const char *type, const char *member, const struct piece *p)
{
	if (p->len == 0)
		return;
	buf_printf(out,
	    "id: %" PRIu64 "\nevent: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":%zu,"
	    "\"delta\":{\"type\":\"%s\",\"%s\":",
	    p->position, e->n_blocks - 1, type, member);
	buf_json(out, p->text, p->len);
	buf_puts(out, "}}\n\n");
}

/* The id of a call that came without one. */
static void
put_minted_id(struct encoder *e, struct buf *out, size_t call)
{
	encoder_put_id(out, "toolu_", e->id);
	buf_printf(out, "_%zu", call);
}

static void
open_call(struct encoder *e, struct buf *out, const struct piece *p)
{
	begin_block(e, out, PIECE_CALL);
	e->has_calls = true;
	e->call = p->call;
	if (p->id != NULL && *p->id != '\0') {
		put_string(out, "{\"type\":\"tool_use\",\"id\":", p->id);
	} else {
		buf_puts(out, "{\"type\":\"tool_use\",\"id\":\"");
		put_minted_id(e, out, p->call);
		buf_puts(out, "\"");
	}
	put_string(out, ",\"name\":", p->name == NULL ? "" : p->name);
	buf_puts(out, ",\"input\":{}}}\n\n");
}

/* Calls come one after the other: what would belong to a block that is closed has no
 * place any more. */
static void
put_call(struct encoder *e, struct buf *out, const struct piece *p)
{
	if (!e->has_calls || p->call > e->call)
		open_call(e, out, p);
	if (e->in_block && e->block == PIECE_CALL && e->call == p->call)
		put_delta(e, out, "input_json_delta", "partial_json", p);
}

static bool
is_redacted(const char *seal, size_t len)
{
	size_t n = strlen(ASK_SEAL_REDACTED);

	return len >= n && memcmp(seal, ASK_SEAL_REDACTED, n) == 0;
}

static void
put_signature(struct encoder *e, struct buf *out, const struct piece *p)
{
	size_t n = strlen(ASK_SEAL_REDACTED);

	if (is_redacted(p->text, p->len)) {
		begin_block(e, out, PIECE_SIGNATURE);
		buf_puts(out, "{\"type\":\"redacted_thinking\",\"data\":");
		buf_json(out, p->text + n, p->len - n);
		buf_puts(out, "}}\n\n");
	} else {
		if (p->len == 0 || (e->in_block && e->block == PIECE_CALL))
			return;
		open_block(e, out, PIECE_REASONING);
		put_delta(e, out, "signature_delta", "signature", p);
	}
	close_block(e, out);
}

/* ---- a stream ------------------------------------------------------------------ */

static void
start(struct encoder *e, struct buf *out, const char *start_json)
{
	(void)start_json;
	encoder_put_id(
	    out, "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_", e->id);
	put_string(out, "\",\"type\":\"message\",\"role\":\"assistant\",\"model\":", e->model);
	buf_puts(out,
	    ",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{\"input_tokens\":0,"
	    "\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":0,\"output_tokens\":0}}}\n\n");
}

static void
piece(struct encoder *e, struct buf *out, const struct piece *p)
{
	switch (p->kind) {
	case PIECE_TEXT:
	case PIECE_REASONING:
		if (p->len == 0)
			return;
		open_block(e, out, p->kind);
		if (p->kind == PIECE_TEXT)
			put_delta(e, out, "text_delta", "text", p);
		else
			put_delta(e, out, "thinking_delta", "thinking", p);
		break;
	case PIECE_SIGNATURE: put_signature(e, out, p); break;
	case PIECE_CALL: put_call(e, out, p); break;
	}
}

/* ---- the end ------------------------------------------------------------------- */

static const char *
stop_reason(const struct encoder_end *end, bool has_calls)
{
	static const struct {
		const char *finish, *reason;
	} rows[] = {
		{ "length", "max_tokens" },
		{ "content_filter", "refusal" },
		{ "tool_calls", "tool_use" },
	};
	const char *finish = json_string_value(json_object_get(end->usage, "finish"));

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]) && finish != NULL; i++)
		if (strcmp(rows[i].finish, finish) == 0)
			return rows[i].reason;
	return has_calls ? "tool_use" : "end_turn"; /* not all makers say that they call */
}

/* What was cached is no part of the input here. */
static json_t *
usage_json(const struct encoder_end *end)
{
	json_int_t cached = encoder_count(end, "cached_tokens"), written = encoder_count(end, "cache_write_tokens");
	json_int_t input = encoder_count(end, "input_tokens") - cached - written;

	return json_pack("{s:I, s:I, s:I, s:I}", "input_tokens", input > 0 ? input : 0, "cache_creation_input_tokens",
	    written, "cache_read_input_tokens", cached, "output_tokens", encoder_count(end, "output_tokens"));
}

/* The provider's event, with the model's name as the client knows it; but the last
 * one, which is told when all is settled. */
static void
own(struct encoder *e, struct buf *out, const char *text, size_t len)
{
	struct scan_text type;

	if (!own_find(text, len, (const char *const[]){ "type", NULL }, &type) || type.len < 2 || *type.at != '"' ||
	    (type.len == 14 && memcmp(type.at, "\"message_stop\"", 14) == 0))
		return;
	e->has_finish |= type.len == 15 && memcmp(type.at, "\"message_delta\"", 15) == 0;
	buf_printf(out, "event: %.*s\ndata: ", (int)type.len - 2, type.at + 1);
	own_rename(out, text, len, (const char *const[]){ "message", "model", NULL }, e->model);
	buf_puts(out, "\n\n");
}

static void
end(struct encoder *e, struct buf *out, uint64_t position, const char *end_json)
{
	struct encoder_end end = encoder_read_end(end_json, LANG_EN);
	json_t *usage = usage_json(&end);
	char *text = json_dumps(usage, JSON_FLAGS);

	(void)position;
	if (end.status == OK && e->is_own && e->has_finish) {
		buf_puts(out, "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n");
	} else if (end.status == OK) {
		close_block(e, out);
		buf_printf(out,
		    "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"%s\","
		    "\"stop_sequence\":null},\"usage\":%s}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
		    stop_reason(&end, e->has_calls), text);
	} else {
		put_error(out, end.status, end.message);
	}
	free(text);
	json_decref(usage);
	json_decref(end.event);
}

static void
cut(struct encoder *e, struct buf *out, enum status why, const char *message)
{
	(void)e;
	put_error(out, why, message);
}

/* ---- a whole message ----------------------------------------------------------- */

static void
add_thinking(json_t *content, const json_t *data)
{
	const char *text = json_string_value(json_object_get(data, "reasoning"));
	const char *seal = json_string_value(json_object_get(data, "signature"));
	bool redacted = seal != NULL && is_redacted(seal, strlen(seal));

	if ((text != NULL && *text != '\0') || (seal != NULL && *seal != '\0' && !redacted))
		json_array_append_new(content,
		    json_pack("{s:s, s:s, s:s}", "type", "thinking", "thinking", text == NULL ? "" : text, "signature",
			seal == NULL || redacted ? "" : seal));
	if (redacted)
		json_array_append_new(content,
		    json_pack("{s:s, s:s}", "type", "redacted_thinking", "data", seal + strlen(ASK_SEAL_REDACTED)));
}

/* The arguments of a call, which may be no object: nothing of them is lost. */
static json_t *
input_of(const json_t *call)
{
	const char *arguments = json_string_value(json_object_get(call, "arguments"));
	json_t *input = arguments == NULL ? NULL : json_loads(arguments, 0, NULL);

	if (json_is_object(input))
		return input;
	json_decref(input);
	return arguments == NULL || *arguments == '\0' ? json_object() : json_pack("{s:s}", "arguments", arguments);
}

static void
add_call(json_t *content, struct encoder *e, size_t number, const json_t *call)
{
	const char *id = json_string_value(json_object_get(call, "id"));
	const char *name = json_string_value(json_object_get(call, "name"));
	struct buf minted = BUF_INIT(0);

	put_minted_id(e, &minted, number);
	json_array_append_new(content,
	    json_pack("{s:s, s:s, s:s, s:o}", "type", "tool_use", "id",
		id == NULL || *id == '\0' ? buf_str(&minted) : id, "name", name == NULL ? "" : name, "input",
		input_of(call)));
	buf_free(&minted);
}

static json_t *
message_json(struct encoder *e, const struct encoder_end *end)
{
	const json_t *data = end->data;
	const char *text = json_string_value(json_object_get(data, "content"));
	const json_t *calls = json_object_get(data, "calls");
	json_t *content = json_array();
	struct buf id = BUF_INIT(0);
	json_t *message;

	add_thinking(content, data);
	if (text != NULL && *text != '\0')
		json_array_append_new(content, json_pack("{s:s, s:s}", "type", "text", "text", text));
	for (size_t i = 0; i < json_array_size(calls); i++)
		add_call(content, e, i, json_array_get(calls, i));
	encoder_put_id(&id, "msg_", e->id);
	message = json_pack("{s:s, s:s, s:s, s:s, s:o, s:s, s:n, s:o}", "id", buf_str(&id), "type", "message", "role",
	    "assistant", "model", e->model, "content", content, "stop_reason",
	    stop_reason(end, json_array_size(calls) > 0), "stop_sequence", "usage", usage_json(end));
	buf_free(&id);
	return message;
}

static char *
whole(struct encoder *e, const char *start_json, const char *end_json, enum lang lang, const char *request_id,
    int *http_status)
{
	struct encoder_end end = encoder_read_end(end_json, lang);
	json_t *body;
	char *text;

	(void)start_json;
	*http_status = 200;
	body = end.status == OK ? message_json(e, &end) : error(end.status, end.message, NULL, request_id, http_status);
	text = json_dumps(body, JSON_FLAGS);
	json_decref(body);
	json_decref(end.event);
	return text;
}

static char *
own_body(const struct encoder *e, const struct buf *lines, const char *end_json)
{
	struct encoder_end end = encoder_read_end(end_json, LANG_EN);
	json_t *usage = encoder_is_estimate(&end) ? usage_json(&end) : NULL;
	char *counts = usage == NULL ? NULL : json_dumps(usage, JSON_FLAGS);
	char *text = own_whole(lines, "model", e->model, "usage", counts);

	free(counts);
	json_decref(usage);
	json_decref(end.event);
	return text;
}

static void
rate_headers(struct buf *out, int64_t limit, int64_t remaining, int64_t left_s, int64_t reset_s)
{
	char text[RFC3339_LEN];

	(void)left_s;
	clock_rfc3339(reset_s * 1000, text);
	buf_printf(out,
	    "anthropic-ratelimit-requests-limit: %lld\r\nanthropic-ratelimit-requests-remaining: %lld\r\n"
	    "anthropic-ratelimit-requests-reset: %s\r\n",
	    (long long)limit, (long long)remaining, text);
}

/* Half of a beta's header and fields is refused. */
static const char *const own_headers[] = { "anthropic-version", "anthropic-beta", NULL };

const struct dialect dialect_anthropic = {
	.name = "anthropic",
	.begins_late = true,
	.rate_headers = rate_headers,
	.has_ids = true,
	.wire = "anthropic",
	.own = own,
	.own_whole = own_body,
	.own_headers = own_headers,
	.request_id_header = "request-id",
	.keepalive = "event: ping\ndata: {\"type\": \"ping\"}\n\n",
	.read = anthropic_read,
	.start = start,
	.piece = piece,
	.end = end,
	.cut = cut,
	.whole = whole,
	.error = error,
};
