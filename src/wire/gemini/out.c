/*
 * What a client of the Gemini API is told: the inverse of answer.c.
 *
 * A stream is "data:" lines, each a whole GenerateContentResponse, and nothing else
 * ever: Google's own clients take any other line for JSON, comments too, and only
 * bear blank ones.  So no place is named where a reader could come back, and a call
 * is kept until it is whole.
 *
 * Source: ai.google.dev/api/generate-content#v1beta.GenerateContentResponse; errors
 * are those of google.aip.dev/193.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "wire/encoder.h"
#include "wire/gemini/gemini.h"
#include "wire/own.h"

#define REASON_MAX_BYTES 64 /* of the name of an error */

/* ---- responses --------------------------------------------------------------- */

static void
put_field(struct buf *out, const char *name, const char *value)
{
	buf_printf(out, ",\"%s\":", name);
	buf_json(out, value, strlen(value));
}

static void
begin(struct buf *out)
{
	buf_puts(out, "{\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":[");
}

/* Behind the parts; the brackets of the candidate. */
static void
end_candidate(struct buf *out, const char *finish)
{
	buf_puts(out, "]}");
	if (finish != NULL)
		put_field(out, "finishReason", finish);
	buf_puts(out, ",\"index\":0}]");
}

static void
finish(const struct encoder *e, struct buf *out)
{
	if (e->model != NULL)
		put_field(out, "modelVersion", e->model);
	if (e->id != NULL)
		put_field(out, "responseId", e->id);
	buf_puts(out, "}");
}

static void
put_text(struct buf *out, const char *text, size_t len, bool is_thought)
{
	buf_puts(out, "{\"text\":");
	buf_json(out, text, len);
	if (is_thought)
		buf_puts(out, ",\"thought\":true");
}

static void
begin_call(struct buf *out, const char *id, const char *name)
{
	buf_puts(out, "{\"functionCall\":{\"name\":");
	buf_json(out, name, strlen(name));
	if (id != NULL && *id != '\0')
		put_field(out, "id", id);
	buf_puts(out, ",\"args\":");
}

static void
put_seal(struct buf *out, const char *seal, size_t len)
{
	if (len == 0)
		return;
	buf_puts(out, ",\"thoughtSignature\":");
	buf_json(out, seal, len);
}

/* ---- a stream ---------------------------------------------------------------- */

/* The call that is kept leaves, with the seal that follows it.  n_blocks says where
 * in it its arguments begin. */
static void
let_go(struct encoder *e, struct buf *out, const char *seal, size_t len)
{
	if (!e->in_block)
		return;
	buf_puts(out, "data: ");
	begin(out);
	buf_add(out, e->kept.data, e->n_blocks);
	gemini_put_args(out, e->kept.data + e->n_blocks, e->kept.len - e->n_blocks);
	buf_puts(out, "}");
	put_seal(out, seal, len);
	buf_puts(out, "}");
	end_candidate(out, NULL);
	finish(e, out);
	buf_puts(out, "\n\n");
	buf_free(&e->kept);
	e->in_block = false;
}

/* A piece without a name goes on with the call that is kept, or with nothing. */
static void
keep_call(struct encoder *e, struct buf *out, const struct piece *p)
{
	if (p->name != NULL || !e->in_block || e->call != p->call) {
		let_go(e, out, NULL, 0);
		if (p->name == NULL)
			return;
		begin_call(&e->kept, p->id, p->name);
		e->n_blocks = e->kept.len;
		e->in_block = e->has_calls = true;
		e->call = p->call;
	}
	buf_add(&e->kept, p->text, p->len);
}

static void
start(struct encoder *e, struct buf *out, const char *start_json)
{
	(void)e, (void)out, (void)start_json; /* each response says all there is */
}

static void
piece(struct encoder *e, struct buf *out, const struct piece *p)
{
	bool is_seal = p->kind == PIECE_SIGNATURE;
	bool is_thought = p->kind == PIECE_REASONING || (is_seal && e->block == PIECE_REASONING);

	if (p->kind == PIECE_CALL) {
		keep_call(e, out, p);
		e->block = p->kind;
		return;
	}
	if (is_seal && e->in_block) {
		let_go(e, out, p->text, p->len);
		return;
	}
	let_go(e, out, NULL, 0);
	if (!is_seal)
		e->block = p->kind;
	buf_puts(out, "data: ");
	begin(out);
	put_text(out, p->text, is_seal ? 0 : p->len, is_thought);
	if (is_seal)
		put_seal(out, p->text, p->len);
	buf_puts(out, "}");
	end_candidate(out, NULL);
	finish(e, out);
	buf_puts(out, "\n\n");
}

/* ---- ends -------------------------------------------------------------------- */

static const char *
finish_reason(const struct encoder_end *end)
{
	static const struct {
		const char *ours, *theirs;
	} rows[] = {
		{ "content_filter", "SAFETY" },
		{ "length", "MAX_TOKENS" },
		{ "other", "OTHER" },
	};
	const char *name = json_string_value(json_object_get(end->usage, "finish"));

	for (size_t i = 0; name != NULL && i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(rows[i].ours, name) == 0)
			return rows[i].theirs;
	return "STOP"; /* also for calls */
}

static void
put_count(struct buf *out, const char *name, json_int_t n)
{
	if (n > 0)
		buf_printf(out, ",\"%s\":%lld", name, (long long)n);
}

/* Thoughts stand beside what the candidate says. */
static void
put_usage(struct buf *out, const struct encoder_end *end)
{
	json_int_t input = encoder_count(end, "input_tokens");
	json_int_t output = encoder_count(end, "output_tokens");
	json_int_t thoughts = encoder_count(end, "reasoning_tokens");

	if (thoughts > output)
		thoughts = output;
	buf_printf(out, "{\"promptTokenCount\":%lld,\"candidatesTokenCount\":%lld", (long long)input,
	    (long long)(output - thoughts));
	put_count(out, "thoughtsTokenCount", thoughts);
	put_count(out, "cachedContentTokenCount", encoder_count(end, "cached_tokens"));
	buf_printf(out, ",\"totalTokenCount\":%lld}", (long long)(input + output));
}

/* What the SDKs' users switch on, from the one thing that we know of an error. */
static const char *
error_status(enum status st, int *http_status)
{
	static const struct {
		int http;
		const char *status;
	} rows[] = {
		{ 401, "UNAUTHENTICATED" },
		{ 402, "RESOURCE_EXHAUSTED" },
		{ 403, "PERMISSION_DENIED" },
		{ 404, "NOT_FOUND" },
		{ 409, "ABORTED" },
		{ 429, "RESOURCE_EXHAUSTED" },
		{ 499, "CANCELLED" },
		{ 500, "INTERNAL" },
		{ 503, "UNAVAILABLE" },
		{ 504, "DEADLINE_EXCEEDED" },
	};

	if (st == E_CANCELLED)
		*http_status = 499;
	else if (st == E_CONTENT_VIOLATION) /* asking again would not help */
		*http_status = 400;
	else if (*http_status == 502 || *http_status == 507) /* which their codes do not know */
		*http_status = 503;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].http == *http_status)
			return rows[i].status;
	return *http_status < 500 ? "INVALID_ARGUMENT" : "UNAVAILABLE";
}

