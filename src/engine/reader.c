#include "engine/reader.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/memory.h"

void
reader_prepare(struct reader *r, struct arena *arena, const struct request *rq, const struct reader_wants *wants)
{
	*r = (struct reader){ .wants = *wants, .lang = rq->cx.lang };
	r->common_headers = xstrdup(rq->common_headers);
	r->request_id = arena_strdup(arena, rq->cx.request_id);
}

void
reader_open(struct reader *r, struct process *process, struct fcgi_conn *conn, void (*on_gone)(void *),
    void (*on_drain)(void *), void *arg)
{
	struct arena *scratch = arena_new(1024, 65536);
	const char *headers = r->wants.whole ? NULL : sink_headers(scratch, r->common_headers);

	r->sink = sink_new(process, conn, headers, r->wants.dialect->keepalive, on_gone, on_drain, arg);
	arena_free(scratch);
	if (r->wants.whole)
		return;
	free(r->common_headers); /* they are sent, and a stream may be long */
	r->common_headers = NULL;
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

void
reader_start(struct reader *r, const char *start_json)
{
	struct buf b = BUF_INIT(0);

	if (r->wants.whole) {
		reader_keep_start(r, start_json);
		return;
	}
	r->wants.dialect->start(&r->encoder, &b, start_json);
	send(r, &b);
}

void
reader_piece(struct reader *r, const struct piece *piece)
{
	struct buf b = BUF_INIT(0);

	if (r->sink == NULL || r->wants.whole)
		return;
	r->wants.dialect->piece(&r->encoder, &b, piece);
	send(r, &b);
}

void
reader_flush(struct reader *r)
{
	if (r->sink != NULL)
		sink_flush(r->sink);
}

bool
reader_give(struct reader *r, struct answer *a, size_t high_water_bytes)
{
	struct piece piece = answer_piece(a);

	reader_piece(r, &piece);
	reader_flush(r);
	answer_given(a);
	return r->sink == NULL || sink_unsent(r->sink) <= high_water_bytes;
}

void
reader_make_whole(struct reader *r, const char *end_json)
{
	if (!r->wants.whole || r->whole != NULL)
		return;
	r->whole = r->wants.dialect->whole(
	    &r->encoder, r->start_kept, end_json, r->lang, r->request_id, &r->whole_status);
}

static void
send_whole(struct reader *r)
{
	struct buf b = BUF_INIT(0);

	buf_printf(&b, "Status: %d\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: %zu\r\n%s\r\n",
	    r->whole_status, strlen(r->whole), r->common_headers);
	sink_write(r->sink, b.data, b.len);
	sink_write(r->sink, r->whole, strlen(r->whole));
	buf_free(&b);
}

void
reader_end(struct reader *r, uint64_t position, const char *end_json)
{
	struct buf b = BUF_INIT(0);

	if (r->sink == NULL)
		return;
	if (r->wants.whole) {
		send_whole(r);
	} else {
		r->wants.dialect->end(&r->encoder, &b, position, end_json);
		send(r, &b);
	}
	sink_close(r->sink);
	r->sink = NULL;
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
	json_decref(body);
}

void
reader_cut(struct reader *r, enum status why)
{
	struct buf b = BUF_INIT(0);

	if (r->sink == NULL)
		return;
	if (r->wants.whole) {
		make_error(r, why);
		send_whole(r);
	} else {
		r->wants.dialect->cut(&r->encoder, &b, why, status_text(why, r->lang));
		send(r, &b);
	}
	sink_close(r->sink);
	r->sink = NULL;
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
	buf_free(&r->encoder.kept);
	free(r->common_headers);
	free(r->start_kept);
	free(r->whole);
	r->common_headers = r->start_kept = r->whole = NULL;
}
