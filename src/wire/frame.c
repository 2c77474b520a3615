#include "wire/frame.h"

#include <jansson.h>
#include <string.h>
#include <strings.h>

#include "wire/failure.h"

#define FRAME_BYTES (64u << 10) /* of an event, beyond the text in it */
#define VALUE_FACTOR 8		/* bytes of a whole answer per byte of its text: what stands around it and beside it */
#define FIRST_LINE_BYTES 160	/* of what is no answer */

void
frame_init(struct frame *f, const struct frame_ops *ops, bool is_json, size_t max_bytes)
{
	*f = (struct frame){ .ops = ops, .shape = FRAME_UNKNOWN, .is_json = is_json };
	f->value = BUF_INIT(max_bytes * (is_json ? VALUE_FACTOR : 1) + FRAME_BYTES);
	f->head = BUF_INIT(FIRST_LINE_BYTES);
	sse_init(&f->sse, max_bytes + FRAME_BYTES);
}

void
frame_free(struct frame *f)
{
	sse_free(&f->sse);
	buf_free(&f->head);
	buf_free(&f->value);
}

/* ---- telling ----------------------------------------------------------------- */

void
frame_tell(void *frame, const struct wire_event *event)
{
	struct frame *f = frame;

	f->has_told |= event->kind == WIRE_TEXT || event->kind == WIRE_CALL;
	f->has_finish |= event->kind == WIRE_FINISH;
	f->is_done |= event->kind == WIRE_DONE;
	f->is_failed |= event->kind == WIRE_FAILURE;
	f->emit(f->arg, event);
}

void
frame_tell_done(struct frame *f)
{
	if (!f->is_done)
		frame_tell(f, &(struct wire_event){ .kind = WIRE_DONE });
}

void
frame_tell_own(struct frame *f, const struct scan_text *data)
{
	frame_tell(f, &(struct wire_event){ .kind = WIRE_OWN, .text = data->at, .len = data->len });
}

/* ---- failing ----------------------------------------------------------------- */

bool
frame_fail(struct frame *f, const struct wire_failure *failure)
{
	if (f->has_finish && f->has_told && failure->status != E_CONTENT_VIOLATION)
		return true;
	frame_tell(f, &(struct wire_event){ .kind = WIRE_FAILURE, .failure = *failure });
	return false;
}

bool
frame_fail_wire(struct frame *f, const char *detail)
{
	struct wire_failure failure;

	failure_strange(detail, "", 0, &failure);
	return frame_fail(f, &failure);
}

bool
frame_fail_page(struct frame *f, const struct scan_text *text)
{
	struct wire_failure failure;
	size_t line = 0;

	while (line < text->len && text->at[line] != '\r' && text->at[line] != '\n')
		line++;
	failure_strange("no answer, but: ", line > 0 ? text->at : "", line, &failure);
	return frame_fail(f, &failure);
}

static bool
fail_head(struct frame *f)
{
	return frame_fail_page(f, &(struct scan_text){ .at = f->head.data, .len = f->head.len });
}

/* A body that is no JSON: most likely it was cut. */
static bool
fail_cut(struct frame *f)
{
	struct wire_failure failure;

	wire_failure_transport(&failure, E_UPSTREAM_FAILED, "the answer is no whole JSON value");
	return frame_fail(f, &failure);
}

bool
frame_fail_event(struct frame *f)
{
	return !f->is_tail && frame_fail_wire(f, "the answer has an event that is no JSON object");
}

/* No bracket before its first word. */
static bool
is_page(const struct frame *f, const struct scan_text *value)
{
	return f->base == 0 && value->len > 0 && *value->at != '{' && *value->at != '[';
}

bool
frame_fail_value(struct frame *f, const struct scan_text *value)
{
	json_t *root;

	if (is_page(f, value))
		return frame_fail_page(f, value);
	root = json_loadb(value->at == NULL ? "" : value->at, value->len, JSON_ALLOW_NUL, NULL);
	if (root == NULL)
		return fail_cut(f);
	json_decref(root);
	return f->ops->error(f, value);
}

