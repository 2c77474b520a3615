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
#include "wire/openai/openai.h"

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
check_failure(const struct provider_failure *f)
{
	size_t len = strnlen(f->detail, sizeof(f->detail));

	check(f->status != OK && f->status < STATUS_COUNT && len < sizeof(f->detail));
	check(utf8_valid(f->detail, len) && f->retry_after_ms >= 0);
	for (size_t i = 0; i < len; i++)
		check((unsigned char)f->detail[i] >= ' ');
}

static void
note(void *arg, const struct provider_event *e)
{
	struct notes *n = arg;

	check(!n->has_failed);
	buf_printf(&n->events, "%d ", (int)e->kind);
	switch (e->kind) {
	case PROVIDER_TEXT:
	case PROVIDER_REASONING:
		check(e->len > 0 && memchr(e->text, '\0', e->len) == NULL && utf8_valid(e->text, e->len));
		buf_add(&n->events, e->text, e->len);
		break;
	case PROVIDER_USAGE:
		check(e->input_tokens >= -1 && e->output_tokens >= -1);
		buf_printf(&n->events, "%lld %lld", (long long)e->input_tokens, (long long)e->output_tokens);
		break;
	case PROVIDER_FINISH: buf_printf(&n->events, "%d", (int)e->finish); break;
	case PROVIDER_FAILURE:
		check_failure(&e->failure);
		n->has_failed = true;
		break;
	}
}

static void
read_answer(bool stream, const char *bytes, size_t len, size_t slice, struct notes *n)
{
	void *parser = provider_openai.parser_new(stream);
	bool ok = true;

	*n = (struct notes){ .has_failed = false };
	for (size_t at = 0; at < len && ok; at += slice)
		ok = provider_openai.parser_feed(parser, bytes + at, len - at < slice ? len - at : slice, note, n);
	check(ok == !n->has_failed);
	ok = provider_openai.parser_end(parser, note, n);
	check(!ok || !n->has_failed);
	buf_printf(&n->events, " %d", ok);
	provider_openai.parser_free(parser);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *bytes = (const char *)data + 1;
	struct provider_failure failure;
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
	provider_openai.failure(400 + data[0] % 200, NULL, bytes, size - 1, &failure);
	check_failure(&failure);
	return 0;
}
