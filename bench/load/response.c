#include "load/response.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LINE_BYTES_MAX (4 << 20)
#define TEXT_BYTES_MAX 4096
#define TIMESTAMP_DIGITS_MIN 9 /* shorter runs are no CLOCK_MONOTONIC nanoseconds */

void
response_reset(struct response *r)
{
	struct buf line = r->line, text = r->text;

	buf_clear(&line);
	buf_clear(&text);
	*r = (struct response){ .keeps = true, .line = line, .text = text };
	r->line.max_bytes = LINE_BYTES_MAX;
}

void
response_free(struct response *r)
{
	buf_free(&r->line);
	buf_free(&r->text);
}

/* ---- events ---------------------------------------------------------------- */

/* The JSON string that follows `name` in `s`: its start, and its length. Text
 * of a benchmark holds no escaped quotes that matter here. */
static const char *
string_after(const char *s, const char *name, size_t *len)
{
	const char *at = strstr(s, name), *end;

	if (at == NULL)
		return NULL;
	at += strlen(name);
	if ((end = strchr(at, '"')) == NULL)
		return NULL;
	*len = (size_t)(end - at);
	return at;
}

static void
set_error(struct response *r, const char *text, const char *name, const char *otherwise)
{
	size_t len = 0;
	const char *code = string_after(text, name, &len);

	if (code == NULL)
		snprintf(r->error, sizeof(r->error), "%s", otherwise);
	else
		snprintf(r->error, sizeof(r->error), "%.*s", (int)len, code);
}

/* Every time in a delta's text; several deltas may have been put together. */
static void
take_times(const char *text, size_t len, int64_t now_ns, struct chunk_times *times)
{
	const char *end = text + len;

	if (times == NULL || now_ns < times->from_ns || now_ns > times->to_ns)
		return;
	while (text < end) {
		size_t digits = strspn(text, "0123456789");

		if (digits >= TIMESTAMP_DIGITS_MIN)
			hist_add(times->added, now_ns - strtoll(text, NULL, 10));
		text += digits == 0 ? 1 : digits;
	}
}

static void
take_event(struct response *r, const char *data, int64_t now_ns, struct chunk_times *times)
{
	size_t len = 0;
	const char *text;

	if (strcmp(data, "[DONE]") == 0) {
		r->has_done = true;
		return;
	}
	if (strncmp(data, "{\"type\":\"", 9) == 0) { /* Weir's wire, or Anthropic's */
		const char *type = data + 9;

		if (strncmp(type, "done\"", 5) == 0)
			r->has_finish = true;
		if (strncmp(type, "message_stop\"", 13) == 0)
			r->has_done = r->has_finish = true;
		if (strncmp(type, "error\"", 6) == 0 || strncmp(type, "cancelled\"", 10) == 0)
			set_error(r, type, "\"code\":\"", "cancelled");
		text = strncmp(type, "content\"", 8) == 0 || strncmp(type, "content_block_delta\"", 20) == 0
		    ? string_after(type, "\"text\":\"", &len)
		    : NULL;
	} else {
		if (strstr(data, "\"finish_reason\":\"") != NULL)
			r->has_finish = true;
		if (strncmp(data, "{\"error\"", 8) == 0)
			set_error(r, data, "\"code\":\"", "error event");
		text = string_after(data, "\"content\":\"", &len);
	}
	if (text == NULL || len == 0)
		return;
	r->deltas++;
	if (!r->has_content) {
		r->has_content = true;
		r->first_ns = now_ns;
	}
	take_times(text, len, now_ns, times);
}

/* Take one line without its end. */
static void
take_line(struct response *r, const char *line, int64_t now_ns, struct chunk_times *times)
{
	if (strncmp(line, "data:", 5) == 0)
		take_event(r, line + 5 + (line[5] == ' '), now_ns, times);
}

/* ---- lines and bodies --------------------------------------------------------- */

/* Collect up to a line's end. True when r->line holds a whole line; *used
 * bytes were taken either way. */
static bool
collect_line(struct response *r, const char *bytes, size_t len, size_t *used)
{
	const char *end = memchr(bytes, '\n', len);
	size_t n = end == NULL ? len : (size_t)(end - bytes);

	*used = end == NULL ? n : n + 1;
	if (!buf_add(&r->line, bytes, n)) {
		r->state = R_MALFORMED;
		return false;
	}
	if (end == NULL)
		return false;
	if (r->line.len > 0 && r->line.data[r->line.len - 1] == '\r')
		r->line.data[--r->line.len] = '\0';
	return true;
}

static void
take_body(struct response *r, const char *bytes, size_t len, int64_t now_ns, struct chunk_times *times)
{
	r->body_bytes += len;
	if (!r->is_stream) {
		if (!r->has_content)
			r->first_ns = now_ns;
		r->has_content = true;
		if (r->text.len < TEXT_BYTES_MAX)
			buf_add(&r->text, bytes, len);
		return;
	}
	while (len > 0 && r->state != R_MALFORMED) {
		size_t used;

		if (collect_line(r, bytes, len, &used)) {
			take_line(r, buf_str(&r->line), now_ns, times);
			buf_clear(&r->line);
		}
		bytes += used;
		len -= used;
	}
}

/* ---- the head -------------------------------------------------------------------- */