const struct frame_finish *
frame_find_finish(const struct frame_finish *rows, size_t n_rows, const struct scan_text *word)
{
	for (size_t i = 0; i < n_rows; i++)
		if (strlen(rows[i].word) == word->len && strncasecmp(rows[i].word, word->at, word->len) == 0)
			return &rows[i];
	return NULL;
}

bool
frame_fail_finish(struct frame *f, const char *before, const struct scan_text *word)
{
	struct wire_failure failure;

	failure_strange(before, word->at, word->len, &failure);
	failure.retryable = true;
	return frame_fail(f, &failure);
}

/* ---- what it is -------------------------------------------------------------- */

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct scan_text
trimmed(const char *at, size_t len)
{
	while (len > 0 && is_blank(at[len - 1]))
		len--;
	while (len > 0 && is_blank(*at))
		at++, len--;
	return (struct scan_text){ at, len, false };
}

/* The first byte that is neither blank nor of a byte order mark tells the
 * shape.  Returns how many bytes came before it. */
static size_t
look(struct frame *f, const char *data, size_t len)
{
	size_t i = 0;

	while (i < len && (is_blank(data[i]) || memchr("\xEF\xBB\xBF", data[i], 3) != NULL))
		i++;
	if (i < len)
		f->shape = data[i] == '{' || data[i] == '[' ? FRAME_JSON : data[i] == '<' ? FRAME_PAGE : FRAME_EVENTS;
	return i;
}

/* Note what fits. */
static void
note_head(struct frame *f, const char *data, size_t len)
{
	size_t room = FIRST_LINE_BYTES - f->head.len;

	buf_add(&f->head, data, len < room ? len : room);
}

static bool
feed_page(struct frame *f, const char *data, size_t len)
{
	size_t line = 0;

	while (line < len && data[line] != '\n' && data[line] != '\r')
		line++;
	note_head(f, data, line);
	return line < len || f->head.len == FIRST_LINE_BYTES ? fail_head(f) : true;
}

/* ---- events ------------------------------------------------------------------ */

/* What only keeps the connection alive. */
static bool
is_nothing(const struct scan_text *data)
{
	return data->len == 0 || *data->at == ':' || scan_is(data, "null");
}

/* False: read no more.  What follows the end is no error. */
static bool
on_event(void *arg, const struct sse_event *event)
{
	struct frame *f = arg;
	struct scan_text data = trimmed(event->data, event->data_len);
	struct scan_text type = { event->type, event->type_len, false };

	f->has_some = true;
	buf_free(&f->head);
	if (scan_is(&type, "error"))
		return f->ops->error(f, &data);
	return is_nothing(&data) || f->ops->event(f, &type, &data);
}

static bool
feed_events(struct frame *f, const char *data, size_t len)
{
	if (!f->has_some)
		note_head(f, data, len);
	if (sse_feed(&f->sse, data, len, on_event, f) == SSE_TOO_LONG && !f->is_done &&
	    frame_fail_wire(f, "the answer has an event larger than an answer may be"))
		frame_tell_done(f);
	return !f->is_failed;
}

/* Do the bytes that made no event begin like a stream, even if cut in their first word? */
static bool
is_stream_head(const struct frame *f)
{
	static const char *const fields[] = { "data", "event", "id", "retry", ":" };

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		size_t len = f->head.len < strlen(fields[i]) ? f->head.len : strlen(fields[i]);

		if (strncmp(buf_str(&f->head), fields[i], len) == 0)
			return true;
	}
	return false;
}

/* A stream that ended. */
static bool
end_events(struct frame *f)
{
	f->is_tail = true;
	if (!f->is_done && sse_end(&f->sse, on_event, f) == SSE_TOO_LONG && !f->has_finish)
		return false;
	if (f->is_failed)
		return false;
	if (f->has_finish || f->is_done) {
		if (f->ops->close != NULL)
			f->ops->close(f);
		return true;
	}
	return f->has_some || is_stream_head(f) ? false : fail_head(f);
}

