/*
 * The steps of an answer: the second half of run.h. One function moves a
 * run on, run_step(); each phase has a function of its own.
 */
#include "demo/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "demo/answer.h"
#include "demo/call.h"

#define LONG_PIECE_BYTES (32u << 10)
/* Linux drops what the peer has not read yet when a reset arrives. */
#define BEFORE_RESET_US 30000
/* A client that did not read for this long does not get a burst afterwards. */
#define CATCH_UP_US 1000000
#define CHATTER_US 50000
#define BOMB_PIECE_BYTES (8u << 20)
#define BIG_HEADER_BYTES (256u << 10)

void
run_write_filler(struct buf *out, size_t len)
{
	static const char filler[] = "the weir keeps its level ";

	while (len > 0) {
		size_t n = len < sizeof filler - 1 ? len : sizeof filler - 1;

		buf_add(out, filler, n);
		len -= n;
	}
}

void
run_next_piece(struct run *run)
{
	const struct script *s = &run->script;
	struct timespec now;
	size_t end;

	buf_clear(&run->piece);
	if (s->timestamps) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		buf_printf(&run->piece, "%lld ", (long long)now.tv_sec * 1000000000 + now.tv_nsec);
		if (s->delta_bytes > run->piece.len)
			run_write_filler(&run->piece, s->delta_bytes - run->piece.len);
	} else if (s->delta_bytes > 0) {
		run_write_filler(&run->piece, s->delta_bytes);
	} else {
		end = answer_piece_end(run->text.data, run->text.len, run->text_at);
		buf_add(&run->piece, run->text.data + run->text_at, end - run->text_at);
		run->text_at = end == run->text.len ? 0 : end;
	}
}

struct span
run_next_thought(struct run *run)
{
	size_t from = run->think_at, end = answer_piece_end(run->think.data, run->think.len, from);

	run->think_at = end == run->think.len ? 0 : end;
	return (struct span){ run->think.data + from, end - from };
}

struct span
run_next_call(struct run *run, unsigned *index)
{
	struct span piece;

	*index = run->call_at;
	if (!call_next(&run->calls[run->call_at], run->speech.speaker->has_whole_calls, &piece))
		run->call_at++;
	return piece;
}

enum demo_finish
run_finish(const struct run *run)
{
	if (run->script.fault == FAULT_FILTER_MID)
		return FINISH_CONTENT_FILTER;
	if (run->script.finish != FINISH_AUTO)
		return run->script.finish;
	if (run->is_cut_short)
		return FINISH_LENGTH;
	return run->call_count > 0 ? FINISH_TOOL_CALLS : FINISH_STOP;
}

/* ---- framing ------------------------------------------------------------- */

/* Begin an HTTP chunk of a size not known yet; returns where it began. */
static size_t
open_chunk(const struct run *run, struct buf *out)
{
	size_t mark = out->len;

	if (!run->is_http10 && !run->is_slices)
		buf_puts(out, "00000000\r\n");
	return mark;
}

/* Cut what was appended since mark into chunks of one byte each. */
static void
slice_chunk(struct buf *out, size_t mark)
{
	struct buf bytes = BUF_INIT(0);

	buf_add(&bytes, out->data + mark, out->len - mark);
	out->len = mark;
	for (size_t i = 0; i < bytes.len; i++) {
		char chunk[6] = { '1', '\r', '\n', bytes.data[i], '\r', '\n' };

		buf_add(out, chunk, sizeof chunk);
	}
	buf_free(&bytes);
}

/* Put what was appended since mark into the coding of the stream. */
static void
squeeze_chunk(struct run *run, struct buf *out, size_t mark)
{
	size_t start = mark + (run->is_http10 || run->is_slices ? 0 : 10);
	struct buf bytes = BUF_INIT(0);

	if (run->squeeze.encoding == ENCODING_NONE)
		return;
	buf_add(&bytes, out->data + start, out->len - start);
	out->len = start;
	squeeze_add(&run->squeeze, out, bytes.data, bytes.len);
	buf_free(&bytes);
}

