/* The calls of tools in an answer. The contract is in call.h. */
#include "demo/call.h"

#include <stdio.h>
#include <string.h>

#define CALL_PIECES 3

/* ---- what is called ------------------------------------------------------ */

/* Cut the next part off, which a colon ends. */
static struct span
next_part(struct span *rest)
{
	const char *colon = memchr(rest->at, ':', rest->len);
	struct span part = { rest->at, colon ? (size_t)(colon - rest->at) : rest->len };
	size_t used = part.len + (colon != NULL);

	rest->at += used;
	rest->len -= used;
	return part;
}

/* A number, a truth value or null stands for itself; all else is a text. */
static void
put_value(struct buf *out, struct span value)
{
	struct buf text = BUF_INIT(0);
	json_t *json;

	h1_decode(&text, value);
	json = json_loadb(buf_str(&text), text.len, JSON_DECODE_ANY, NULL);
	if (json != NULL && !json_is_string(json))
		buf_add(out, text.data, text.len);
	else
		buf_json(out, buf_str(&text), text.len);
	json_decref(json);
	buf_free(&text);
}

/* "a=1:b=x" as an object. */
static void
put_args(struct buf *out, struct span rest)
{
	bool is_first = true;

	buf_puts(out, "{");
	while (rest.len > 0) {
		struct span part = next_part(&rest);
		const char *eq = memchr(part.at, '=', part.len);
		size_t key_len = eq ? (size_t)(eq - part.at) : part.len;

		buf_puts(out, is_first ? "" : ",");
		buf_json(out, part.at, key_len);
		buf_puts(out, ":");
		if (eq != NULL)
			put_value(out, (struct span){ eq + 1, part.len - key_len - 1 });
		else
			buf_puts(out, "true");
		is_first = false;
	}
	buf_puts(out, "}");
}

/* The id depends on the question and on which of its calls this is. */
static void
name_call(struct call *call, const struct ask *ask, const struct speaker *speaker, unsigned index)
{
	uint64_t hash = script_hash(ask->messages * 16 + index, buf_str(&ask->prompt), ask->prompt.len);

	snprintf(call->id, sizeof call->id, "%s%016llx", speaker->call_start,
	    (unsigned long long)script_hash(hash, call->name, strlen(call->name)));
}

static void
write_call(struct call *call, const char *word, const struct ask *ask)
{
	struct span rest = { word, strlen(word) }, name = next_part(&rest);

	if (span_is(name, "1") && ask->tool[0] != '\0') {
		memcpy(call->name, ask->tool, sizeof call->name);
		example_json(&call->args, ask->tool_schema);
		return;
	}
	snprintf(call->name, sizeof call->name, "%.*s", (int)name.len, name.at);
	if (rest.len > 0 && *rest.at == '!')
		h1_decode(&call->args, (struct span){ rest.at + 1, rest.len - 1 });
	else
		put_args(&call->args, rest);
}

unsigned
calls_write(struct call *calls, const struct script *s, const struct ask *ask, const struct speaker *speaker)
{
	unsigned count = s->call_count;

	if (!ask->has_tools || (ask->result.len > 0 && !s->again))
		return 0;
	if (count == 0 && ask->must_call)
		write_call(&calls[count++], "1", ask);
	else
		for (unsigned i = 0; i < count; i++)
			write_call(&calls[i], s->calls[i], ask);
	for (unsigned i = 0; i < count; i++)
		name_call(&calls[i], ask, speaker, i);
	return ask->one_call && count > 1 ? 1 : count;
}

/* ---- how it is said ------------------------------------------------------ */

/* End of the piece of arguments that starts at from: a third, and no half
 * of a character. */
static size_t
piece_end(const struct buf *args, size_t from)
{
	size_t end = from + (args->len + CALL_PIECES - 1) / CALL_PIECES;

	while (end < args->len && ((unsigned char)args->data[end] & 0xC0) == 0x80)
		end++;
	return end < args->len ? end : args->len;
}

bool
call_next(struct call *call, bool is_whole, struct span *piece)
{
	size_t end = is_whole ? call->args.len : call->is_open ? piece_end(&call->args, call->at) : 0;

	*piece = (struct span){ buf_str(&call->args) + call->at, end - call->at };
	call->is_open = true;
	call->at = end;
	return end < call->args.len;
}

uint32_t
calls_count(const struct call *calls, unsigned count, bool is_whole)
{
	uint32_t n = 0;

	for (unsigned i = 0; i < count; i++) {
		struct call copy = calls[i];
		struct span piece;

		for (n++; call_next(&copy, is_whole, &piece);)
			n++;
	}
	return n;
}
