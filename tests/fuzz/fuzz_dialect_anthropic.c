/*
 * A client of Anthropic's API may ask anything. What is read without a problem the wire
 * can say or refuse, and what it said is read again and said in the same words. With the
 * first byte above 127 the rest is the end of an answer instead: its stream and its
 * whole body must be understood by the wire's parser.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/memory.h"
#include "wire/anthropic/anthropic.h"

#define ARENA_BYTES (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool ok)
{
	if (!ok)
		abort();
}

/* ---- what is asked ------------------------------------------------------------- */

/* What the wire says of it: NULL when it cannot. */
static json_t *
say(struct arena *a, const struct dialect_ask *ask)
{
	struct wire_target to = { .base_url = "http://h", .model = ask->model, .stream = ask->stream };
	struct wire_request rq;
	struct wire_body body;
	json_t *said;

	to.max_output_tokens = ask->ask.max_output_tokens;
	if (anthropic_body(a, &ask->ask, ask->stream, &body) != OK || anthropic_head(a, &to, &body, &rq) != OK)
		return NULL;
	said = json_loadb(rq.body, rq.body_len, JSON_REJECT_DUPLICATES, NULL);
	check(said != NULL);
	return said;
}

static enum status
read_it(struct arena *a, const json_t *body, struct dialect_ask *ask)
{
	struct dialect_problem problem;
	enum status st = dialect_anthropic.read(a, body, NULL, false, ask, &problem);

	check((st == E_INVALID_REQUEST) == (problem.text[0] != '\0'));
	check(strnlen(problem.field, sizeof(problem.field)) < sizeof(problem.field));
	return st;
}

/* Thought and sampling may be said otherwise the second time, as they depend on each other. */
static void
check_same(const json_t *once, const json_t *twice)
{
	static const char *const names[] = { "messages", "system", "tools", "tool_choice", "stop_sequences" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const json_t *a = json_object_get(once, names[i]), *b = json_object_get(twice, names[i]);

		check(a == NULL ? b == NULL : json_equal(a, b) != 0);
	}
}

static void
fuzz_ask(const char *text, size_t len)
{
	struct arena *a = arena_new(4096, ARENA_BYTES);
	json_t *body = json_loadb(text, len, 0, NULL), *once = NULL, *twice = NULL;
	struct dialect_ask ask;

	if (body != NULL && read_it(a, body, &ask) == OK && (once = say(a, &ask)) != NULL) {
		check(read_it(a, once, &ask) == OK);
		twice = say(a, &ask);
		check(twice != NULL);
		check_same(once, twice);
	}
	arena_free(a);
	json_decref(twice);
	json_decref(once);
	json_decref(body);
}

/* ---- what is answered ------------------------------------------------------------ */

static void
note(void *arg, const struct wire_event *e)
{
	*(bool *)arg |= e->kind == WIRE_FAILURE;
}

/* It is complete, or it has failed. */
static bool
is_understood(bool stream, const char *text, size_t len)
{
	void *parser = anthropic_parser.start(stream, ARENA_BYTES);
	bool has_failed = false, is_complete;

	anthropic_parser.feed(parser, text, len, note, &has_failed);
	is_complete = anthropic_parser.end(parser, note, &has_failed);
	anthropic_parser.free(parser);
	return is_complete != has_failed;
}

static void
fuzz_end(const char *text, size_t len)
{
	char *end = xmalloc(len + 1), *body; /* strndup() would look for a NUL behind the input */
	struct encoder e = { .id = "i-d", .model = "m" };
	struct piece piece = { .kind = PIECE_TEXT, .text = "a", .len = 1 };
	struct buf out = BUF_INIT(0);
	int http_status = 0;

	memcpy(end, text, len);
	end[len] = '\0';
	dialect_anthropic.start(&e, &out, "{}");
	dialect_anthropic.piece(&e, &out, &piece);
	dialect_anthropic.end(&e, &out, 1, end);
	check(is_understood(true, out.data, out.len));
	body = dialect_anthropic.whole(&e, NULL, end, LANG_EN, "rq", &http_status);
	check(body != NULL && http_status >= 200 && is_understood(false, body, strlen(body)));
	free(body);
	buf_free(&out);
	free(end);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	if (data[0] < 0x80)
		fuzz_ask((const char *)data + 1, size - 1);
	else
		fuzz_end((const char *)data + 1, size - 1);
	return 0;
}