/* google.rpc.ErrorInfo, whose metadata are texts. */
static json_t *
error_info(enum status st, const json_t *details)
{
	json_t *metadata = json_object(), *value;
	char reason[REASON_MAX_BYTES] = "", *text;
	const char *code = status_code(st), *name;

	for (size_t i = 0; code[i] != '\0' && i < sizeof(reason) - 1; i++)
		reason[i] = (char)toupper((unsigned char)code[i]);
	json_object_foreach((json_t *)details, name, value) {
		if (json_is_string(value)) {
			json_object_set(metadata, name, value);
			continue;
		}
		text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
		json_object_set_new(metadata, name, json_string(text));
		free(text);
	}
	return json_pack("{s:s, s:s, s:s, s:o}", "@type", "type.googleapis.com/google.rpc.ErrorInfo", "reason", reason,
	    "domain", "weir", "metadata", metadata);
}

static json_t *
error(enum status st, const char *message, json_t *details, const char *request_id, int *http_status)
{
	const char *status = error_status(st, http_status);
	json_t *list = json_array();

	(void)request_id; /* a header has it */
	if (json_object_size(details) > 0)
		json_array_append_new(list, error_info(st, details));
	json_decref(details);
	return json_pack("{s:{s:i, s:s, s:s, s:o}}", "error", "code", *http_status, "message", message, "status",
	    status, "details", list);
}

/* The stream ends with it; what was kept of a call is worth nothing. */
static void
fail(struct encoder *e, struct buf *out, enum status st, const char *message)
{
	int http_status = status_http(st);
	const char *status = error_status(st, &http_status);

	buf_free(&e->kept);
	e->in_block = false;
	buf_printf(out, "data: {\"error\":{\"code\":%d,\"message\":", http_status);
	buf_json(out, message, strlen(message));
	buf_printf(out, ",\"status\":\"%s\"}}\n\n", status);
}

/* The provider's piece, with the model's name as the client knows it.  That it is the
 * last one is told when all is settled; some say so of each. */
static void
own(struct encoder *e, struct buf *out, const char *text, size_t len)
{
	bool is_last = own_says(text, len, "candidates", "finishReason");

	if (is_last && e->kept.len > 0) {
		buf_add(out, e->kept.data, e->kept.len);
		buf_free(&e->kept);
	}
	e->has_finish |= is_last;
	if (e->has_finish)
		out = &e->kept;
	buf_puts(out, "data: ");
	own_rename(out, text, len, (const char *const[]){ "modelVersion", NULL }, e->model);
	buf_puts(out, "\n\n");
}

