/*
 * Clients may send anything.  What is accepted can be said on the wire of the
 * same vendor, as valid JSON, and what is read of that is said in the same words;
 * what is refused has a reason.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "base/memory.h"
#include "wire/openai/openai.h"

#define BASE_URL "https://api.deepseek.com" /* who is told most */

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

/* What the wire says of it, malloc'ed; NULL: it is refused. */
static char *
say(const json_t *body)
{
	struct arena *a = arena_new(4096, 16 << 20);
	struct dialect_problem problem = { .field = "" };
	struct dialect_ask ask;
	struct wire_body made;
	struct wire_request rq;
	char *text = NULL;

	if (dialect_openai.read(a, body, NULL, false, &ask, &problem) != OK) {
		check_problem(&problem);
	} else {
		struct wire_target to = {
			.base_url = BASE_URL, .model = ask.model, .max_output_tokens = ask.ask.max_output_tokens
		};

		check(openai_chat_body(a, &ask.ask, ask.stream, &made) == OK);
		if (strlen(ask.model) < WIRE_GAP_BYTES / 8) {
			check(openai_chat_head(a, &to, &made, &rq) == OK);
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
	text_again = say(again);
	check(text_again != NULL && strcmp(text, text_again) == 0);
	json_decref(again);
	free(text);
	free(text_again);
	return 0;
}
