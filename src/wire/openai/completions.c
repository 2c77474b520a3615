/*
 * Completions, OpenAI's older way to ask for text: a prompt, which becomes a user's
 * message, and what follows it.  A dialect without a wire: every chat wire answers it.
 *
 * Source: platform.openai.com/docs/api-reference/completions.  Without max_tokens an answer may
 * be as long as a chat's.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "wire/encoder.h"
#include "wire/openai/openai.h"
#include "wire/openai/reading.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define JSON_BODY (JSON_COMPACT | JSON_REAL_PRECISION(15))

/* ---- what is asked ------------------------------------------------------------ */

static bool
is_several(const json_t *value)
{
	return json_number_value(value) > 1;
}

static bool
is_true(const json_t *value)
{
	return json_is_true(value);
}

static bool
is_text(const json_t *value)
{
	return json_string_length(value) > 0;
}

static bool
is_there(const json_t *value)
{
	return value != NULL;
}

/* What would make another answer than a chat can give. */
static bool
is_possible(struct reading *r, const json_t *body)
{
	static const struct {
		const char *name;
		bool (*is_asked)(const json_t *value);
		const char *problem;
	} rows[] = {
		{ "n", is_several, "must be 1: more than one answer is not supported" },
		{ "best_of", is_several, "must be 1: more than one answer is not supported" },
		{ "suffix", is_text, "is not supported" },
		{ "logprobs", is_there, "is not supported" },
		{ "echo", is_true, "is not supported" },
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		if (rows[i].is_asked(reading_member(body, rows[i].name)))
			return reading_wrong(r, rows[i].name, rows[i].problem);
	return true;
}

static bool
read_prompt(struct reading *r, const json_t *body)
{
	const json_t *prompt = reading_member(body, "prompt");
	struct ask_message *message;
	struct ask_part *part;

	if (json_array_size(prompt) == 1 && json_is_string(json_array_get(prompt, 0)))
		prompt = json_array_get(prompt, 0);
	if (prompt == NULL)
		return reading_wrong(r, "prompt", "is missing");
	if (!json_is_string(prompt))
		return reading_wrong(r, "prompt", "must be one text: several, and tokens, are not supported");
	message = reading_keep(r, xcalloc(1, sizeof(*message)));
	part = reading_keep(r, xcalloc(1, sizeof(*part)));
	*part = (struct ask_part){ .kind = ASK_TEXT, .text = json_string_value(prompt) };
	*message = (struct ask_message){ .role = "user", .parts = part, .n_parts = 1 };
	r->out->ask.chat.messages = message;
	r->out->ask.chat.n_messages = 1;
	return true;
}

static bool
read_body(struct reading *r, const json_t *body)
{
	struct ask *ask = &r->out->ask;

	return reading_need_string(r, body, "model", &r->out->model) && is_possible(r, body) &&
	    openai_stream_read(r, body) && read_prompt(r, body) && openai_stop_read(r, body) &&
	    openai_sampling_read(r, body) && reading_integer(r, body, "max_tokens", 1, &ask->max_output_tokens) &&
	    reading_string(r, body, "user", &ask->chat.user);
}

static enum status
read(struct arena *a, const json_t *body, const char *path_model, bool path_stream, struct dialect_ask *out,
    struct dialect_problem *problem)
{
	struct reading r = { .a = a, .problem = problem, .out = out };

	(void)path_model;
	*out = (struct dialect_ask){ .ask = { .op = OP_CHAT, .chat = { ASK_CHAT_PLAIN } }, .stream = path_stream };
	return read_body(&r, body) ? OK : E_INVALID_REQUEST;
}

/* ---- what is answered ------------------------------------------------------------ */

static void
put_string(struct buf *out, const char *s)
{
	buf_json(out, s == NULL ? "" : s, s == NULL ? 0 : strlen(s));
}

/* Up to the choices. */
static void
put_head(const struct encoder *e, struct buf *out)
{
	encoder_put_id(out, "data: {\"id\":\"cmpl-", e->id);
	buf_printf(out, "\",\"object\":\"text_completion\",\"created\":%" PRId64 ",\"model\":", e->created_s);
	put_string(out, e->model);
	buf_puts(out, ",\"choices\":[");
}

/* `finish` NULL: it goes on. */
static void
put_choice(const struct encoder *e, struct buf *out, const char *text, size_t len, const char *finish)
{
	put_head(e, out);
	buf_puts(out, "{\"text\":");
	buf_json(out, text, len);
	buf_puts(out, ",\"index\":0,\"logprobs\":null,\"finish_reason\":");
	if (finish == NULL)
		buf_puts(out, "null");
	else
		put_string(out, finish);
	buf_puts(out, e->wants_usage ? "}],\"usage\":null}\n\n" : "}]}\n\n");
}

static void
start(struct encoder *e, struct buf *out, const char *start_json)
{
	(void)e;
	(void)out;
	(void)start_json;
}

/* There is a word for text alone. */
static void
piece(struct encoder *e, struct buf *out, const struct piece *p)
{
	if (p->kind != PIECE_TEXT || p->len == 0)
		return;
	buf_printf(out, "id: %" PRIu64 "\n", p->position);
	put_choice(e, out, p->text, p->len, NULL);
}

static void
put_done(const struct encoder *e, struct buf *out, uint64_t position, const struct encoder_end *end)
{
	json_t *usage = openai_usage(end);
	char *text = json_dumps(usage, JSON_BODY);

	buf_printf(out, "id: %" PRIu64 "-1\n", position);
	put_choice(e, out, "", 0, openai_finish(end, false));
	if (e->wants_usage) {
		put_head(e, out);
		buf_printf(out, "],\"usage\":%s}\n\n", text);
	}
	buf_puts(out, "data: [DONE]\n\n");
	free(text);
	json_decref(usage);
}

static void
end(struct encoder *e, struct buf *out, uint64_t position, const char *end_json)
{
	struct encoder_end end = encoder_read_end(end_json, LANG_EN);

	if (end.status == OK)
		put_done(e, out, position, &end);
	else
		openai_put_error(out, end.status, end.message);
	json_decref(end.event);
}

static void
cut(struct encoder *e, struct buf *out, enum status why, const char *message)
{
	(void)e;
	openai_put_error(out, why, message);
}

static json_t *
completion_json(const struct encoder *e, const struct encoder_end *end)
{
	const char *text = json_string_value(json_object_get(end->data, "content"));
	struct buf id = BUF_INIT(0);
	json_t *body;

	encoder_put_id(&id, "cmpl-", e->id);
	body = json_pack("{s:s, s:s, s:I, s:s, s:[{s:s, s:i, s:n, s:s}], s:o}", "id", buf_str(&id), "object",
	    "text_completion", "created", (json_int_t)e->created_s, "model", e->model == NULL ? "" : e->model,
	    "choices", "text", text == NULL ? "" : text, "index", 0, "logprobs", "finish_reason",
	    openai_finish(end, false), "usage", openai_usage(end));
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

const struct dialect dialect_completions = {
	.name = "completions",
	.begins_late = true,
	.keepalive = ":\n", /* as in out.c */
	.read = read,
	.start = start,
	.piece = piece,
	.end = end,
	.cut = cut,
	.whole = whole,
	.error = openai_error,
};