static void
frame_chunk(const struct run *run, struct buf *out, size_t mark)
{
	static const char hex[] = "0123456789abcdef";
	size_t size;

	if (run->is_http10)
		return;
	if (run->is_slices) {
		slice_chunk(out, mark);
		return;
	}
	size = out->len - mark - 10;
	for (int i = 7; i >= 0; i--, size >>= 4)
		out->data[mark + (size_t)i] = hex[size & 15];
	buf_puts(out, "\r\n");
}

static void
close_chunk(struct run *run, struct buf *out, size_t mark)
{
	squeeze_chunk(run, out, mark);
	frame_chunk(run, out, mark);
}

static void
last_chunk(struct run *run, struct buf *out)
{
	size_t mark;

	if (run->squeeze.encoding != ENCODING_NONE) {
		mark = open_chunk(run, out);
		squeeze_end(&run->squeeze, out);
		frame_chunk(run, out, mark);
	}
	if (!run->is_http10)
		buf_puts(out, "0\r\n\r\n");
}

/* ---- head and bodies ----------------------------------------------------- */

static const char *
reason_phrase(int status)
{
	switch (status) {
	case 200: return "OK";
	case 302: return "Found";
	case 400: return "Bad Request";
	case 401: return "Unauthorized";
	case 404: return "Not Found";
	case 429: return "Too Many Requests";
	case 500: return "Internal Server Error";
	case 502: return "Bad Gateway";
	case 503: return "Service Unavailable";
	default: return "Scripted";
	}
}

static void
write_head(struct run *run, struct buf *out)
{
	bool is_chunked = (run->is_stream || run->is_slices) && !run->is_http10;

	if (run->is_http10 && run->is_stream)
		run->keep_alive = false;
	buf_printf(out, "HTTP/1.1 %d %s\r\nServer: weir-demo\r\nContent-Type: %s\r\n", run->log.status,
	    reason_phrase(run->log.status),
	    run->is_stream && !run->speech.is_array ? "text/event-stream; charset=utf-8" : run->body_type);
	run->speech.speaker->headers(out, &run->speech);
	buf_puts(out, run->header);
	if (run->script.fault == FAULT_BIG_HEADER) {
		buf_puts(out, "X-Demo-Filler: ");
		run_write_filler(out, run->script.size_bytes ? run->script.size_bytes : BIG_HEADER_BYTES);
		buf_puts(out, "\r\n");
	}
	if (run->is_stream)
		buf_puts(out, "Cache-Control: no-cache\r\n");
	if (run->squeeze.encoding != ENCODING_NONE)
		buf_puts(out,
		    run->squeeze.encoding == ENCODING_GZIP ? "Content-Encoding: gzip\r\n"
							   : "Content-Encoding: deflate\r\n");
	if (is_chunked)
		buf_puts(out, "Transfer-Encoding: chunked\r\n");
	else if (!run->is_stream)
		buf_printf(out, "Content-Length: %zu\r\n", run->body.len);
	if (!run->keep_alive)
		buf_puts(out, "Connection: close\r\n");
	else if (run->is_http10)
		buf_puts(out, "Connection: keep-alive\r\n");
	buf_puts(out, "\r\n");
}

/* Stop for stall_ms and go on at next, or for ever. */
static enum run_verdict
stall(struct run *run, enum run_phase next)
{
	run->fault_done = true;
	run->phase = next;
	run->wait_us = (int64_t)run->script.stall_ms * 1000;
	return run->wait_us > 0 ? RUN_WAIT : RUN_HANG;
}

static enum run_verdict
reset_soon(struct run *run)
{
	run->phase = PHASE_RESET;
	run->wait_us = BEFORE_RESET_US;
	return RUN_WAIT;
}

/* A not streamed body; the faults of streams strike in its middle. */
static enum run_verdict
step_body(struct run *run, struct buf *out)
{
	enum demo_fault fault = run->is_scripted ? run->script.fault : FAULT_NONE;
	bool in_middle = fault == FAULT_STALL_AFTER || fault == FAULT_RESET || fault == FAULT_RESET_MID ||
	    fault == FAULT_CUT;
	size_t half = in_middle && !run->fault_done ? run->body.len / 2 : run->body.len;
	size_t mark = out->len;

	buf_add(out, run->body.data, half);
	if (run->is_slices) {
		close_chunk(run, out, mark);
		last_chunk(run, out);
	}
	buf_consume(&run->body, half);
	if (half > 0 && run->body.len > 0) {
		run->fault_done = true;
		if (fault == FAULT_STALL_AFTER)
			return stall(run, PHASE_BODY);
		return fault == FAULT_CUT ? RUN_CLOSE : reset_soon(run);
	}
	run->phase = PHASE_OVER;
	return RUN_END;
}

