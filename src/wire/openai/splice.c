/*
 * Own words: what a client of this wire says passes to a provider of the same
 * wire as it stands, and back, so that what Weir does not know survives.
 * Nothing is written anew but what is Weir's to say: the model's name, the
 * longest answer, that it is streamed and its usage told.
 */
#include <string.h>

#include "wire/openai/openai.h"

/* What the head or the wire says itself.  The names of this wire need no escapes: one
 * that has some may be one of ours in disguise, which the provider would take for it. */
static bool
is_ours(const struct scan_text *name)
{
	static const char *const ours[] = { "model", "stream", "stream_options", "max_tokens",
		"max_completion_tokens" };

	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (scan_is(name, ours[i]))
			return true;
	return name->has_escapes;
}

bool
openai_splice_ask(struct buf *out, const char *body, size_t len)
{
	struct scan_text name;
	const char *value;
	struct scan s;
	bool any = false;

	scan_init(&s, body, len);
	if (!scan_object(&s))
		return false;
	while (scan_member(&s, &name)) {
		value = s.at;
		scan_skip(&s);
		if (is_ours(&name))
			continue;
		buf_puts(out, any ? ",\"" : "\"");
		buf_add(out, name.at, name.len);
		buf_puts(out, "\":");
		buf_add(out, value, (size_t)(s.at - value));
		any = true;
	}
	return scan_end(&s) && any;
}

bool
openai_is_usage_alone(const char *chunk, size_t len)
{
	struct scan_text name;
	struct scan s;
	bool has_usage = false, is_empty = false;

	scan_init(&s, chunk, len);
	if (!scan_object(&s))
		return false;
	while (scan_member(&s, &name)) {
		if (scan_is(&name, "choices") && scan_array(&s)) {
			is_empty = !scan_element(&s);
			if (!is_empty)
				return false;
			continue;
		}
		has_usage |= scan_is(&name, "usage");
		scan_skip(&s);
	}
	return has_usage && is_empty;
}

/* Where the model's name stands, with its quotes; false: nowhere. */
static bool
find_model(const char *chunk, size_t len, size_t *from, size_t *to)
{
	struct scan_text name, model;
	struct scan s;

	scan_init(&s, chunk, len);
	if (!scan_object(&s))
		return false;
	while (scan_member(&s, &name)) {
		if (scan_is(&name, "model") && scan_string(&s, &model)) {
			*from = (size_t)(model.at - chunk) - 1;
			*to = *from + model.len + 2;
			return true;
		}
		scan_skip(&s);
	}
	return false;
}

void
openai_splice_chunk(struct buf *out, const char *chunk, size_t len, const char *model)
{
	size_t from = 0, to = 0;

	buf_puts(out, "data: ");
	if (find_model(chunk, len, &from, &to)) {
		buf_add(out, chunk, from);
		buf_json(out, model, strlen(model));
	}
	buf_add(out, chunk + to, len - to);
	buf_puts(out, "\n\n");
}
