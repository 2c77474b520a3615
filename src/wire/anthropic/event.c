/*
 * One JSON object of an answer, read without a tree: an event of a stream or a
 * whole message.
 *
 * Source: docs.anthropic.com/en/api/messages (the message, its blocks, its usage) and
 * /en/api/messages-streaming (events and deltas), read 2026-11.
 */
#include "wire/anthropic/anthropic.h"
#include "wire/value.h"

/* A value of any kind, as it stands. */
static void
read_raw(struct scan *s, struct scan_text *out)
{
	struct scan inside = *s;

	if (!scan_object(&inside) && !scan_array(&inside)) { /* these go to their first byte */
		scan_skip(s);
		return;
	}
	out->at = inside.at - 1;
	scan_skip(s);
	out->len = (size_t)(s->at - out->at);
}

static void
read_output_details(struct scan *s, struct wire_usage *usage)
{
	struct scan_text name;

	if (!value_object(s))
		return;
	while (scan_member(s, &name)) {
		if (scan_is(&name, "thinking_tokens") || scan_is(&name, "reasoning_tokens"))
			value_count(s, &usage->reasoning_tokens);
		else
			scan_skip(s);
	}
}

/* How long what was written is kept. */
static void
read_cache_creation(struct scan *s, struct wire_usage *usage)
{
	struct scan_text name;
	int64_t short_tokens = 0, all;

	if (!value_object(s))
		return;
	while (scan_member(s, &name)) {
		if (scan_is(&name, "ephemeral_1h_input_tokens"))
			value_count(s, &usage->cache_write_1h_tokens);
		else if (scan_is(&name, "ephemeral_5m_input_tokens"))
			value_count(s, &short_tokens);
		else
			scan_skip(s);
	}
	all = short_tokens + (usage->cache_write_1h_tokens > 0 ? usage->cache_write_1h_tokens : 0);
	if (all > usage->cache_write_tokens)
		usage->cache_write_tokens = all;
}

static void
read_usage(struct scan *s, struct wire_usage *usage)
{
	struct scan_text name;

	if (!value_object(s))
		return;
	while (scan_member(s, &name)) {
		if (scan_is(&name, "input_tokens"))
			value_count(s, &usage->input_tokens);
		else if (scan_is(&name, "output_tokens"))
			value_count(s, &usage->output_tokens);
		else if (scan_is(&name, "cache_read_input_tokens"))
			value_count(s, &usage->cached_tokens);
		else if (scan_is(&name, "cache_creation_input_tokens"))
			value_count(s, &usage->cache_write_tokens);
		else if (scan_is(&name, "cache_creation"))
			read_cache_creation(s, usage);
		else if (scan_is(&name, "output_tokens_details"))
			read_output_details(s, usage);
		else
			scan_skip(s);
	}
}

/* A member of a block or a delta; false: it is none of theirs, and nothing was read. */
static bool
read_block_member(struct scan *s, const struct scan_text *name, struct anthropic_block *b)
{
	const struct {
		const char *name;
		struct scan_text *text;
	} texts[] = {
		{ "type", &b->type },
		{ "text", &b->text },
		{ "thinking", &b->thinking },
		{ "signature", &b->signature },
		{ "partial_json", &b->arguments },
		{ "data", &b->data },
		{ "id", &b->id },
		{ "name", &b->name },
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (scan_is(name, texts[i].name)) {
			value_string(s, texts[i].text);
			return true;
		}
	if (!scan_is(name, "input"))
		return false;
	read_raw(s, &b->input);
	return true;
}

/* A block, or a delta, which has the reason of the end as well. */
static bool
read_block(struct scan *s, struct anthropic_block *b, struct scan_text *finish)
{
	struct scan_text name;

	if (!value_object(s))
		return false;
	while (scan_member(s, &name)) {
		if (read_block_member(s, &name, b))
			continue;
		if (finish != NULL && scan_is(&name, "stop_reason"))
			value_string(s, finish);
		else
			scan_skip(s);
	}
	return true;
}

bool
anthropic_block_read(struct scan *s, struct anthropic_block *out)
{
	*out = (struct anthropic_block){ .type = { .at = NULL } };
	if (!scan_element(s))
		return false;
	read_block(s, out, NULL);
	return true;
}

/* A member of a message; false: it is none, and nothing was read. */
static bool
read_message_member(struct scan *s, const struct scan_text *name, struct anthropic_event *out)
{
	if (scan_is(name, "content"))
		read_raw(s, &out->content);
	else if (scan_is(name, "stop_reason"))
		value_string(s, &out->finish);
	else if (scan_is(name, "usage"))
		read_usage(s, &out->usage);
	else
		return false;
	return true;
}

/* What message_start holds: the message as far as it is known. */
static void
read_message(struct scan *s, struct anthropic_event *out)
{
	struct scan_text name;

	if (!value_object(s))
		return;
	out->has_message = true;
	while (scan_member(s, &name))
		if (!read_message_member(s, &name, out))
			scan_skip(s);
}

static void
read_member(struct scan *s, const struct scan_text *name, struct anthropic_event *out)
{
	if (scan_is(name, "type"))
		value_string(s, &out->type);
	else if (scan_is(name, "content_block"))
		out->has_block = read_block(s, &out->block, NULL);
	else if (scan_is(name, "delta"))
		out->has_delta = read_block(s, &out->delta, &out->finish);
	else if (scan_is(name, "message"))
		read_message(s, out);
	else if (scan_is(name, "error"))
		out->has_error = value_says(s); /* some gateways send one always */
	else if (!read_message_member(s, name, out))
		scan_skip(s);
}

bool
anthropic_event_read(const char *data, size_t len, struct anthropic_event *out)
{
	struct scan_text name;
	struct scan s;

	*out = (struct anthropic_event){ .usage = WIRE_USAGE_UNTOLD };
	scan_init(&s, data, len);
	if (!scan_object(&s))
		return false;
	while (scan_member(&s, &name))
		read_member(&s, &name, out);
	out->has_error |= scan_is(&out->type, "error");
	return scan_end(&s);
}