static enum run_verdict
step_head(struct run *run, struct buf *out)
{
	enum demo_fault fault = run->script.fault;

	if (run->is_scripted && fault == FAULT_REFUSE)
		return run->log.status = 0, RUN_RESET;
	if (run->is_scripted && fault == FAULT_CLOSE)
		return run->log.status = 0, RUN_CLOSE;
	if (run->is_scripted && fault == FAULT_STALL_BEFORE && !run->fault_done)
		return stall(run, PHASE_HEAD);
	write_head(run, out);
	run->phase = run->is_stream ? PHASE_FIRST : PHASE_BODY;
	if (run->is_scripted && fault == FAULT_STALL_HEADERS)
		return stall(run, run->phase);
	run->wait_us = run->is_scripted ? (int64_t)run->script.first_ms * 1000 : 0;
	return run->wait_us > 0 ? RUN_WAIT : RUN_MORE;
}

/* ---- events ------------------------------------------------------------- */

/* What ends an event of this stream. */
static const char *
event_end(const struct run *run)
{
	return run->speech.is_array ? "\r\n" : run->speech.speaker->event_end;
}

/* The mark that ends a delta, as it is on the wire. */
static size_t
delta_end(const struct run *run, char mark[64], bool is_sliced)
{
	const struct speaker *speaker = run->speech.speaker;
	const char *plain = run->speech.is_array ? speaker->array_end : speaker->delta_end;
	size_t len = 0;

	if (!is_sliced)
		return memcpy(mark, plain, strlen(plain)), strlen(plain);
	for (; *plain != '\0'; plain++) {
		char chunk[6] = { '1', '\r', '\n', *plain, '\r', '\n' };

		memcpy(mark + len, chunk, sizeof chunk);
		len += sizeof chunk;
	}
	return len;
}

/* How many marks are in out from a place on. */
static uint32_t
count_marks(const struct buf *out, size_t from, const char *mark, size_t len)
{
	const char *hit;
	uint32_t n = 0;

	while (from < out->len && (hit = memmem(out->data + from, out->len - from, mark, len)) != NULL) {
		n++;
		from = (size_t)(hit - out->data) + len;
	}
	return n;
}

/* Events that look like deltas in what was appended and not yet cut. */
static uint32_t
count_events(const struct run *run, const struct buf *out, size_t from)
{
	char mark[64];

	return count_marks(out, from, mark, delta_end(run, mark, false));
}

/* ---- streams ------------------------------------------------------------- */

/* The next piece as the script wants it said. */
static void
put_piece(struct run *run, struct buf *out)
{
	const struct speaker *speaker = run->speech.speaker;
	struct span args;
	unsigned index;

	if (run->deltas_sent >= run->texts) {
		args = run_next_call(run, &index);
		speaker->call(out, &run->speech, &run->calls[index], index, args);
		return;
	}
	run_next_piece(run);
	if (run->script.fault == FAULT_PARTS && speaker->parts != NULL)
		speaker->parts(out, &run->speech, run->piece.data, run->piece.len);
	else
		speaker->text(out, &run->speech, run->piece.data, run->piece.len);
}

/* Half of the next delta's event, in a chunk that promises all of it. */
static void
write_half_event(struct run *run, struct buf *out)
{
	size_t mark = open_chunk(run, out), start = out->len;

	put_piece(run, out);
	close_chunk(run, out, mark);
	out->len = start + (out->len - start) / 2;
}

/* The error event of a fault. */
static void
put_error_event(struct run *run, struct buf *out)
{
	enum demo_fault fault = run->script.fault;
	bool is_filter = fault == FAULT_ERROR_FILTER || fault == FAULT_END_FILTER;
	const struct speaker *speaker = run->speech.speaker;
	struct wire_error err;

	speak_fault(&err, speaker, is_filter ? FAULT_FILTER : FAULT_ERROR_MID, 500, "weir-demo");
	speaker->error_event(out, &run->speech, &err, fault);
}

