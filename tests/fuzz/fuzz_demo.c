/*
 * What weir-demo reads from a socket: a request's head, a chunked body, a
 * request on each wire, a script. Nothing of it may read past the input, and the parts of
 * a request never exceed it.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "demo/call.h"
#include "demo/h1.h"
#include "demo/route.h"
#include "demo/script.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
read_request(const char *bytes, size_t size)
{
	size_t body_bytes, wire_bytes;
	struct h1_request rq;
	char *body;

	if (h1_parse_head(bytes, size, &rq) != H1_OK)
		return;
	if (rq.head_bytes > size || rq.header_count > H1_HEADERS_MAX)
		abort();
	bytes += rq.head_bytes;
	size -= rq.head_bytes;
	if (!rq.chunked || h1_chunked_extent(bytes, size, &body_bytes, &wire_bytes) != H1_OK)
		return;
	if (wire_bytes > size || body_bytes > wire_bytes)
		abort();
	body = malloc(body_bytes + 1);
	h1_chunked_copy(bytes, body);
	free(body);
}

/* What a model would be made to say: an answer, or calls. */
static void
answer_ask(const struct route *route, const struct script *s, const struct ask *ask)
{
	struct speech sp = { .speaker = route->speaker, .model = "demo", .model_len = 4, .counts.quote = "" };
	struct call calls[SCRIPT_CALLS] = { 0 };
	struct buf out = BUF_INIT(0);

	if (route->answer != NULL && ask->dimensions < 64)
		route->answer(&out, ask, &sp);
	calls_count(calls, calls_write(calls, s, ask, route->speaker), false);
	example_json(&out, ask->schema);
	for (size_t i = 0; i < SCRIPT_CALLS; i++)
		buf_free(&calls[i].args);
	buf_free(&out);
}

static void
read_ask(const struct route *route, const char *bytes, size_t size, struct script *s)
{
	struct span model = { "demo", route->is_verb ? 4 : 0 };
	char err[SCRIPT_ERROR_BYTES];
	struct wire_error error;
	struct ask ask;

	if (ask_parse(route, model, "multipart/form-data; boundary=b", bytes, size, &ask, &error)) {
		(void)script_directives(s, buf_str(&ask.prompt), ask.prompt.len, ask.model, ask.base_len, err);
		answer_ask(route, s, &ask);
	} else if (error.status != 400 || error.message[0] == '\0') {
		abort();
	}
	ask_free(&ask);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char err[SCRIPT_ERROR_BYTES];
	char *bytes = malloc(size + 1);
	struct script s;

	if (size > 0)
		memcpy(bytes, data, size);
	bytes[size] = '\0'; /* as struct buf keeps it */
	script_init(&s);
	read_request(bytes, size);
	for (size_t i = 0; i < ROUTES; i++)
		read_ask(&routes[i], bytes, size, &s);
	if (!script_apply(&s, bytes, size, err) && err[0] == '\0')
		abort();
	if (!script_directives(&s, bytes, size, "demo", 4, err) && err[0] == '\0')
		abort();
	free(bytes);
	return 0;
}
