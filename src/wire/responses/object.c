/*
 * The items of an answer, and the response around them, as JSON: in a stream's events
 * and in a whole answer.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "wire/responses/responses.h"

#define JSON_BODY (JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15))

/* ---- what is remembered ------------------------------------------------------------------ */

struct responses_state *
responses_state(struct encoder *e)
{
	struct responses_state *s = e->state;

	if (s != NULL)
		return s;
	e->state = s = xcalloc(1, sizeof(*s));
	if (e->echo != NULL)
		s->echo = json_loads(e->echo, JSON_ALLOW_NUL, NULL);
	return s;
}

void
responses_forget(struct encoder *e)
{
	struct responses_state *s = e->state;

	for (size_t i = 0; i < s->n_items; i++) {
		free(s->items[i].call_id);
		free(s->items[i].name);
		buf_free(&s->items[i].text);
		buf_free(&s->items[i].seal);
	}
	free(s->items);
	free(s->own_id);
	json_decref(s->echo);
	free(s);
	e->state = NULL;
}

struct responses_item *
responses_item_add(struct responses_state *s, enum piece_kind kind)
{
	s->items = xrealloc(s->items, (s->n_items + 1) * sizeof(*s->items));
	s->items[s->n_items] = (struct responses_item){ .kind = kind, .is_open = true };
	return &s->items[s->n_items++];
}

/* ---- calls, as whoever asked knows their functions ------------------------------------------ */

static const json_t *
name_row(const struct responses_state *s, const struct responses_item *item)
{
	return json_object_get(json_object_get(s->echo, "names"), item->name);
}

bool
responses_is_custom(const struct responses_state *s, const struct responses_item *item)
{
	return json_is_true(json_object_get(name_row(s, item), "is_custom"));
}

char *
responses_custom_input(const struct responses_item *item)
{
	json_t *arguments = json_loadb(buf_str(&item->text), item->text.len, JSON_ALLOW_NUL, NULL);
	const char *input = json_string_value(json_object_get(arguments, "input"));
	char *text = xstrdup(input == NULL ? buf_str(&item->text) : input);

	json_decref(arguments);
	return text;
}

/* ---- items --------------------------------------------------------------------------------- */

static void
put_string(struct buf *out, const char *before, const char *value)
{
	buf_puts(out, before);
	buf_json(out, value, strlen(value));
}

void
responses_put_item_id(struct encoder *e, struct buf *out, size_t index)
{
	const struct responses_state *s = responses_state(e);
	const struct responses_item *item = &s->items[index];
	const char *before = item->kind == PIECE_TEXT ? "msg_"
	    : item->kind == PIECE_REASONING	      ? "rs_"
	    : responses_is_custom(s, item)	      ? "ctc_"
						      : "fc_";

	encoder_put_id(out, before, e->id);
	buf_printf(out, "_%zu", index);
}

static void
put_message(struct buf *out, const struct responses_item *item, const char *status, bool is_empty)
{
	buf_printf(out, "\",\"type\":\"message\",\"status\":\"%s\",\"role\":\"assistant\",\"content\":[", status);
	if (!is_empty) {
		buf_puts(out, "{\"type\":\"output_text\",\"annotations\":[],\"logprobs\":[],\"text\":");
		buf_json(out, buf_str(&item->text), item->text.len);
		buf_puts(out, "}");
	}
	buf_puts(out, "]}");
}

static void
put_reasoning(struct buf *out, const struct responses_item *item, bool is_empty)
{
	buf_puts(out, "\",\"type\":\"reasoning\",\"summary\":[");
	if (!is_empty && item->text.len > 0) {
		buf_puts(out, "{\"type\":\"summary_text\",\"text\":");
		buf_json(out, item->text.data, item->text.len);
		buf_puts(out, "}");
	}
	buf_puts(out, "]");
	if (!is_empty && item->seal.len > 0)
		put_string(out, ",\"encrypted_content\":", item->seal.data);
	buf_puts(out, "}");
}

static void
put_call(struct buf *out, const struct responses_state *s, const struct responses_item *item, const char *status,
    bool is_empty)
{
	const json_t *row = name_row(s, item);
	const char *name = json_string_value(json_object_get(row, "name"));
	const char *space = json_string_value(json_object_get(row, "namespace"));
	bool is_custom = responses_is_custom(s, item);
	char *input = is_custom && !is_empty ? responses_custom_input(item) : NULL;

	buf_printf(
	    out, "\",\"type\":\"%s\",\"status\":\"%s\"", is_custom ? "custom_tool_call" : "function_call", status);
	put_string(out, ",\"call_id\":", item->call_id);
	put_string(out, ",\"name\":", name == NULL ? item->name : name);
	if (space != NULL)
		put_string(out, ",\"namespace\":", space);
	put_string(out, is_custom ? ",\"input\":" : ",\"arguments\":",
	    is_empty		? ""
		: input != NULL ? input
				: buf_str(&item->text));
	buf_puts(out, "}");
	free(input);
}

