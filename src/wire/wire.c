#include "wire/wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct wire *const *wires;

void
wires_register(const struct wire *const *all)
{
	wires = all;
}

const struct wire *
wire_find(const char *provider)
{
	const struct quirks *q = quirks_find(provider);

	for (const struct wire *const *w = wires; q != NULL && w != NULL && *w != NULL; w++)
		if (strcmp((*w)->name, q->wire) == 0)
			return *w;
	return NULL;
}

const struct endpoint *
wire_endpoint(const struct wire *w, enum op op)
{
	for (size_t i = 0; w != NULL && i < w->n_endpoints; i++)
		if (w->endpoints[i].op == op)
			return &w->endpoints[i];
	return NULL;
}

void
wire_failure_transport(struct wire_failure *out, enum status status, const char *detail)
{
	*out = (struct wire_failure){ .status = status, .retryable = true, .next_channel = true };
	snprintf(out->detail, sizeof(out->detail), "%s", detail == NULL ? "" : detail);
}

void
wire_body_begin(struct buf *text, const void *front, size_t len)
{
	static const char gap[WIRE_GAP_BYTES];

	buf_add(text, front, len);
	buf_add(text, gap, sizeof(gap) - len);
}

/* Not copied into the arena: with files in it, a body may be larger than the arena's cap. */
void
wire_body_make(struct arena *a, struct buf *text, struct wire_body *out)
{
	arena_cleanup(a, free, text->data);
	*out = (struct wire_body){ .bytes = text->data, .len = text->len };
}

bool
wire_body_head(struct wire_body *b, const struct buf *head, const char **body, size_t *len)
{
	if (head->len > WIRE_GAP_BYTES)
		return false;
	memcpy(b->bytes + WIRE_GAP_BYTES - head->len, head->data, head->len);
	*body = b->bytes + WIRE_GAP_BYTES - head->len;
	*len = b->len - WIRE_GAP_BYTES + head->len;
	return true;
}