static enum run_verdict
write_error_event(struct run *run, struct buf *out)
{
	size_t mark = open_chunk(run, out);

	put_error_event(run, out);
	run->tail_events = count_events(run, out, mark);
	close_chunk(run, out, mark);
	last_chunk(run, out);
	run->phase = PHASE_OVER;
	return RUN_END;
}

static void
write_raw_event(struct run *run, struct buf *out, const char *before, const char *after)
{
	size_t mark = open_chunk(run, out);

	if (before != NULL) {
		run->speech.speaker->text_open(out, &run->speech);
		buf_puts(out, before);
	}
	if (after != NULL)
		buf_puts(out, after);
	else
		run->speech.speaker->text_close(out, &run->speech);
	close_chunk(run, out, mark);
}

/* An emoji and a Chinese character, each in two deltas. */
static void
write_halves(struct run *run, struct buf *out)
{
	write_raw_event(run, out, "\\ud83d", NULL);
	write_raw_event(run, out, "\\ude00", NULL);
	write_raw_event(run, out, "\xE6\xB0", NULL);
	write_raw_event(run, out, "\xB4", NULL);
}

static enum run_verdict
open_long(struct run *run, struct buf *out)
{
	size_t mark = open_chunk(run, out);

	run->speech.speaker->text_open(out, &run->speech);
	close_chunk(run, out, mark);
	run->phase = PHASE_LONG;
	return RUN_MORE;
}

/* The fault that strikes after `at` deltas; RUN_MORE when it is none. */
static enum run_verdict
play_fault(struct run *run, struct buf *out)
{
	run->fault_done = true;
	switch (run->script.fault) {
	case FAULT_STALL_AFTER: return stall(run, PHASE_DELTAS);
	case FAULT_RESET: return reset_soon(run);
	case FAULT_RESET_MID: write_half_event(run, out); return reset_soon(run);
	case FAULT_CUT: write_half_event(run, out); return RUN_CLOSE;
	case FAULT_ERROR_MID:
	case FAULT_ERROR_FRAME:
	case FAULT_ERROR_OBJECT:
	case FAULT_ERROR_CODE:
	case FAULT_ERROR_FILTER: return write_error_event(run, out);
	case FAULT_FILTER_MID:
		run->deltas = run->deltas_sent;
		run->phase = PHASE_TAIL;
		return RUN_MORE;
	case FAULT_LONG_LINE:
	case FAULT_BOMB: return open_long(run, out);
	case FAULT_HALVES: write_halves(run, out); return RUN_MORE;
	case FAULT_BAD_JSON: write_raw_event(run, out, "cut of", event_end(run)); return RUN_MORE;
	case FAULT_BAD_UTF8: write_raw_event(run, out, "\xff\xfe", NULL); return RUN_MORE;
	default: return RUN_MORE;
	}
}

static enum run_verdict
step_first(struct run *run, struct buf *out)
{
	size_t mark = open_chunk(run, out), start = out->len;

	run->speech.speaker->open(out, &run->speech);
	if (out->len > start)
		close_chunk(run, out, mark);
	else
		out->len = mark;
	run->due_us = clock_mono_us();
	run->phase = PHASE_DELTAS;
	return RUN_MORE;
}

/* Is the text said once more at the end? */
static bool
repeats(const struct run *run)
{
	enum demo_fault fault = run->script.fault;

	return run->speech.speaker->repeat != NULL && (fault == FAULT_REPEAT || fault == FAULT_REPEAT_FIRST);
}

static void
write_delta(struct run *run, struct buf *out)
{
	size_t mark = open_chunk(run, out);

	if (run->script.fault == FAULT_COMMENTS && !run->speech.is_array)
		buf_puts(out, ": still here\n");
	if (run->script.fault == FAULT_NOISE && !run->speech.is_array)
		buf_puts(out, run->speech.speaker->noise);
	if (run->thoughts_sent < run->thoughts) {
		struct span thought = run_next_thought(run);

		run->speech.speaker->think(out, &run->speech, thought.at, thought.len);
		run->thoughts_sent++;
	} else {
		put_piece(run, out);
		if (repeats(run))
			buf_add(&run->body, run->piece.data, run->piece.len);
		run->deltas_sent++;
	}
	close_chunk(run, out, mark);
}