void
responses_put_item(struct encoder *e, struct buf *out, size_t index, const char *status, bool is_empty)
{
	const struct responses_state *s = responses_state(e);
	const struct responses_item *item = &s->items[index];

	buf_puts(out, "{\"id\":\"");
	responses_put_item_id(e, out, index);
	switch (item->kind) {
	case PIECE_TEXT: put_message(out, item, status, is_empty); break;
	case PIECE_REASONING: put_reasoning(out, item, is_empty); break;
	case PIECE_CALL: put_call(out, s, item, status, is_empty); break;
	case PIECE_SIGNATURE: break; /* is no item */
	}
}

/* ---- the response ----------------------------------------------------------------------------- */

/* What was asked, or what holds where nothing was. */
static void
put_asked(struct buf *out, const struct responses_state *s)
{
	static const struct {
		const char *name, *usual;
	} rows[] = {
		{ "max_output_tokens", "null" },
		{ "max_tool_calls", "null" },
		{ "metadata", "{}" },
		{ "parallel_tool_calls", "true" },
		{ "prompt_cache_key", "null" },
		{ "reasoning", "{\"effort\":null,\"summary\":null}" },
		{ "safety_identifier", "null" },
		{ "temperature", "null" },
		{ "text", "{\"format\":{\"type\":\"text\"}}" },
		{ "tool_choice", "\"auto\"" },
		{ "top_p", "null" },
		{ "truncation", "\"disabled\"" },
		{ "user", "null" },
	};
	const json_t *asked = json_object_get(s->echo, "asked"), *value;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *text = NULL;

		if ((value = json_object_get(asked, rows[i].name)) != NULL)
			text = json_dumps(value, JSON_BODY);
		buf_printf(out, ",\"%s\":", rows[i].name);
		buf_puts(out, text == NULL ? rows[i].usual : text);
		free(text);
	}
}

static void
put_usage(struct buf *out, const struct encoder_end *end)
{
	json_int_t input, output;

	if (end == NULL || end->usage == NULL) {
		buf_puts(out, ",\"usage\":null");
		return;
	}
	input = encoder_count(end, "input_tokens");
	output = encoder_count(end, "output_tokens");
	buf_printf(out,
	    ",\"usage\":{\"input_tokens\":%lld,\"input_tokens_details\":{\"cached_tokens\":%lld},"
	    "\"output_tokens\":%lld,\"output_tokens_details\":{\"reasoning_tokens\":%lld},\"total_tokens\":%lld}",
	    (long long)input, (long long)encoder_count(end, "cached_tokens"), (long long)output,
	    (long long)encoder_count(end, "reasoning_tokens"), (long long)(input + output));
}

static void
put_error(struct buf *out, const json_t *error)
{
	const char *code = json_string_value(json_object_get(error, "code"));
	const char *message = json_string_value(json_object_get(error, "message"));

	if (error == NULL) {
		buf_puts(out, ",\"error\":null");
		return;
	}
	put_string(out, ",\"error\":{\"code\":", code == NULL ? "server_error" : code);
	put_string(out, ",\"message\":", message == NULL ? "" : message);
	buf_puts(out, "}");
}

static void
put_id(struct encoder *e, struct buf *out)
{
	const struct responses_state *s = responses_state(e);

	if (s->own_id != NULL) {
		put_string(out, "{\"id\":", s->own_id);
	} else {
		encoder_put_id(out, "{\"id\":\"resp_", e->id);
		buf_puts(out, "\"");
	}
}

void
responses_put_response(
    struct encoder *e, struct buf *out, const char *status, const struct encoder_end *end, const json_t *error)
{
	const struct responses_state *s = responses_state(e);
	bool is_cut = strcmp(status, "incomplete") == 0;

	put_id(e, out);
	buf_printf(out, ",\"object\":\"response\",\"created_at\":%" PRId64 ",\"status\":\"%s\",\"background\":false",
	    e->created_s, status);
	put_error(out, error);
	buf_puts(out,
	    is_cut ? ",\"incomplete_details\":{\"reason\":\"max_output_tokens\"}" : ",\"incomplete_details\":null");
	put_string(out, ",\"instructions\":null,\"model\":", e->model == NULL ? "" : e->model);
	buf_puts(out, ",\"output\":[");
	for (size_t i = 0; i < s->n_items; i++) {
		buf_puts(out, i == 0 ? "" : ",");
		responses_put_item(
		    e, out, i, error != NULL || (is_cut && i + 1 == s->n_items) ? "incomplete" : "completed", false);
	}
	buf_puts(out, "],\"previous_response_id\":null,\"store\":false,\"tools\":[]");
	put_asked(out, s);
	put_usage(out, end);
	buf_puts(out, "}");
}
