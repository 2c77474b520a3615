/*
 * The reader's side of a stream: an SSE response (WHATWG HTML, 9.2) on a
 * FastCGI connection, carried by the reactor.
 *
 * The headers leave together with a comment line, because nginx holds back
 * headers that come alone.  A comment every conf->server_keepalive keeps
 * proxies open and, on servers that do not tell us otherwise, reveals that the
 * reader has left.  Reactor thread.
 */
#ifndef WEIR_CORE_SINK_H
#define WEIR_CORE_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/process.h"

struct fcgi_conn;
struct sink;

/* Header lines of an SSE response ("Status: 200 OK\r\n…" up to, not including,
 * the empty line); `common` are the lines every answer of the request carries
 * (rq->common_headers).  In the arena. */
struct arena;
const char *sink_headers(struct arena *a, const char *common);

/* What keeps a quiet stream of events alive, where no dialect has words of its own. */
#define SINK_COMMENT ":\n\n"
/* Take over `conn` and write `headers` (copied; NULL: nothing is written and no
 * keep-alives either, for answers that are made at the end).  `keepalive` is
 * written after each conf->server_keepalive of silence.  on_gone: the
 * reader left; the sink stays the caller's to close.  on_drain: all bytes were
 * taken after some had to wait.  Neither is called from within these functions. */
struct sink *sink_new(struct process *process, struct fcgi_conn *conn, const char *headers, const char *keepalive,
    void (*on_gone)(void *), void (*on_drain)(void *), void *arg);
/* For one without headers: it is a stream after all.  Nothing keeps headers from
 * being held back but what is written next.  `keepalive` NULL: the response is no stream of
 * events, and nothing may come in between. */
void sink_begin(struct sink *s, struct process *process, const char *headers, const char *keepalive);
/* What is written leaves with sink_flush() or sink_close().  Every packet wakes the
 * web server and the reader: write all there is, then flush.
 * One event.  `id` may be NULL.  `json` must not contain line breaks. */
void sink_event(struct sink *s, const char *id, const char *json, size_t len);
/* Raw bytes of the response. */
void sink_write(struct sink *s, const void *bytes, size_t len);
void sink_flush(struct sink *s);
/* Bytes the reader has not taken yet. */
size_t sink_unsent(const struct sink *s);
/* End the response properly, or drop it when the reader is gone; frees.  NULL is fine. */
void sink_close(struct sink *s);
/* End the response so that the reader sees that it is not all there is, and frees.  NULL is fine. */
void sink_break(struct sink *s);
/* Drop the connection without an end.  Frees. */
void sink_abandon(struct sink *s);

#endif
