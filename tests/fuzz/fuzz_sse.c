/*
 * The SSE reader gets any bytes: the first byte of the input says how the rest
 * is sliced, and the events must not depend on it. An event never exceeds the
 * cap, and an error is final.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/sse.h"

#define CAP 1024

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
note(void *arg, const struct sse_event *event)
{
	struct buf *events = arg;

	if (event->data_len > CAP || event->type_len > CAP || event->id_len > CAP)
		abort();
	buf_add(events, event->type, event->type_len + 1);
	buf_add(events, event->data, event->data_len + 1);
	buf_add(events, event->id, event->id_len + 1);
	return true;
}

static enum sse_result
read_all(const char *bytes, size_t len, size_t slice, struct buf *events)
{
	enum sse_result result = SSE_OK;
	struct sse s;

	sse_init(&s, CAP);
	for (size_t at = 0; at < len; at += slice)
		result = sse_feed(&s, bytes + at, len - at < slice ? len - at : slice, note, events);
	if (result != SSE_OK && sse_feed(&s, "data: x\n\n", 9, note, events) != result)
		abort();
	if (sse_end(&s, note, events) != result && result != SSE_OK)
		abort();
	sse_free(&s);
	return result;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf whole = BUF_INIT(0), sliced = BUF_INIT(0);
	const char *bytes = (const char *)data + 1;

	if (size < 2)
		return 0;
	if (read_all(bytes, size - 1, size, &whole) != read_all(bytes, size - 1, data[0] % 16 + 1u, &sliced) ||
	    whole.len != sliced.len || (whole.len > 0 && memcmp(whole.data, sliced.data, whole.len) != 0))
		abort();
	buf_free(&whole);
	buf_free(&sliced);
	return 0;
}
