/* What the tests of all wires share: messages as they are asked, and events written down as one line. */
#ifndef WEIR_TESTS_WIRE_TEST_H
#define WEIR_TESTS_WIRE_TEST_H

#include <string.h>

#include "wire/wire.h"

#include "tap.h"

#define CAP (1u << 20) /* of an answer */
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* A message of these parts.  (The releases of clang-format lay this out in two ways.) */
/* clang-format off */
#define SAYS(who, ...) \
	{ .role = (who), .parts = (struct ask_part[]){ __VA_ARGS__ }, .n_parts = sizeof((struct ask_part[]){ __VA_ARGS__ }) / sizeof(struct ask_part) }
#define SAID(said) \
	{ .kind = ASK_TEXT, .text = (said) }
#define AT(what, where) \
	{ .kind = (what), .url = (where) }
/* clang-format on */

/* Is that among the headers, which end with NULL? */
static inline bool
has_line(const char *const *lines, const char *line)
{
	for (; *lines != NULL; lines++)
		if (strcmp(*lines, line) == 0)
			return true;
	return false;
}

/* Usage as U(in,out), and what is told of its parts. */
static inline void
note_usage(struct buf *out, const struct wire_usage *u)
{
	buf_printf(out, "U(%lld,%lld", (long long)u->input_tokens, (long long)u->output_tokens);
	if (u->cached_tokens >= 0)
		buf_printf(out, ",cached %lld", (long long)u->cached_tokens);
	if (u->cache_write_tokens >= 0)
		buf_printf(out, ",written %lld", (long long)u->cache_write_tokens);
	if (u->reasoning_tokens >= 0)
		buf_printf(out, ",thought %lld", (long long)u->reasoning_tokens);
	buf_puts(out, ")");
}

/* What the end is written as. */
#ifndef NOTE_DONE
#define NOTE_DONE ""
#endif

/* T(text) R(reasoning) S(seal) C(call,id,name,arguments) F(finish) X(status,retry,next); a wire_emit_fn on a
 * struct buf.  The provider's own words are
 * not told. */
static inline void
note(void *arg, const struct wire_event *e)
{
	static const char *const finishes[] = { "stop", "length", "filtered", "calls", "other" };
	struct buf *out = arg;

	switch (e->kind) {
	case WIRE_TEXT: buf_printf(out, "T(%.*s)", (int)e->len, e->text); break;
	case WIRE_REASONING: buf_printf(out, "R(%.*s)", (int)e->len, e->text); break;
	case WIRE_SIGNATURE: buf_printf(out, "S(%.*s)", (int)e->len, e->text); break;
	case WIRE_CALL:
		buf_printf(out, "C(%zu,%s,%s,%.*s)", e->call, e->id == NULL ? "-" : e->id,
		    e->name == NULL ? "-" : e->name, (int)e->len, e->text);
		break;
	case WIRE_USAGE: note_usage(out, &e->usage); break;
	case WIRE_FINISH: buf_printf(out, "F(%s)", finishes[e->finish]); break;
	case WIRE_OWN: break;
	case WIRE_DONE: buf_puts(out, NOTE_DONE); break;
	case WIRE_FAILURE:
		buf_printf(
		    out, "X(%s,%d,%d)", status_code(e->failure.status), e->failure.retryable, e->failure.next_channel);
		CU_ASSERT_TRUE(e->failure.detail[0] != '\0');
		break;
	}
}

/* Read an answer in slices, each in memory of its own; append to out what was said, and how it
 * ended: "." when it is complete, "!" when it was cut. */
static inline void
note_answer(const struct parser_ops *ops, bool stream, const char *in, size_t len, size_t slice, struct buf *out)
{
	void *parser = ops->start(stream, CAP);
	bool ok = true;

	for (size_t at = 0; at < len && ok; at += slice) {
		size_t n = len - at < slice ? len - at : slice;
		char *piece = malloc(n);

		memcpy(piece, in + at, n);
		ok = ops->feed(parser, piece, n, note, out);
		free(piece);
	}
	if (!ok)
		CU_ASSERT_FALSE(ops->feed(parser, "data: [DONE]\n\n", 14, note, out));
	buf_puts(out, ops->end(parser, note, out) ? "." : "!");
	ops->free(parser);
}

#endif