/* ---- values ------------------------------------------------------------------ */

static void
count_bracket(struct frame *f, char c)
{
	if (c == '{' || c == '[') {
		if (f->depth == 0 && c == '[' && f->ops->has_arrays)
			f->base = 1;
		f->depth++;
	} else if (f->depth > 0) {
		f->depth--;
		f->is_closed = f->depth == f->base;
		f->is_whole = f->depth == 0;
	}
}

/* How many of these bytes belong to the value that is coming in: all, or up to the
 * bracket that closes it, or the array. */
static size_t
value_bytes(struct frame *f, const char *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		char c = data[i];

		if (f->is_in_string) {
			f->is_in_string = c != '"' || f->is_escaped;
			f->is_escaped = c == '\\' && !f->is_escaped;
		} else if (c == '"') {
			f->is_in_string = true;
		} else if (c == '{' || c == '[' || c == '}' || c == ']') {
			count_bracket(f, c);
			if (f->is_closed || f->is_whole)
				return i + 1;
		}
	}
	return len;
}

/* The value that is whole, behind what stands between two of them. */
static bool
take_value(struct frame *f)
{
	size_t between = f->base == 0 ? 0 : strspn(f->value.data, "[, \t\r\n");
	struct scan_text value = trimmed(f->value.data + between, f->value.len - between);
	bool ok;

	f->has_some = true;
	ok = f->ops->value(f, &value);
	f->is_closed = false;
	buf_clear(&f->value);
	return ok;
}

/* A value is understood as soon as it is whole, whether the connection ends or not. */
static bool
feed_json(struct frame *f, const char *data, size_t len)
{
	while (len > 0 && !f->is_whole) {
		size_t n = value_bytes(f, data, len);

		if (!buf_add(&f->value, data, n))
			return frame_fail_wire(f, "the answer is larger than it may be");
		if (f->is_closed && !take_value(f))
			return !f->is_failed;
		data += n;
		len -= n;
	}
	if (f->is_whole && !f->has_some)
		return frame_fail_page(f, &(struct scan_text){ .at = f->value.data, .len = f->value.len });
	if (f->is_whole && f->has_finish)
		frame_tell_done(f);
	return true;
}

/* Bytes that never were one whole value fail as what they are. */
static bool
end_json(struct frame *f)
{
	struct scan_text rest = trimmed(buf_str(&f->value), f->value.len);

	if (f->has_finish || f->is_whole)
		return f->has_finish;
	if (is_page(f, &rest))
		frame_fail_page(f, &rest);
	else
		fail_cut(f);
	return false;
}

/* ---- all of it --------------------------------------------------------------- */

bool
frame_feed(void *frame, const char *data, size_t len, wire_emit_fn *emit, void *arg)
{
	struct frame *f = frame;
	size_t skip;

	f->emit = emit;
	f->arg = arg;
	if (f->is_failed || f->is_done)
		return !f->is_failed;
	skip = f->shape == FRAME_UNKNOWN ? look(f, data, len) : 0;
	data += skip;
	len -= skip;
	switch (f->shape) {
	case FRAME_UNKNOWN: return true;
	case FRAME_EVENTS: return feed_events(f, data, len);
	case FRAME_PAGE: return feed_page(f, data, len);
	case FRAME_JSON: break;
	}
	return feed_json(f, data, len);
}

bool
frame_end(void *frame, wire_emit_fn *emit, void *arg)
{
	struct frame *f = frame;

	f->emit = emit;
	f->arg = arg;
	if (f->is_failed)
		return false;
	switch (f->shape) {
	case FRAME_UNKNOWN: return f->is_json && end_json(f);
	case FRAME_EVENTS: return end_events(f);
	case FRAME_PAGE: return fail_head(f);
	case FRAME_JSON: break;
	}
	return end_json(f);
}
