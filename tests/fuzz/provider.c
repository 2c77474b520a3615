#include "provider.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/scan.h"
#include "base/utf8.h"

#define CAP 65536 /* of an answer */

struct notes {
	struct buf events;
	size_t n_calls;
	bool whole_calls, has_failed;
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
check_object(const char *text, size_t len)
{
	struct scan s;

	check(*text == '{');
	scan_init(&s, text, len);
	scan_skip(&s);
	check(scan_end(&s));
}

static void
note_call(struct notes *n, const struct wire_event *e)
{
	check(utf8_valid(e->text, e->len) && (e->id == NULL || e->name != NULL));
	if (e->name != NULL) {
		check(e->call == n->n_calls++ && utf8_valid(e->name, strlen(e->name)));
		check(e->id == NULL || utf8_valid(e->id, strlen(e->id)));
		buf_printf(&n->events, "%s %s ", e->id == NULL ? "" : e->id, e->name);
	}
	check(e->call < n->n_calls);
	if (n->whole_calls)
		check_object(e->text, e->len);
	buf_add(&n->events, e->text, e->len);
}

static void
note_usage(struct notes *n, const struct wire_usage *u)
{
	const int64_t counts[] = { u->input_tokens, u->output_tokens, u->cached_tokens, u->cache_write_tokens,
		u->reasoning_tokens };

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		check(counts[i] >= -1);
		buf_printf(&n->events, "%lld ", (long long)counts[i]);
	}
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
	case WIRE_CALL: note_call(n, e); break;
	case WIRE_USAGE: note_usage(n, &e->usage); break;
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
read_answer(const struct parser_ops *ops, bool stream, const char *bytes, size_t len, size_t slice, struct notes *n)
{
	void *parser = ops->start(stream, CAP);
	bool ok = true;

	for (size_t at = 0; at < len && ok; at += slice)
		ok = ops->feed(parser, bytes + at, len - at < slice ? len - at : slice, note, n);
	check(ok == !n->has_failed);
	ok = ops->end(parser, note, n);
	check(!ok || !n->has_failed);
	buf_printf(&n->events, " %d", ok);
	ops->free(parser);
}

int
provider_read(const struct wire *w, bool whole_calls, const uint8_t *data, size_t size)
{
	const struct parser_ops *ops = wire_endpoint(w, OP_CHAT)->parser;
	struct notes whole = { .whole_calls = whole_calls }, sliced = whole;
	const char *bytes = (const char *)data + 1;
	struct wire_failure failure;
	bool stream;

	if (size < 2)
		return 0;
	stream = data[0] < 0x80;
	read_answer(ops, stream, bytes, size - 1, size - 1, &whole);
	read_answer(ops, stream, bytes, size - 1, data[0] % 32 + 1u, &sliced);
	check(strcmp(buf_str(&whole.events), buf_str(&sliced.events)) == 0);
	buf_free(&whole.events);
	buf_free(&sliced.events);
	w->failure(400 + data[0] % 200, NULL, bytes, size - 1, &failure);
	check_failure(&failure);
	return 0;
}
