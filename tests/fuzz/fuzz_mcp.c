/*
 * The answers of a server of tools get any bytes: the first byte of the input says whether they are events and how they
 * are sliced.  What comes of them must not depend on the slices, is never longer than it may be, and an end is final.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mcp/rpc.h"

#define CAP 8192
#define TEXT 512

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
look_into(const struct rpc_reader *r)
{
	struct buf text = BUF_INIT(0);
	json_t *tools = json_array();
	const char *cursor;
	bool is_cut;

	if (r->result != NULL) {
		(void)!rpc_content(r->result, &text, TEXT, &is_cut);
		if (text.len > TEXT)
			abort();
		if (rpc_tools(r->result, tools, &cursor))
			rpc_name_tools(tools, "server");
	}
	buf_free(&text);
	json_decref(tools);
}

static enum rpc_state
read_all(const char *bytes, size_t len, size_t slice, bool is_events, char **out)
{
	struct rpc_reader r;
	enum rpc_state state;

	rpc_reader_init(&r, 1, CAP, is_events);
	for (size_t at = 0; at < len; at += slice)
		(void)rpc_feed(&r, bytes + at, len - at < slice ? len - at : slice);
	state = rpc_end(&r);
	if (state == RPC_WAITS || rpc_feed(&r, "x", 1) != state)
		abort();
	look_into(&r);
	*out = r.result == NULL ? NULL : json_dumps(r.result, JSON_SORT_KEYS);
	rpc_reader_free(&r);
	return state;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *bytes = (const char *)data + 1;
	char *whole, *sliced;

	if (size < 2)
		return 0;
	if (read_all(bytes, size - 1, size, data[0] & 1, &whole) !=
		read_all(bytes, size - 1, data[0] / 2 % 16 + 1u, data[0] & 1, &sliced) ||
	    (whole == NULL) != (sliced == NULL) || (whole != NULL && strcmp(whole, sliced) != 0))
		abort();
	free(whole);
	free(sliced);
	return 0;
}
