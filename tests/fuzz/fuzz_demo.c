/*
 * What weir-demo reads from a socket: a request's head, a chunked body, a chat
 * request, a script. Nothing of it may read past the input, and the parts of
 * a request never exceed it.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "demo/h1.h"
#include "demo/script.h"
#include "demo/wire.h"

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

static void
read_chat(const char *bytes, size_t size, struct script *s)
{
	char err[SCRIPT_ERROR_BYTES];
	struct wire_error error;
	struct ask ask;

	if (wire_parse(bytes, size, &ask, &error))
		(void)script_directives(s, buf_str(&ask.prompt), ask.prompt.len, ask.model, ask.base_len, err);
	else if (error.status != 400 || error.message[0] == '\0')
		abort();
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
	read_chat(bytes, size, &s);
	if (!script_apply(&s, bytes, size, err) && err[0] == '\0')
		abort();
	if (!script_directives(&s, bytes, size, "demo", 4, err) && err[0] == '\0')
		abort();
	free(bytes);
	return 0;
}
