/*
 * An upstream may send anything. The first byte of the input says whether the
 * rest is a stream and how it is sliced; the events must not depend on the
 * slicing, texts must be UTF-8 without NUL, nothing follows a failure. The
 * same bytes are read as the body of an error, too.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "house/wires.h"
#include "wire/responses/responses.h"

#define CAP 65536 /* of an answer */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct notes {
	struct buf events;
	bool has_failed;
};

static void
check(bool ok)
{
	if (!ok)
		abort();
}

static void
check_failure(const struct wire_failure *f)
{
	size_t len = strnlen(f->detail, sizeof(f->detail));

	check(f->status != OK && f->status < STATUS_COUNT && len < sizeof(f->detail));
	check(utf8_valid(f->detail, len) && f->retry_after_ms >= 0);
	for (size_t i = 0; i < len; i++)
		check((unsigned char)f->detail[i] >= ' ');
}

static void
note(void *arg, const struct wire_event *e)
{
	struct notes *n = arg;

	check(!n->has_failed);
	buf_printf(&n->events, "%d ", (int)e->kind);
	switch (e->kind) {
	case WIRE_TEXT:
	case WIRE_REASONING:
		check(e->len > 0 && memchr(e->text, '\0', e->len) == NULL && utf8_valid(e->text, e->len));
		buf_add(&n->events, e->text, e->len);
		break;
	case WIRE_SIGNATURE:
	case WIRE_CALL:
		check(utf8_valid(e->text, e->len) && (e->name == NULL || utf8_valid(e->name, strlen(e->name))));
		buf_printf(&n->events, "%zu %s ", e->call, e->name == NULL ? "" : e->name);
		buf_add(&n->events, e->text, e->len);
		break;
	case WIRE_USAGE:
		check(e->usage.input_tokens >= -1 && e->usage.output_tokens >= -1);
		buf_printf(
		    &n->events, "%lld %lld", (long long)e->usage.input_tokens, (long long)e->usage.output_tokens);
		break;
	case WIRE_FINISH: buf_printf(&n->events, "%d", (int)e->finish); break;
	case WIRE_OWN: break;
	case WIRE_DONE: break;
	case WIRE_FAILURE:
		check_failure(&e->failure);
		n->has_failed = true;
		break;
	}
}

static void
read_answer(bool stream, const char *bytes, size_t len, size_t slice, struct notes *n)
{
	void *parser = responses_parser.start(stream, CAP);
	bool ok = true;

	*n = (struct notes){ .has_failed = false };
	for (size_t at = 0; at < len && ok; at += slice)
		ok = responses_parser.feed(parser, bytes + at, len - at < slice ? len - at : slice, note, n);
	check(ok == !n->has_failed);
	ok = responses_parser.end(parser, note, n);
	check(!ok || !n->has_failed);
	buf_printf(&n->events, " %d", ok);
	responses_parser.free(parser);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *bytes = (const char *)data + 1;
	struct wire_failure failure;
	struct notes whole, sliced;
	bool stream;

	if (size < 2)
		return 0;
	stream = data[0] < 0x80;
	read_answer(stream, bytes, size - 1, size - 1, &whole);
	read_answer(stream, bytes, size - 1, data[0] % 32 + 1u, &sliced);
	check(strcmp(buf_str(&whole.events), buf_str(&sliced.events)) == 0);
	buf_free(&whole.events);
	buf_free(&sliced.events);
	wire_responses.failure(400 + data[0] % 200, NULL, bytes, size - 1, &failure);
	check_failure(&failure);
	return 0;
}