static enum run_verdict
step_deltas(struct run *run, struct buf *out)
{
	int64_t now_us;

	if (run->thoughts_sent == run->thoughts && run->deltas_sent == run->fault_at && !run->fault_done)
		return play_fault(run, out);
	if (run->thoughts_sent == run->thoughts && run->deltas_sent == run->deltas) {
		run->phase = PHASE_TAIL;
		return RUN_MORE;
	}
	if (run->interval_us == 0) {
		write_delta(run, out);
		return RUN_MORE;
	}
	now_us = clock_mono_us();
	if (run->due_us <= now_us) {
		write_delta(run, out);
		if (now_us - run->due_us > CATCH_UP_US)
			run->due_us = now_us;
		run->due_us += run->interval_us;
	}
	/* The last delta is followed by the end at once, as models do. */
	if (run->thoughts_sent == run->thoughts && run->deltas_sent == run->deltas)
		return RUN_MORE;
	run->wait_us = run->due_us - now_us;
	return run->wait_us > 0 ? RUN_WAIT : RUN_MORE;
}

static enum run_verdict
step_long(struct run *run, struct buf *out)
{
	bool is_bomb = run->script.fault == FAULT_BOMB;
	size_t piece = is_bomb ? BOMB_PIECE_BYTES : LONG_PIECE_BYTES;
	size_t n = run->long_left < piece ? run->long_left : piece;
	size_t mark = open_chunk(run, out);

	if (is_bomb)
		squeeze_run(&run->squeeze, out, 'x', n);
	else
		run_write_filler(out, n);
	if (!is_bomb)
		squeeze_chunk(run, out, mark);
	frame_chunk(run, out, mark);
	run->long_left -= n;
	if (run->long_left == 0) {
		mark = open_chunk(run, out);
		run->speech.speaker->text_close(out, &run->speech);
		close_chunk(run, out, mark);
		run->phase = PHASE_DELTAS;
	}
	return RUN_MORE;
}

/* Finish, usage and the last mark, as far as the script has them. */
static void
write_tail(struct run *run, struct buf *out)
{
	struct speech *sp = &run->speech;
	enum demo_fault fault = run->script.fault;
	unsigned marks = 0;

	if (fault == FAULT_NO_FINISH)
		return;
	sp->finish = run_finish(run);
	speak_counts(&sp->counts, &run->script, run->prompt_tokens, run->deltas_sent, run->thoughts_sent);
	if (repeats(run))
		sp->speaker->repeat(out, sp, &run->body, fault == FAULT_REPEAT_FIRST);
	else if (run->script.marker != MARKER_DONE)
		marks |= TAIL_FINISH;
	if (sp->has_usage)
		marks |= TAIL_USAGE;
	if (fault != FAULT_NO_DONE && run->script.marker != MARKER_FINISH)
		marks |= TAIL_DONE;
	sp->speaker->tail(out, sp, marks);
}

/* What the script does to the last event, or puts after it. */
static void
spoil_tail(struct run *run, struct buf *out)
{
	size_t end = strlen(event_end(run));

	switch (run->script.fault) {
	case FAULT_END_NO_BLANK: out->len -= end / 2; break;
	case FAULT_END_NO_LINE: out->len -= end; break;
	case FAULT_END_GARBAGE: buf_puts(out, "data: {\"choices\":[\n\n<html>\x80\n\ndata: [[]\n\n"); break;
	case FAULT_END_ERROR:
	case FAULT_END_FILTER: put_error_event(run, out); break;
	default: break;
	}
}

