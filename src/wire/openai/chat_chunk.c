/*
 * One JSON object of an answer, read without a tree: a chunk of a stream or a
 * whole completion, in the shapes that providers give them.
 *
 * Source: platform.openai.com/docs/api-reference/chat/object and /streaming.
 * reasoning_content is DeepSeek's name (also Qwen, Kimi), reasoning is
 * OpenRouter's and vLLM's; parts with thinking are Mistral's; usage within the
 * choice is Kimi's; {"object":"error"} is vLLM's and {"error_code":…} Baidu's,
 * base_resp MiniMax', "type":"error" Anthropic's, code and message on the top
 * level DashScope's.
 */
#include <string.h>

#include "wire/openai/openai.h"

/* A count above this is a mistake, not a bill. */
#define TOKENS_MAX 1000000000

/* False, having skipped it, when the value is no object. */
static bool
enter_object(struct scan *s)
{
	if (scan_object(s))
		return true;
	scan_skip(s);
	return false;
}

/* A string, or an array of parts, is kept in *out; anything else is skipped. */
static void
read_text(struct scan *s, struct openai_text *out)
{
	struct openai_text text = { .is_parts = false };
	struct scan array = *s;

	if (!scan_string(s, &text.raw)) {
		text.is_parts = scan_array(&array);
		text.raw.at = s->at;
		scan_skip(s);
		text.raw.len = (size_t)(s->at - text.raw.at);
		if (!text.is_parts)
			return;
	}
	*out = text;
}

static void
read_message(struct scan *s, struct openai_message *m)
{
	struct scan_text name;

	if (!enter_object(s))
		return;
	while (scan_member(s, &name)) {
		if (scan_is(&name, "content"))
			read_text(s, &m->content);
		else if (scan_is(&name, "reasoning_content") ||
		    (scan_is(&name, "reasoning") && m->reasoning.raw.at == NULL))
			read_text(s, &m->reasoning);
		else if (scan_is(&name, "refusal"))
			read_text(s, &m->refusal);
		else
			scan_skip(s);
	}
}

/* -1 for anything that cannot be a count. */
static void
read_count(struct scan *s, int64_t *out)
{
	int64_t n = -1;

	if (!scan_integer(s, &n))
		scan_skip(s);
	*out = n >= 0 && n <= TOKENS_MAX ? n : -1;
}

static void
read_usage(struct scan *s, struct openai_chunk *chunk)
{
	struct scan_text name;

	if (!enter_object(s))
		return;
	while (scan_member(s, &name)) {
		if (scan_is(&name, "prompt_tokens"))
			read_count(s, &chunk->input_tokens);
		else if (scan_is(&name, "completion_tokens"))
			read_count(s, &chunk->output_tokens);
		else
			scan_skip(s);
	}
}

/* One choice; only the one with index 0 is ours. */
static void
read_choice(struct scan *s, struct openai_chunk *chunk)
{
	struct openai_chunk choice = *chunk;
	struct scan_text name;
	int64_t index = 0;

	if (!enter_object(s))
		return;
	while (scan_member(s, &name)) {
		if (scan_is(&name, "delta")) {
			choice.has_delta = true;
			read_message(s, &choice.delta);
		} else if (scan_is(&name, "message")) {
			read_message(s, &choice.message);
		} else if (scan_is(&name, "finish_reason")) {
			if (!scan_string(s, &choice.finish))
				scan_skip(s);
		} else if (scan_is(&name, "usage")) {
			read_usage(s, &choice);
		} else if (!scan_is(&name, "index") || !scan_integer(s, &index)) {
			scan_skip(s);
		}
	}
	if (index == 0)
		*chunk = choice;
}

static void
read_choices(struct scan *s, struct openai_chunk *chunk)
{
	if (!scan_array(s)) {
		scan_skip(s);
		return;
	}
	chunk->has_choices = true;
	while (scan_element(s))
		read_choice(s, chunk);
}

/* Does the value say anything?  Some gateways send an error always, and it is
 * null, false, "", {} or 0 when there is none, or an object of such.  As deep as
 * the scanner goes. */
static bool
read_whether(struct scan *s)
{
	struct scan_text text;
	bool any = false;
	int64_t n;

	if (scan_string(s, &text))
		return text.len > 0;
	if (scan_integer(s, &n))
		return n != 0;
	if (scan_object(s)) {
		while (scan_member(s, &text))
			any = read_whether(s) || any;
		return any;
	}
	if (scan_array(s)) {
		while (scan_element(s))
			any = read_whether(s) || any;
		return any;
	}
	scan_skip(s);
	return !s->is_wrong && memcmp(s->at - 4, "null", 4) != 0 && memcmp(s->at - 4, "alse", 4) != 0;
}

/* {"status_code":0} is how MiniMax says that all is well. */
static void
read_base_resp(struct scan *s, struct openai_chunk *chunk)
{
	struct scan_text name;

	if (!enter_object(s))
		return;
	while (scan_member(s, &name)) {
		if (scan_is(&name, "status_code"))
			chunk->is_error |= read_whether(s);
		else
			scan_skip(s);
	}
}

static void
read_member(struct scan *s, const struct scan_text *name, struct openai_chunk *out)
{
	struct scan_text text;

	if (scan_is(name, "choices"))
		read_choices(s, out);
	else if (scan_is(name, "usage"))
		read_usage(s, out);
	else if (scan_is(name, "error"))
		out->has_error = read_whether(s);
	else if (scan_is(name, "error_code"))
		out->is_error |= read_whether(s);
	else if (scan_is(name, "base_resp"))
		read_base_resp(s, out);
	else if (scan_is(name, "code"))
		out->has_code = read_whether(s);
	else if (scan_is(name, "message"))
		out->has_words = read_whether(s);
	else if ((scan_is(name, "object") || scan_is(name, "type")) && scan_string(s, &text))
		out->is_error |= scan_is(&text, "error");
	else
		scan_skip(s);
}

bool
openai_chunk_read(const char *data, size_t len, struct openai_chunk *out)
{
	struct scan_text name;
	struct scan s;

	*out = (struct openai_chunk){ .input_tokens = -1, .output_tokens = -1 };
	scan_init(&s, data, len);
	if (!scan_object(&s))
		return false;
	while (scan_member(&s, &name))
		read_member(&s, &name, out);
	out->is_error |= out->has_code && out->has_words && !out->has_choices;
	return scan_end(&s);
}

bool
openai_part_read(struct scan *s, struct openai_text *text, struct openai_text *thinking)
{
	struct scan_text name;

	*text = *thinking = (struct openai_text){ .is_parts = false };
	if (!scan_element(s))
		return false;
	if (scan_string(s, &text->raw))
		return true;
	if (!enter_object(s))
		return true;
	while (scan_member(s, &name)) {
		if (scan_is(&name, "text") || scan_is(&name, "refusal"))
			read_text(s, text);
		else if (scan_is(&name, "thinking"))
			read_text(s, thinking);
		else
			scan_skip(s);
	}
	return true;
}
