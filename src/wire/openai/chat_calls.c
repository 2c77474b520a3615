/*
 * The calls of an answer, put together from their deltas.
 *
 * Source: platform.openai.com/docs/guides/function-calling "Streaming": a call
 * begins with index, id and name, then come arguments by the index.  Others send
 * no index (Mistral's older models), the same one for all calls of an answer
 * (Gemini at its OpenAI-like address), the id again or another one each time
 * (older vLLM): a name beside an id that is new begins a call, whatever its index.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "wire/openai/openai.h"
#include "wire/text.h"

#define CALLS_MAX 256 /* of one answer */

struct openai_open_call {
	int64_t index; /* the provider's; negative: none */
	size_t number; /* ours, once it is told */
	char *id;      /* NULL: none yet */
	bool is_told, has_arguments;
	struct text_half half;
	struct buf held; /* arguments that came before the name */
};

void
openai_calls_free(struct openai_calls *calls)
{
	for (size_t i = 0; i < calls->n; i++) {
		free(calls->list[i].id);
		buf_free(&calls->list[i].held);
	}
	free(calls->list);
	*calls = (struct openai_calls){ .list = NULL };
}

/* A text of its own; NULL when it is empty, or is not UTF-8. */
static char *
decoded(const struct scan_text *raw)
{
	struct buf text = BUF_INIT(0);

	if (!text_keep(&text, raw) || text.len == 0)
		buf_free(&text);
	return text.data;
}

static bool
is_other_id(const struct openai_open_call *c, const char *id)
{
	return c->id != NULL && id != NULL && strcmp(c->id, id) != 0;
}

/* The call a delta goes on with, or NULL: it begins one. */
static struct openai_open_call *
find(struct openai_calls *calls, const struct openai_call *delta, const char *id)
{
	bool has_name = delta->name.len > 0;

	for (size_t i = calls->n; i > 0; i--) {
		struct openai_open_call *c = &calls->list[i - 1];

		if (delta->index >= 0 ? c->index == delta->index
				      : id != NULL && c->id != NULL && strcmp(c->id, id) == 0)
			return has_name && is_other_id(c, id) ? NULL : c;
	}
	return delta->index < 0 && !has_name && calls->n > 0 ? &calls->list[calls->n - 1] : NULL;
}

static struct openai_open_call *
begin(struct openai_calls *calls, const struct openai_call *delta, size_t max_bytes)
{
	struct openai_open_call *c;

	if (calls->n == CALLS_MAX)
		return NULL;
	calls->list = xrealloc(calls->list, (calls->n + 1) * sizeof(*calls->list));
	c = &calls->list[calls->n++];
	*c = (struct openai_open_call){ .index = delta->index, .held = BUF_INIT(max_bytes) };
	return c;
}

static void
tell(const struct openai_open_call *c, const char *name, const char *text, size_t len, wire_emit_fn *emit, void *arg)
{
	emit(arg,
	    &(struct wire_event){ .kind = WIRE_CALL,
		.call = c->number,
		.id = name == NULL ? NULL : c->id,
		.name = name,
		.text = text == NULL ? "" : text,
		.len = len });
}

/* Tell a delta, or keep it until there is a name. */
static const char *
tell_or_hold(struct openai_calls *calls, struct openai_open_call *c, const char *name, const struct scan_text *text,
    wire_emit_fn *emit, void *arg)
{
	c->has_arguments |= text->len > 0;
	if (c->is_told) {
		if (text->len > 0)
			tell(c, NULL, text->at, text->len, emit, arg);
		return NULL;
	}
	if (!buf_add(&c->held, text->at, text->len))
		return "the answer has a call larger than an answer may be";
	if (name == NULL)
		return NULL;
	c->is_told = true;
	c->number = calls->n_told++;
	tell(c, name, buf_str(&c->held), c->held.len, emit, arg);
	buf_free(&c->held);
	return NULL;
}

const char *
openai_calls_take(struct openai_calls *calls, const struct openai_call *delta, struct buf *scratch, size_t max_bytes,
    wire_emit_fn *emit, void *arg)
{
	char *id = decoded(&delta->id), *name = decoded(&delta->name);
	struct openai_open_call *c = find(calls, delta, id);
	const char *problem = NULL;
	struct scan_text text;

	if (c == NULL)
		c = begin(calls, delta, max_bytes);
	if (c == NULL)
		problem = "the answer has more calls than one may have";
	else if (!text_decode(&c->half, &delta->arguments, scratch, &text))
		problem = "the answer has a call that is not UTF-8";
	if (problem == NULL) {
		if (c->id == NULL) {
			c->id = id;
			id = NULL;
		}
		problem = tell_or_hold(calls, c, name, &text, emit, arg);
	}
	free(id);
	free(name);
	return problem;
}

/* A function without parameters is called with nothing by some, with {} by most. */
void
openai_calls_end(struct openai_calls *calls, wire_emit_fn *emit, void *arg)
{
	for (size_t i = 0; i < calls->n; i++) {
		struct openai_open_call *c = &calls->list[i];

		if (c->is_told && c->half.len > 0)
			tell(c, NULL, TEXT_REPLACEMENT, strlen(TEXT_REPLACEMENT), emit, arg);
		else if (c->is_told && !c->has_arguments)
			tell(c, NULL, "{}", 2, emit, arg);
		c->half.len = 0;
		c->has_arguments = true;
	}
	calls->is_over = true;
}
