/*
 * OpenAI's Responses API in a client's own words: wire/own.h.  The events pass as they
 * come, but the last one, which is told when all is settled.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "wire/own.h"
#include "wire/responses/responses.h"

static const char *const path_model[] = { "response", "model", NULL };

bool
responses_own_ask(struct buf *out, const struct ask *ask)
{
	/* what the head or the wire says itself; what was refused but for saying nothing; and
	 * what would reach another model, or cost more than its price */
	static const char *const ours[] = { "tools", "model", "stream", "stream_options", "max_output_tokens",
		"background", "conversation", "models", "fallbacks", "service_tier", NULL };

	if (ask->own_tools == NULL)
		return own_members(out, ask->own_words, ask->own_words_len, ours + 1);
	buf_printf(out, "\"tools\":");
	buf_puts(out, ask->own_tools);
	buf_puts(out, ",");
	return own_members(out, ask->own_words, ask->own_words_len, ours);
}

static bool
is_type(const struct scan_text *type, const char *name)
{
	size_t len = strlen(name);

	return type->len == len + 2 && memcmp(type->at + 1, name, len) == 0;
}

/* A text at that path, malloc'ed; NULL: there is none, or it is not plain. */
static char *
text_at(const char *json, size_t len, const char *const *path)
{
	struct scan_text value;

	if (!own_find(json, len, path, &value) || value.len < 2 || *value.at != '"' ||
	    memchr(value.at, '\\', value.len) != NULL)
		return NULL;
	return strndup(value.at + 1, value.len - 2);
}

static void
put_event(struct encoder *e, struct buf *out, const char *type, size_t type_len, const char *text, size_t len)
{
	buf_printf(out, "event: %.*s\ndata: ", (int)type_len, type);
	own_rename(out, text, len, path_model, e->model);
	buf_puts(out, "\n\n");
}

void
responses_own(struct encoder *e, struct buf *out, const char *text, size_t len)
{
	struct responses_state *s = responses_state(e);
	struct scan_text type;

	if (!own_find(text, len, (const char *const[]){ "type", NULL }, &type) || type.len < 2 || *type.at != '"')
		return;
	s->n_here++;
	if (s->own_id == NULL)
		s->own_id = text_at(text, len, (const char *const[]){ "response", "id", NULL });
	if (is_type(&type, "response.completed") || is_type(&type, "response.incomplete")) {
		e->has_finish = true;
		buf_free(&e->kept);
		buf_add(&e->kept, text, len);
		return;
	}
	put_event(e, out, type.at + 1, type.len - 2, text, len);
}

void
responses_put_own_end(struct encoder *e, struct buf *out)
{
	char *type = text_at(buf_str(&e->kept), e->kept.len, (const char *const[]){ "type", NULL });

	if (type != NULL)
		put_event(e, out, type, strlen(type), e->kept.data, e->kept.len);
	free(type);
}

/* The last line is the event that has all of it. */
char *
responses_own_whole(const struct encoder *e, const struct buf *lines, const char *end_json)
{
	struct scan_text response;
	size_t end = lines->len == 0 ? 0 : lines->len - 1, from = end;
	struct buf out = BUF_INIT(0);

	(void)end_json;
	while (from > 0 && lines->data[from - 1] != '\n')
		from--;
	if (lines->overflow ||
	    !own_find(buf_str(lines) + from, end - from, (const char *const[]){ "response", NULL }, &response))
		return NULL;
	own_rename(&out, response.at, response.len, path_model + 1, e->model);
	return out.data;
}
