/*
 * A client may ask anything. What is understood must be said again as JSON that is
 * understood, too; what is not must be named. The same bytes are the arguments of a
 * call that a client is told, and the stream must stay one of responses.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "wire/gemini/gemini.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool ok)
{
	if (!ok)
		abort();
}

/* False when this wire cannot say it. */
static bool
say_again(struct arena *a, const struct dialect_ask *asked)
{
	struct wire_target to = { .base_url = "https://h", .model = asked->model, .max_output_tokens = 1 };
	struct dialect_ask again;
	struct dialect_problem problem;
	struct wire_request rq;
	struct wire_body body;
	json_t *root;

	if (gemini_chat_body(a, &asked->ask, false, &body) != OK)
		return false;
	check(gemini_chat_head(a, &to, &body, &rq) == OK);
	root = json_loadb(rq.body, rq.body_len, 0, NULL);
	check(root != NULL);
	check(gemini_read(a, root, asked->model, false, &again, &problem) == OK);
	json_decref(root);
	return true;
}

static void
read_question(const char *bytes, size_t len)
{
	json_t *body = json_loadb(bytes, len, 0, NULL);
	struct arena *a = arena_new(65536, 1 << 20);
	struct dialect_problem problem = { "", "" };
	struct dialect_ask asked;

	if (body != NULL && gemini_read(a, body, "m", true, &asked, &problem) == OK)
		say_again(a, &asked);
	else if (body != NULL)
		check(problem.field[0] != '\0' && problem.text[0] != '\0');
	arena_free(a);
	json_decref(body);
}

static void
note_call(void *arg, const struct wire_event *e)
{
	check(e->kind != WIRE_FAILURE);
	*(bool *)arg |= e->kind == WIRE_CALL;
}

static void
tell_call(const char *bytes, size_t len)
{
	struct encoder e = { .id = "r", .model = "m" };
	struct buf out = BUF_INIT(0);
	void *parser = gemini_chat_parser.start(true, 1 << 20);
	bool has_call = false;

	dialect_gemini.piece(
	    &e, &out, &(struct piece){ .kind = PIECE_CALL, .text = bytes, .len = len, .id = "c", .name = "f" });
	dialect_gemini.end(&e, &out, 0, "{\"type\":\"done\",\"data\":{}}");
	check(gemini_chat_parser.feed(parser, out.data, out.len, note_call, &has_call));
	check(gemini_chat_parser.end(parser, note_call, &has_call) && has_call);
	gemini_chat_parser.free(parser);
	buf_free(&out);
	buf_free(&e.kept);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *bytes = (const char *)data;

	read_question(bytes, size);
	if (utf8_valid(bytes, size))
		tell_call(bytes, size);
	return 0;
}
