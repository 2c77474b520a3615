#include "engine/reader.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/memory.h"

#define EVENTS_TYPE "text/event-stream"

void
reader_prepare(struct reader *r, struct arena *arena, const struct request *rq, const struct reader_wants *wants)
{
	*r = (struct reader){ .wants = *wants, .lang = rq->cx.lang };
	r->encoder.wants_usage = wants->usage;
	r->encoder.seen_events = wants->seen_events;
	r->encoder.echo = r->wants.echo = arena_strdup(arena, wants->echo);
	r->common_headers = xstrdup(rq->common_headers);
	r->request_id = arena_strdup(arena, rq->cx.request_id);
}

/* Nothing leaves before there is a piece of the answer, or all of it. */
static bool
is_late(const struct reader *r)
{
	return r->wants.whole || r->wants.dialect->begins_late;
}

/* They are sent, and a stream may be long. */
static void
forget_headers(struct reader *r)
{
	free(r->common_headers);
	r->common_headers = NULL;
}

void
reader_open(struct reader *r, struct process *process, struct fcgi_conn *conn, void (*on_gone)(void *),
    void (*on_drain)(void *), void *arg)
{
	struct arena *scratch = arena_new(1024, 65536);
	const char *headers = is_late(r) ? NULL : sink_headers(scratch, r->common_headers);

	r->process = process;
	r->begun = headers != NULL;
	r->sink = sink_new(process, conn, headers, r->wants.dialect->keepalive, on_gone, on_drain, arg);
	arena_free(scratch);
	if (r->begun)
		forget_headers(r);
}

/* Write what a dialect made. */
static void
send(struct reader *r, struct buf *b)
{
	sink_write(r->sink, b->data, b->len);
	buf_free(b);
}

void
reader_keep_start(struct reader *r, const char *start_json)
{
	if (r->wants.whole && r->start_kept == NULL)
		r->start_kept = xstrdup(start_json);
}

static void
tell_start(struct reader *r, const char *start_json)
{
	struct buf b = BUF_INIT(0);

	r->wants.dialect->start(&r->encoder, &b, start_json);
	if (r->has_seen_start)
		buf_free(&b);
	else
		send(r, &b);
}

void
reader_start(struct reader *r, const char *start_json)
{
	if (r->begun)
		tell_start(r, start_json);
	else if (r->start_kept == NULL)
		r->start_kept = xstrdup(start_json);
}

/* A stream that waited for its first piece. */
static void
begin_late(struct reader *r)
{
	struct arena *scratch = arena_new(1024, 65536);

	sink_begin(r->sink, r->process, sink_headers(scratch, r->common_headers), r->wants.dialect->keepalive);
	arena_free(scratch);
	forget_headers(r);
	r->begun = true;
	if (r->start_kept != NULL && !r->encoder.is_own)
		tell_start(r, r->start_kept);
	free(r->start_kept);
	r->start_kept = NULL;
}

void
reader_piece(struct reader *r, const struct piece *piece)
{
	struct buf b = BUF_INIT(0);

	if (r->sink == NULL || r->wants.whole)
		return;
	if (!r->begun)
		begin_late(r);
	r->wants.dialect->piece(&r->encoder, &b, piece);
	if (piece->position <= r->seen && r->has_seen_start)
		buf_free(&b);
	else
		send(r, &b);
}

void
reader_flush(struct reader *r)
{
	if (r->sink != NULL)
		sink_flush(r->sink);
}

/* The provider's own words, a line each.  The last of them says the position after it. */
static void
give_own(struct reader *r, const struct answer *a)
{
	bool has_id = r->wants.dialect->has_ids && a->pending.len > 0;
	const struct buf *lines = &a->own;
	struct buf b = BUF_INIT(0);

	if (r->sink == NULL)
		return;
	r->encoder.is_own = true;
	if (r->wants.whole) {
		buf_add(&r->own, lines->data, a->own_due);
		return;
	}
	if (!r->begun)
		begin_late(r);
	for (size_t at = 0; at < a->own_due;) {
		size_t len = strcspn(lines->data + at, "\n");

		if (at + len + 1 == a->own_due && has_id)
			buf_printf(&b, "id: %" PRIu64 "\n", a->delivered);
		r->wants.dialect->own(&r->encoder, &b, lines->data + at, len);
		at += len + 1;
	}
	send(r, &b);
}

/* The headers of an answer that passes as bytes.  Nothing keeps it alive: in the middle of an
 * event that is on its way nothing may be said. */
static void
begin_bytes(struct reader *r, const char *type)
{
	struct arena *scratch = arena_new(1024, 65536);

	r->is_events = strncasecmp(type, EVENTS_TYPE, sizeof(EVENTS_TYPE) - 1) == 0;
	sink_begin(r->sink, r->process,
	    arena_printf(
		scratch, "Status: 200 OK\r\nContent-Type: %s\r\nX-Accel-Buffering: no\r\n%s", type, r->common_headers),
	    NULL);
	arena_free(scratch);
	forget_headers(r);
	r->begun = r->passes_bytes = true;
}

static void
give_bytes(struct reader *r, const struct answer *a)
{
	if (r->sink == NULL || !a->bytes_pass)
		return;
	if (!r->begun)
		begin_bytes(r, a->bytes_type);
	sink_write(r->sink, a->bytes.data, a->bytes.len);
}

