#include "engine/reader.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/memory.h"

void
reader_prepare(struct reader *r, struct arena *arena, const struct request *rq, enum reader_wire wire)
{
	*r = (struct reader){ .wire = wire, .lang = rq->cx.lang };
	r->common_headers = arena_strdup(arena, rq->common_headers);
	r->request_id = arena_strdup(arena, rq->cx.request_id);
}

void
reader_open(struct reader *r, struct process *process, struct fcgi_conn *conn, void (*on_gone)(void *),
    void (*on_drain)(void *), void *arg)
{
	struct arena *scratch = arena_new(1024, 65536);
	const char *headers = r->wire == READER_SSE ? sink_headers(scratch, r->common_headers) : NULL;

	r->sink = sink_new(process, conn, headers, on_gone, on_drain, arg);
	arena_free(scratch);
}

void
reader_start(struct reader *r, const char *data_json)
{
	struct buf b = BUF_INIT(0);

	if (r->wire == READER_JSON) {
		free(r->start_json);
		r->start_json = xstrdup(data_json);
		return;
	}
	buf_printf(&b, "{\"type\":\"start\",\"data\":%s}", data_json);
	sink_event(r->sink, "0", b.data, b.len);
	buf_free(&b);
}

void
reader_delta(struct reader *r, bool reasoning, uint64_t end_offset, const char *text, size_t len)
{
	struct buf b = BUF_INIT(0);

	if (r->sink == NULL || r->wire != READER_SSE)
		return;
	buf_printf(&b, "id: %" PRIu64 "\ndata: {\"type\":\"%s\",\"data\":{\"text\":", end_offset,
	    reasoning ? "reasoning" : "content");
	buf_json(&b, text, len);
	buf_add(&b, "}}\n\n", 4);
	sink_write(r->sink, b.data, b.len);
	buf_free(&b);
}

void
reader_flush(struct reader *r)
{
	if (r->sink != NULL)
		sink_flush(r->sink);
}

/* The terminal event as one JSON answer: its data, or an error body. */
static void
end_as_json(struct reader *r, const char *event_json)
{
	json_t *event = json_loads(event_json, 0, NULL), *data = json_object_get(event, "data");
	const char *type = json_string_value(json_object_get(event, "type"));
	const char *code = json_string_value(json_object_get(data, "code"));
	bool done = type != NULL && strcmp(type, "done") == 0;
	enum status st = done ? OK : code == NULL ? E_CANCELLED : status_from_code(code);
	json_t *message = json_object_get(data, "message");
	struct buf b = BUF_INIT(0);
	json_t *body;
	char *text;

	if (done && r->start_json != NULL) {
		json_t *start = json_loads(r->start_json, 0, NULL);

		json_object_update_missing(data, start);
		json_decref(start);
	}
	if (done)
		body = json_incref(data);
	else
		body = json_pack("{s:s, s:s, s:O?, s:s}", "code", status_code(st), "message",
		    message == NULL ? status_text(st, r->lang) : json_string_value(message), "details", data,
		    "request_id", r->request_id);
	text = json_dumps(body, JSON_WIRE);
	buf_printf(&b, "Status: %d\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: %zu\r\n%s\r\n%s",
	    status_http(st), strlen(text), r->common_headers, text);
	sink_write(r->sink, b.data, b.len);
	buf_free(&b);
	free(text);
	json_decref(body);
	json_decref(event);
}

void
reader_end(struct reader *r, uint64_t end_offset, const char *event_json)
{
	char id[32];

	if (r->sink == NULL)
		return;
	if (r->wire == READER_JSON) {
		end_as_json(r, event_json);
	} else {
		snprintf(id, sizeof(id), "%" PRIu64 "-1", end_offset);
		sink_event(r->sink, id, event_json, strlen(event_json));
		sink_write(r->sink, "data: [DONE]\n\n", 14);
	}
	sink_close(r->sink);
	r->sink = NULL;
	free(r->start_json);
	r->start_json = NULL;
}

void
reader_abandon(struct reader *r)
{
	sink_abandon(r->sink);
	r->sink = NULL;
	free(r->start_json);
	r->start_json = NULL;
}