static bool
has_header(const char *line, const char *name, const char **value)
{
	size_t n = strlen(name);

	if (strncasecmp(line, name, n) != 0 || line[n] != ':')
		return false;
	*value = line + n + 1 + strspn(line + n + 1, " \t");
	return true;
}

/* One line of the head; r->left_bytes is UINT64_MAX until a length is known. */
static void
take_head_line(struct response *r, const char *line)
{
	const char *value;

	if (r->status == 0) {
		if (strncmp(line, "HTTP/1.", 7) != 0 || strlen(line) < 12)
			r->state = R_MALFORMED;
		else
			r->status = (int)strtol(line + 9, NULL, 10);
		r->keeps = r->state != R_MALFORMED && line[7] == '1';
		r->left_bytes = UINT64_MAX;
	} else if (has_header(line, "Content-Length", &value)) {
		r->left_bytes = strtoull(value, NULL, 10);
	} else if (has_header(line, "Transfer-Encoding", &value)) {
		r->left_bytes = UINT64_MAX - 1; /* chunked */
	} else if (has_header(line, "Content-Type", &value)) {
		r->is_stream = strncasecmp(value, "text/event-stream", 17) == 0;
	} else if (has_header(line, "Connection", &value)) {
		r->keeps = strncasecmp(value, "close", 5) != 0;
	} else if (*line == '\0') {
		r->state = r->left_bytes == UINT64_MAX	     ? R_TO_CLOSE
		    : r->left_bytes == UINT64_MAX - 1	     ? R_CHUNK_SIZE
		    : r->left_bytes == 0 || r->status == 204 ? R_COMPLETE
							     : R_LENGTH;
	}
}

/* Chunk sizes and stream lines come mixed: an unfinished event must not be lost
 * to a chunk's head, so heads keep to a few bytes and are read digit by digit. */
static size_t
take_chunk_size(struct response *r, const char *bytes, size_t len)
{
	size_t i = 0;

	for (; i < len && bytes[i] != '\n'; i++) {
		char c = bytes[i];
		int digit = c >= '0' && c <= '9'	 ? c - '0'
		    : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10
							 : -1;

		if (digit >= 0)
			r->left_bytes = (r->left_bytes << 4) + (uint64_t)digit;
		else if (c != '\r')
			r->state = R_MALFORMED;
	}
	if (i == len)
		return i;
	if (r->state != R_MALFORMED)
		r->state = r->left_bytes == 0 ? R_TRAILER : R_CHUNK_DATA;
	return i + 1;
}

/* ---- the whole --------------------------------------------------------------------- */

static size_t
feed_head(struct response *r, const char *bytes, size_t len)
{
	size_t used;

	if (!collect_line(r, bytes, len, &used))
		return used;
	take_head_line(r, buf_str(&r->line));
	buf_clear(&r->line);
	if (r->state == R_CHUNK_SIZE)
		r->left_bytes = 0;
	return used;
}

static size_t
feed_body(struct response *r, const char *bytes, size_t len, int64_t now_ns, struct chunk_times *times)
{
	size_t n = r->state != R_TO_CLOSE && len > r->left_bytes ? (size_t)r->left_bytes : len;

	take_body(r, bytes, n, now_ns, times);
	if (r->state == R_TO_CLOSE || r->state == R_MALFORMED)
		return n;
	r->left_bytes -= n;
	if (r->left_bytes == 0)
		r->state = r->state == R_LENGTH ? R_COMPLETE : R_CHUNK_END;
	return n;
}

/* The end of line after a chunk, or after the last one: no trailers are expected. */
static size_t
feed_line_end(struct response *r, const char *bytes)
{
	if (*bytes == '\n')
		r->state = r->state == R_TRAILER ? R_COMPLETE : R_CHUNK_SIZE;
	else if (*bytes != '\r')
		r->state = R_MALFORMED;
	return 1;
}

size_t
response_feed(struct response *r, const char *bytes, size_t len, int64_t now_ns, struct chunk_times *times)
{
	size_t at = 0;

	while (at < len && r->state != R_COMPLETE && r->state != R_MALFORMED) {
		switch (r->state) {
		case R_HEAD: at += feed_head(r, bytes + at, len - at); break;
		case R_CHUNK_SIZE: at += take_chunk_size(r, bytes + at, len - at); break;
		case R_CHUNK_END:
		case R_TRAILER: at += feed_line_end(r, bytes + at); break;
		default: at += feed_body(r, bytes + at, len - at, now_ns, times); break;
		}
	}
	return at;
}

bool
response_closed(struct response *r)
{
	r->keeps = false;
	if (r->state == R_TO_CLOSE)
		r->state = R_COMPLETE;
	return r->state == R_COMPLETE;
}

const char *
response_problem(const struct response *r, char out[80])
{
	struct response body = { .error = "" };

	if (r->state != R_COMPLETE)
		return r->state == R_MALFORMED ? "malformed response" : "response cut";
	if (r->status < 200 || r->status > 299) {
		set_error(&body, buf_str(&r->text), "\"code\":\"", "");
		snprintf(out, 80, "status %d %s", r->status, body.error);
		return out;
	}
	if (!r->is_stream)
		return NULL;
	if (r->error[0] != '\0') {
		snprintf(out, 80, "event %s", r->error);
		return out;
	}
	return r->has_done && r->has_finish ? NULL : "stream cut";
}