bool
reader_give(struct reader *r, struct answer *a, size_t high_water_bytes)
{
	struct piece piece = answer_piece(a);

	if (answer_has_bytes(a))
		give_bytes(r, a);
	else if (r->wants.whole && answer_full(a)) /* more than is charged for */
		buf_free(&r->own);
	else if (a->own.len > 0)
		give_own(r, a);
	else if (answer_pends(a) && !r->encoder.is_own) /* else its own words have said it */
		reader_piece(r, &piece);
	reader_flush(r);
	answer_given(a);
	return r->sink == NULL || sink_unsent(r->sink) <= high_water_bytes;
}

/* Did it end as it should? */
static bool
is_done(const char *end_json)
{
	static const char done[] = "{\"type\":\"done\"";

	return strncmp(end_json, done, sizeof(done) - 1) == 0;
}

static void
make_whole(struct reader *r, const char *end_json)
{
	if (r->own.len > 0 && is_done(end_json)) {
		r->whole = r->wants.dialect->own_whole(&r->encoder, &r->own, end_json);
		r->whole_status = 200;
	}
	buf_free(&r->own);
	if (r->whole == NULL)
		r->whole = r->wants.dialect->whole(
		    &r->encoder, r->start_kept, end_json, r->lang, r->request_id, &r->whole_status);
	r->whole_len = strlen(r->whole);
}

/* Bytes that were kept are the whole answer. */
static void
take_bytes(struct reader *r)
{
	r->whole = r->bytes;
	r->whole_len = r->bytes_len;
	r->whole_type = r->bytes_type;
	r->whole_status = 200;
	r->bytes = NULL;
}

void
reader_make_whole(struct reader *r, const char *end_json)
{
	if (r->whole != NULL)
		return;
	if (r->bytes != NULL && is_done(end_json))
		take_bytes(r);
	else if (r->wants.whole)
		make_whole(r, end_json);
}

static void
send_whole(struct reader *r)
{
	struct buf b = BUF_INIT(0);

	buf_printf(&b, "Status: %d\r\nContent-Type: %s\r\nContent-Length: %zu\r\n%s\r\n", r->whole_status,
	    r->whole_type != NULL ? r->whole_type : "application/json; charset=utf-8", r->whole_len, r->common_headers);
	sink_write(r->sink, b.data, b.len);
	sink_write(r->sink, r->whole, r->whole_len);
	buf_free(&b);
}

static void
tell_end(struct reader *r, uint64_t position, const char *end_json)
{
	struct buf b = BUF_INIT(0);

	if (!r->begun)
		begin_late(r);
	r->wants.dialect->end(&r->encoder, &b, position, end_json);
	send(r, &b);
}

/* Events that passed have said all, but for what went wrong with them. */
static void
end_bytes(struct reader *r, const char *end_json)
{
	struct buf b = BUF_INIT(0);

	if (is_done(end_json))
		return;
	r->wants.dialect->end(&r->encoder, &b, 0, end_json);
	send(r, &b);
}

static void
close_sink(struct reader *r)
{
	sink_close(r->sink);
	r->sink = NULL;
}

/* Sound that breaks off: nothing else would tell that it is not all. */
static void
break_off(struct reader *r)
{
	sink_break(r->sink);
	r->sink = NULL;
}

void
reader_end(struct reader *r, uint64_t position, const char *end_json)
{
	if (r->sink == NULL)
		return;
	if (r->passes_bytes && !r->is_events && !is_done(end_json)) { /* nothing else would tell that it is not all */
		break_off(r);
		return;
	}
	if (!r->wants.whole && !r->begun && !is_done(end_json)) /* short: an error and no answer */
		make_whole(r, end_json);
	if (r->passes_bytes)
		end_bytes(r, end_json);
	else if (r->whole != NULL)
		send_whole(r);
	else
		tell_end(r, position, end_json);
	close_sink(r);
}

/* The body of an error, in place of the whole answer. */
static void
make_error(struct reader *r, enum status why)
{
	json_t *body;

	r->whole_status = status_http(why);
	body = r->wants.dialect->error(why, status_text(why, r->lang), NULL, r->request_id, &r->whole_status);
	free(r->whole);
	r->whole = json_dumps(body, JSON_WIRE);
	r->whole_len = strlen(r->whole);
	r->whole_type = NULL;
	json_decref(body);
}

void
reader_cut(struct reader *r, enum status why)
{
	struct buf b = BUF_INIT(0);

	if (r->sink == NULL)
		return;
	if (r->passes_bytes && !r->is_events) {
		break_off(r);
		return;
	}
	if (!r->begun) {
		make_error(r, why);
		send_whole(r);
	} else {
		r->wants.dialect->cut(&r->encoder, &b, why, status_text(why, r->lang));
		send(r, &b);
	}
	close_sink(r);
}

void
reader_abandon(struct reader *r)
{
	sink_abandon(r->sink);
	r->sink = NULL;
}

void
reader_free(struct reader *r)
{
	if (r->encoder.state != NULL)
		r->wants.dialect->forget(&r->encoder);
	buf_free(&r->encoder.kept);
	buf_free(&r->own);
	free(r->common_headers);
	free(r->start_kept);
	free(r->whole);
	free(r->bytes);
	r->common_headers = r->start_kept = r->whole = r->bytes = NULL;
}
