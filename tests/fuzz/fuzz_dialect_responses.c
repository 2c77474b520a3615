/*
 * Clients may send anything.  What is accepted can be said on the wire of the
 * same vendor, as valid JSON, and what is read of that is said in the same words, but
 * for thoughts, whose seals only their maker gets; what is refused has a reason.  What
 * it asks for again stands in each event of the answer, which is JSON.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/utf8.h"
#include "wire/responses/responses.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool ok)
{
	if (!ok)
		abort();
}

static void
check_problem(const struct dialect_problem *p)
{
	check(memchr(p->field, '\0', sizeof(p->field)) != NULL && memchr(p->text, '\0', sizeof(p->text)) != NULL);
	check(p->text[0] != '\0' && utf8_valid(p->field, strlen(p->field)));
}

/* A call of the first tool, and its end. */
static void
check_answer(const struct dialect_ask *ask)
{
	const struct ask_chat *chat = &ask->ask.chat;
	struct encoder e = { .id = "01", .model = "m", .echo = ask->echo };
	struct piece call = { .kind = PIECE_CALL,
		.text = "{\"input\":\"x\"}",
		.len = 13,
		.id = "c",
		.name = chat->n_tools > 0 ? chat->tools[0].name : "f",
		.position = 13 };
	struct buf out = BUF_INIT(0);

	dialect_responses.start(&e, &out, "{}");
	dialect_responses.piece(&e, &out, &call);
	dialect_responses.end(&e, &out, 13, "{\"type\":\"done\",\"data\":{\"usage\":{\"input_tokens\":1}}}");
	for (const char *at = buf_str(&out); (at = strstr(at, "\ndata: ")) != NULL; at++) {
		json_t *event = json_loadb(at + 7, strcspn(at + 7, "\n"), 0, NULL);

		check(event != NULL);
		json_decref(event);
	}
	dialect_responses.forget(&e);
	buf_free(&out);
}

/* What the wire says of it, malloc'ed; NULL: it is refused, or only own words can. */
static char *
say(const json_t *body)
{
	struct arena *a = arena_new(4096, 16 << 20);
	struct dialect_problem problem = { .field = "" };
	struct dialect_ask ask;
	struct wire_body made;
	struct wire_request rq;
	char *text = NULL;

	if (dialect_responses.read(a, body, NULL, false, &ask, &problem) != OK) {
		check_problem(&problem);
	} else if (ask.own_only.text[0] != '\0') {
		check_problem(&ask.own_only);
	} else {
		struct wire_target to = {
			.base_url = "https://x", .model = ask.model, .max_output_tokens = ask.ask.max_output_tokens
		};

		check_answer(&ask);
		if (responses_body(a, &ask.ask, ask.stream, &made) == OK && strlen(ask.model) < WIRE_GAP_BYTES / 8) {
			check(responses_head(a, &to, &made, &rq) == OK);
			text = memcpy(xcalloc(rq.body_len + 1, 1), rq.body, rq.body_len);
		}
	}
	arena_free(a);
	return text;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *body = json_loadb((const char *)data, size, 0, NULL), *again;
	char *text, *text_again;

	if (body == NULL)
		return 0;
	text = say(body);
	json_decref(body);
	if (text == NULL)
		return 0;
	again = json_loads(text, 0, NULL);
	check(again != NULL);
	if (strstr(text, "\"encrypted_content\"") == NULL) {
		text_again = say(again);
		check(text_again != NULL && strcmp(text, text_again) == 0);
		free(text_again);
	}
	json_decref(again);
	free(text);
	return 0;
}