static void
end(struct encoder *e, struct buf *out, uint64_t position, const char *end_json)
{
	struct encoder_end end = encoder_read_end(end_json, LANG_EN);

	(void)position;
	if (end.status != OK) {
		fail(e, out, end.status, end.message);
	} else if (e->is_own && e->has_finish) {
		buf_add(out, buf_str(&e->kept), e->kept.len);
		buf_free(&e->kept);
	} else {
		let_go(e, out, NULL, 0);
		buf_puts(out, "data: ");
		begin(out);
		put_text(out, "", 0, false); /* with no part at all some clients print "None" */
		buf_puts(out, "}");
		end_candidate(out, finish_reason(&end));
		buf_puts(out, ",\"usageMetadata\":");
		put_usage(out, &end);
		finish(e, out);
		buf_puts(out, "\n\n");
	}
	json_decref(end.event);
}

static void
cut(struct encoder *e, struct buf *out, enum status why, const char *message)
{
	fail(e, out, why, message);
}

/* ---- a whole answer ---------------------------------------------------------- */

static const char *
string_of(const json_t *object, const char *name)
{
	const char *s = json_string_value(json_object_get(object, name));

	return s == NULL ? "" : s;
}

static void
put_whole_call(struct buf *out, const json_t *call, const char *seal)
{
	const json_t *arguments = json_object_get(call, "arguments");
	const char *own = string_of(call, "signature");
	char *text = json_is_object(arguments) ? json_dumps(arguments, JSON_COMPACT) : NULL;
	const char *args = text == NULL ? string_of(call, "arguments") : text;

	begin_call(out, string_of(call, "id"), string_of(call, "name"));
	gemini_put_args(out, args, strlen(args));
	buf_puts(out, "}");
	put_seal(out, *own != '\0' ? own : seal, strlen(*own != '\0' ? own : seal));
	buf_puts(out, "}");
	free(text);
}

/* The one seal we know goes to the thoughts, else to the first call, else to the text. */
static void
put_parts(struct buf *out, const json_t *data)
{
	const char *content = string_of(data, "content"), *reasoning = string_of(data, "reasoning");
	const char *seal = string_of(data, "signature");
	const json_t *calls = json_object_get(data, "calls");
	size_t n_calls = json_array_size(calls);

	if (*reasoning != '\0') {
		put_text(out, reasoning, strlen(reasoning), true);
		put_seal(out, seal, strlen(seal));
		buf_puts(out, "}");
		seal = "";
	}
	if (*content != '\0' || n_calls == 0) {
		buf_puts(out, *reasoning != '\0' ? "," : "");
		put_text(out, content, strlen(content), false);
		put_seal(out, seal, n_calls == 0 ? strlen(seal) : 0);
		buf_puts(out, "}");
	}
	for (size_t i = 0; i < n_calls; i++) {
		buf_puts(out, i > 0 || *content != '\0' || *reasoning != '\0' ? "," : "");
		put_whole_call(out, json_array_get(calls, i), i == 0 ? seal : "");
	}
}

static char *
whole(struct encoder *e, const char *start_json, const char *end_json, enum lang lang, const char *request_id,
    int *http_status)
{
	struct encoder_end end = encoder_read_end(end_json, lang);
	struct buf out = BUF_INIT(0);
	char *text = NULL;

	(void)start_json;
	*http_status = status_http(end.status);
	if (end.status == OK) {
		begin(&out);
		put_parts(&out, end.data);
		end_candidate(&out, finish_reason(&end));
		buf_puts(&out, ",\"usageMetadata\":");
		put_usage(&out, &end);
		finish(e, &out);
		text = out.data;
	} else {
		json_t *body = error(end.status, end.message, NULL, request_id, http_status);

		text = json_dumps(body, JSON_COMPACT);
		json_decref(body);
	}
	json_decref(end.event);
	return text;
}

static char *
own_body(const struct encoder *e, const struct buf *lines, const char *end_json)
{
	struct encoder_end end = encoder_read_end(end_json, LANG_EN);
	struct buf usage = BUF_INIT(0);
	char *text;

	if (encoder_is_estimate(&end))
		put_usage(&usage, &end);
	text = own_whole(lines, "modelVersion", e->model, "usageMetadata", usage.data);
	buf_free(&usage);
	json_decref(end.event);
	return text;
}

const struct dialect dialect_gemini = {
	.name = "gemini",
	.begins_late = true,
	.wire = "gemini",
	.own = own,
	.own_whole = own_body,
	.keepalive = "\n",
	.read = gemini_read,
	.read_embed = gemini_embed_read,
	.vectors = gemini_put_vectors,
	.start = start,
	.piece = piece,
	.end = end,
	.cut = cut,
	.whole = whole,
	.error = error,
};
