/*
 * One JSON object of an answer, read without a tree: a chunk of a stream or a
 * whole response, which are of the same shape.
 *
 * Source: ai.google.dev/api/generate-content#v1beta.GenerateContentResponse and
 * ai.google.dev/api/caching#Part.
 */
#include "wire/gemini/gemini.h"
#include "wire/value.h"

/* A value as it stands. */
static void
read_raw(struct scan *s, const char **at, size_t *len)
{
	const char *start = s->at;

	scan_skip(s); /* also the blanks in front, which stay */
	*at = start;
	*len = (size_t)(s->at - start);
}

static void
read_usage(struct scan *s, struct gemini_chunk *chunk)
{
	struct scan_text name;

	if (!value_object(s))
		return;
	chunk->has_usage = true;
	while (scan_member(s, &name)) {
		if (scan_is(&name, "promptTokenCount"))
			value_count(s, &chunk->usage.input_tokens);
		else if (scan_is(&name, "candidatesTokenCount"))
			value_count(s, &chunk->usage.output_tokens);
		else if (scan_is(&name, "thoughtsTokenCount"))
			value_count(s, &chunk->usage.reasoning_tokens);
		else if (scan_is(&name, "cachedContentTokenCount"))
			value_count(s, &chunk->usage.cached_tokens);
		else if (scan_is(&name, "toolUsePromptTokenCount"))
			value_count(s, &chunk->tool_tokens);
		else
			scan_skip(s);
	}
}

static void
read_content(struct scan *s, struct gemini_chunk *chunk)
{
	struct scan_text name;

	if (!value_object(s))
		return;
	while (scan_member(s, &name)) {
		if (scan_is(&name, "parts"))
			read_raw(s, &chunk->parts, &chunk->parts_len);
		else
			scan_skip(s);
	}
}

/* Only the candidate with index 0 is ours, which is what the first is that does not say. */
static void
read_candidate(struct scan *s, struct gemini_chunk *chunk)
{
	struct gemini_chunk candidate = *chunk;
	struct scan_text name;
	int64_t index = 0;

	if (!value_object(s))
		return;
	while (scan_member(s, &name)) {
		if (scan_is(&name, "content"))
			read_content(s, &candidate);
		else if (scan_is(&name, "finishReason"))
			value_string(s, &candidate.finish);
		else if (!scan_is(&name, "index") || !scan_integer(s, &index))
			scan_skip(s);
	}
	if (index == 0)
		*chunk = candidate;
}

static void
read_candidates(struct scan *s, struct gemini_chunk *chunk)
{
	if (!scan_array(s)) {
		scan_skip(s);
		return;
	}
	chunk->has_candidates = true;
	while (scan_element(s))
		read_candidate(s, chunk);
}

static void
read_feedback(struct scan *s, struct gemini_chunk *chunk)
{
	struct scan_text name;

	if (!value_object(s))
		return;
	while (scan_member(s, &name)) {
		if (scan_is(&name, "blockReason"))
			value_string(s, &chunk->blocked);
		else
			scan_skip(s);
	}
}

bool
gemini_chunk_read(const char *data, size_t len, struct gemini_chunk *out)
{
	struct scan_text name;
	struct scan s;

	*out = (struct gemini_chunk){ .usage = WIRE_USAGE_UNTOLD, .tool_tokens = -1 };
	scan_init(&s, data, len);
	if (!scan_object(&s))
		return false;
	while (scan_member(&s, &name)) {
		if (scan_is(&name, "candidates")) {
			read_candidates(&s, out);
		} else if (scan_is(&name, "usageMetadata")) {
			read_usage(&s, out);
		} else if (scan_is(&name, "promptFeedback")) {
			read_feedback(&s, out);
		} else if (scan_is(&name, "error")) {
			out->has_error = value_says(&s);
		} else {
			scan_skip(&s);
		}
	}
	return scan_end(&s);
}

static void
read_args(struct scan *s, struct gemini_part *part)
{
	read_raw(s, &part->args, &part->args_len);
	if (value_was(s, "null"))
		part->args_len = 0;
}

static void
read_call(struct scan *s, struct gemini_part *part)
{
	struct scan_text name;

	if (!value_object(s))
		return;
	part->is_call = true;
	while (scan_member(s, &name)) {
		if (scan_is(&name, "id"))
			value_string(s, &part->id);
		else if (scan_is(&name, "name"))
			value_string(s, &part->name);
		else if (scan_is(&name, "args"))
			read_args(s, part);
		else
			scan_skip(s);
	}
}

bool
gemini_part_read(struct scan *s, struct gemini_part *out)
{
	struct scan_text name;

	*out = (struct gemini_part){ .args = "" };
	if (!scan_element(s))
		return false;
	if (!value_object(s))
		return true;
	while (scan_member(s, &name)) {
		if (scan_is(&name, "text")) {
			value_string(s, &out->text);
		} else if (scan_is(&name, "thought")) {
			scan_skip(s);
			out->is_thought = value_was(s, "true");
		} else if (scan_is(&name, "thoughtSignature")) {
			value_string(s, &out->signature);
		} else if (scan_is(&name, "functionCall")) {
			read_call(s, out);
		} else {
			scan_skip(s);
		}
	}
	return true;
}