static enum run_verdict
step_tail(struct run *run, struct buf *out)
{
	size_t mark = open_chunk(run, out), start = out->len;

	write_tail(run, out);
	if (out->len > start) {
		spoil_tail(run, out);
		run->tail_events = count_events(run, out, start);
		close_chunk(run, out, mark);
	} else {
		out->len = mark;
	}
	switch (run->script.fault) {
	case FAULT_END_CLOSE: return RUN_CLOSE;
	case FAULT_END_RESET: return reset_soon(run);
	case FAULT_END_OPEN: return RUN_HANG;
	case FAULT_END_COMMENTS: run->phase = PHASE_CHATTER; return RUN_MORE;
	default: break;
	}
	last_chunk(run, out);
	run->phase = PHASE_OVER;
	return RUN_END;
}

static enum run_verdict
step_chatter(struct run *run, struct buf *out)
{
	size_t mark = open_chunk(run, out);

	buf_puts(out, ": still here\n\n");
	close_chunk(run, out, mark);
	run->wait_us = CHATTER_US;
	return RUN_WAIT;
}

static enum run_verdict
step(struct run *run, struct buf *out)
{
	switch (run->phase) {
	case PHASE_DELAY:
		run->phase = PHASE_HEAD;
		run->wait_us = (int64_t)run->script.delay_ms * 1000;
		return run->wait_us > 0 ? RUN_WAIT : RUN_MORE;
	case PHASE_HEAD: return step_head(run, out);
	case PHASE_BODY: return step_body(run, out);
	case PHASE_FIRST: return step_first(run, out);
	case PHASE_DELTAS: return step_deltas(run, out);
	case PHASE_LONG: return step_long(run, out);
	case PHASE_TAIL: return step_tail(run, out);
	case PHASE_CHATTER: return step_chatter(run, out);
	case PHASE_RESET: return RUN_RESET;
	case PHASE_OVER: break;
	}
	return RUN_END;
}

enum run_verdict
run_step(struct run *run, struct buf *out)
{
	size_t before = out->len;
	enum run_verdict verdict = step(run, out);

	run->log.bytes += out->len - before;
	if (run->log.first_byte_us == 0 && run->log.bytes > 0)
		run->log.first_byte_us = clock_mono_us();
	return verdict;
}

/* ---- the end ------------------------------------------------------------- */

/* Events whose last byte is in out at off or later. */
static uint32_t
unsent_events(const struct run *run, const struct buf *out, size_t off)
{
	char mark[64];
	size_t len = delta_end(run, mark, run->is_slices);

	return count_marks(out, off >= len - 1 ? off - (len - 1) : 0, mark, len);
}

static void
count_flushed(struct run *run, const struct buf *out, size_t off)
{
	struct reqlog *log = &run->log;
	uint32_t unsent = unsent_events(run, out, off);

	log->deltas = log->deltas_flushed = run->deltas_sent;
	log->thoughts = log->thoughts_flushed = run->thoughts_sent;
	log->bytes_flushed = log->bytes - (out->len - off);
	if (!run->is_stream) {
		if (log->bytes_flushed < log->bytes || run->body.len > 0)
			log->deltas_flushed = log->thoughts_flushed = 0;
		return;
	}
	unsent -= unsent < run->tail_events ? unsent : run->tail_events;
	if (unsent <= log->deltas_flushed) {
		log->deltas_flushed -= unsent;
		return;
	}
	unsent -= log->deltas_flushed;
	log->deltas_flushed = 0;
	log->thoughts_flushed -= unsent < log->thoughts_flushed ? unsent : log->thoughts_flushed;
}

void
run_end(struct run *run, struct loop *loop, const char *how, const struct buf *out, size_t out_off)
{
	struct server_stats *stats = &loop->server->stats;

	count_flushed(run, out, out_off);
	if (run->log.is_stream)
		atomic_fetch_sub(&stats->streams_open, 1);
	if (strcmp(how, "client_closed") == 0)
		atomic_fetch_add(&stats->client_closed, 1);
	if (loop->server->log_fd >= 0 && !run->log.is_silent)
		reqlog_write(&run->log, loop->server->log_fd, how);
	buf_free(&run->text);
	buf_free(&run->think);
	buf_free(&run->piece);
	buf_free(&run->body);
	buf_free(&run->speech.prefix);
	buf_free(&run->speech.final);
	buf_free(&run->speech.items);
	for (unsigned i = 0; i < SCRIPT_CALLS; i++)
		buf_free(&run->calls[i].args);
	free(run);
}
