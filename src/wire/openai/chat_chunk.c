/*
 * One JSON object of an answer, read without a tree: a chunk of a stream or a
 * whole completion, in the shapes that providers give them.
 *
 * Source: platform.openai.com/docs/api-reference/chat/object and /streaming.
 * reasoning_content is DeepSeek's name (also Qwen, Kimi), reasoning is
 * OpenRouter's and vLLM's; parts with thinking are Mistral's; usage within the
 * choice and cached_tokens in it are Kimi's; prompt_cache_hit_tokens is DeepSeek's;
 * that reasoning_tokens are not among completion_tokens is xAI's; {"object":"error"} is vLLM's and {"error_code":…} Baidu's,
 * base_resp MiniMax', "type":"error" Anthropic's, code and message on the top
 * level DashScope's.
 */
#include "wire/openai/openai.h"
#include "wire/value.h"

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

/* An array, or an object, is kept as it stands; anything else is skipped. */
static void
read_raw(struct scan *s, bool is_array, struct scan_text *out)
{
	struct scan inside = *s;
	bool is_it = is_array ? scan_array(&inside) : scan_object(&inside);
	const char *at = s->at;

	scan_skip(s);
	if (is_it && !s->is_wrong)
		*out = (struct scan_text){ at, (size_t)(s->at - at), false };
}

static void
read_message(struct scan *s, struct openai_message *m)
{
	struct scan_text name;

	if (!value_object(s))
		return;
	while (scan_member(s, &name)) {
		if (scan_is(&name, "content"))
			read_text(s, &m->content);
		else if (scan_is(&name, "reasoning_content") ||
		    (scan_is(&name, "reasoning") && m->reasoning.raw.at == NULL))
			read_text(s, &m->reasoning);
		else if (scan_is(&name, "refusal"))
			read_text(s, &m->refusal);
		else if (scan_is(&name, "tool_calls"))
			read_raw(s, true, &m->calls);
		else if (scan_is(&name, "function_call"))
			read_raw(s, false, &m->function);
		else
			scan_skip(s);
	}
}

/* A member of the details of a count. */
static void
read_detail(struct scan *s, const char *member, int64_t *out)
{
	struct scan_text name;

	if (!value_object(s))
		return;
	while (scan_member(s, &name)) {
		if (scan_is(&name, member))
			value_count(s, out);
		else
			scan_skip(s);
	}
}

static void
read_prompt_details(struct scan *s, struct wire_usage *usage)
{
	struct scan_text name;

	if (!value_object(s))
		return;
	while (scan_member(s, &name)) {
		if (scan_is(&name, "cached_tokens"))
			value_count(s, &usage->cached_tokens);
		else if (scan_is(&name, "cache_write_tokens"))
			value_count(s, &usage->cache_write_tokens);
		else
			scan_skip(s);
	}
}

static void
read_usage_member(struct scan *s, const struct scan_text *name, struct wire_usage *usage, int64_t *total)
{
	if (scan_is(name, "prompt_tokens"))
		value_count(s, &usage->input_tokens);
	else if (scan_is(name, "completion_tokens"))
		value_count(s, &usage->output_tokens);
	else if (scan_is(name, "total_tokens"))
		value_count(s, total);
	else if (scan_is(name, "prompt_tokens_details"))
		read_prompt_details(s, usage);
	else if (scan_is(name, "completion_tokens_details"))
		read_detail(s, "reasoning_tokens", &usage->reasoning_tokens);
	else if (usage->cached_tokens < 0 &&
	    (scan_is(name, "prompt_cache_hit_tokens") || scan_is(name, "cached_tokens")))
		value_count(s, &usage->cached_tokens);
	else
		scan_skip(s);
}

static int64_t
at_most(int64_t n, int64_t max)
{
	return n > max ? max : n;
}

/* Counts that contradict each other must not become a bill: parts are no larger
 * than what they are parts of, and reasoning counts as output. */
static void
settle_usage(struct wire_usage *usage, int64_t total)
{
	int64_t input = usage->input_tokens, output = usage->output_tokens, reasoning = usage->reasoning_tokens;

	if (input >= 0) {
		usage->cached_tokens = at_most(usage->cached_tokens, input);
		usage->cache_write_tokens = at_most(
		    usage->cache_write_tokens, input - (usage->cached_tokens < 0 ? 0 : usage->cached_tokens));
	}
	if (output >= 0 && reasoning > 0 && total == input + output + reasoning)
		usage->output_tokens = output + reasoning;
	if (usage->output_tokens >= 0)
		usage->reasoning_tokens = at_most(reasoning, usage->output_tokens);
}

static void
read_usage(struct scan *s, struct openai_chunk *chunk)
{
	struct wire_usage usage = chunk->usage;
	struct scan_text name;
	int64_t total = -1;

	if (!value_object(s))
		return;
	while (scan_member(s, &name))
		read_usage_member(s, &name, &usage, &total);
	settle_usage(&usage, total);
	chunk->usage = usage;
}

/* One choice; only the one with index 0 is ours. */
static void
read_choice(struct scan *s, struct openai_chunk *chunk)
{
	struct openai_chunk choice = *chunk;
	struct scan_text name;
	int64_t index = 0;

	if (!value_object(s))
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
	return value_says(s);
}

/* {"status_code":0} is how MiniMax says that all is well. */
static void
read_base_resp(struct scan *s, struct openai_chunk *chunk)
{
	struct scan_text name;

	if (!value_object(s))
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

	*out = (struct openai_chunk){ .usage = WIRE_USAGE_UNTOLD };
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
	if (!value_object(s))
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

/* Arguments are a text; an object is taken as it stands. */
static void
read_arguments(struct scan *s, struct scan_text *out)
{
	if (!scan_string(s, out))
		read_raw(s, false, out);
}

void
openai_function_read(struct scan *s, struct openai_call *out)
{
	struct scan_text name;

	if (!value_object(s))
		return;
	while (scan_member(s, &name)) {
		if (scan_is(&name, "name"))
			value_string(s, &out->name);
		else if (scan_is(&name, "arguments"))
			read_arguments(s, &out->arguments);
		else
			scan_skip(s);
	}
}

bool
openai_call_read(struct scan *s, struct openai_call *out)
{
	struct scan_text name;

	*out = (struct openai_call){ .index = -1 };
	if (!scan_element(s))
		return false;
	if (!value_object(s))
		return true;
	while (scan_member(s, &name)) {
		if (scan_is(&name, "id"))
			value_string(s, &out->id);
		else if (scan_is(&name, "function"))
			openai_function_read(s, out);
		else if (!scan_is(&name, "index") || !scan_integer(s, &out->index))
			scan_skip(s);
	}
	return true;
}
