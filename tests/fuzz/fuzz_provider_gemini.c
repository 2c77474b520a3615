/*
 * An upstream may send anything. The first byte of the input says how the rest is
 * sliced; the events must not depend on the slicing, texts must be UTF-8 without
 * NUL, arguments of calls JSON objects, and nothing follows a failure. The same
 * bytes are read as the body of an error, too.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "wire/gemini/gemini.h"

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
check_call(const struct wire_event *e)
{
	struct scan s;

	scan_init(&s, e->text, e->len);
	check(e->id != NULL && *e->id != '\0' && e->name != NULL && *e->name != '\0');
	check(utf8_valid(e->id, strlen(e->id)) && utf8_valid(e->name, strlen(e->name)));
	check(utf8_valid(e->text, e->len) && *e->text == '{');
	scan_skip(&s);
	check(scan_end(&s));
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
	case WIRE_SIGNATURE:
		check(e->len > 0 && memchr(e->text, '\0', e->len) == NULL && utf8_valid(e->text, e->len));
		buf_add(&n->events, e->text, e->len);
		break;
	case WIRE_CALL:
		check_call(e);
		buf_printf(&n->events, "%zu %s %s ", e->call, e->id, e->name);
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
read_answer(const char *bytes, size_t len, size_t slice, struct notes *n)
{
	void *parser = gemini_chat_parser.start(true, CAP);
	bool ok = true;

	*n = (struct notes){ .has_failed = false };
	for (size_t at = 0; at < len && ok; at += slice)
		ok = gemini_chat_parser.feed(parser, bytes + at, len - at < slice ? len - at : slice, note, n);
	check(ok == !n->has_failed);
	ok = gemini_chat_parser.end(parser, note, n);
	check(!ok || !n->has_failed);
	buf_printf(&n->events, " %d", ok);
	gemini_chat_parser.free(parser);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *bytes = (const char *)data + 1;
	struct wire_failure failure;
	struct notes whole, sliced;

	if (size < 2)
		return 0;
	read_answer(bytes, size - 1, size - 1, &whole);
	read_answer(bytes, size - 1, data[0] % 32 + 1u, &sliced);
	check(strcmp(buf_str(&whole.events), buf_str(&sliced.events)) == 0);
	buf_free(&whole.events);
	buf_free(&sliced.events);
	wire_gemini.failure(400 + data[0] % 200, NULL, bytes, size - 1, &failure);
	check_failure(&failure);
	return 0;
}
