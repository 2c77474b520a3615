/*
 * FastCGI: libfcgi parses requests, we write responses.
 *
 * A connection has one owner at any time:
 *   nobody   while it is idle: it waits for a request in an epoll set, armed for
 *            one event, and belongs to whose fcgi_take() gets that event
 *   worker   from then on, until the answer is made; what the socket takes at
 *            once it sends itself, and makes the connection idle again
 *   reactor  while a stream, or what the socket did not take, is written out
 *
 * So a request costs no hand-over between threads: the kernel wakes one worker
 * when bytes come, and none while all of them are busy.  The reactor accepts,
 * looks at time-outs, and frees: a connection ends on the reactor only.
 *
 * libfcgi's I/O blocks, so it is used for reading a request only, on a worker,
 * under a time-out; then the descriptor is taken from it and made
 * non-blocking, and records are written by us (FastCGI 1.0 specification).
 */
#ifndef WEIR_IO_FCGI_H
#define WEIR_IO_FCGI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"

struct reactor;
struct fcgi_server;
struct fcgi_conn;

struct fcgi_options {
	int listen_fd;
	size_t max_connections;
	size_t max_header_bytes; /* all parameters of a request together */
	int64_t read_timeout_ms, send_timeout_ms;
};

/* Start accepting.  Reactor thread. */
struct fcgi_server *fcgi_server_new(struct reactor *r, const struct fcgi_options *opt);
/* Stop accepting and end idle connections (drain).  Others go on. */
void fcgi_server_drain(struct fcgi_server *s);
/* Close everything, free.  Nobody is in fcgi_take() any more, nor has a connection. */
void fcgi_server_free(struct fcgi_server *s);
/* Connections open, and accepted since start.  Any thread. */
size_t fcgi_server_open(const struct fcgi_server *s);
uint64_t fcgi_server_accepted(const struct fcgi_server *s);

/* A connection with a request on it, the caller's from now on: fcgi_read() is
 * next.  NULL: with `wait`, fcgi_wake() was called; without, there is none right
 * now.  With `wait` on a worker, without it on any thread. */
struct fcgi_conn *fcgi_take(struct fcgi_server *s, bool wait);
/* Let one waiting fcgi_take() return NULL, the next one when none is waiting.
 * Calls before that may count as one.  Any thread. */
void fcgi_wake(struct fcgi_server *s);

/* Read the parameters of the next request.  E_HEADERS_TOO_LARGE past the cap (the
 * request can still be answered); E_UNAVAILABLE when the peer is gone, too
 * slow or speaks nonsense: call fcgi_abandon().  Worker. */
enum status fcgi_read(struct fcgi_conn *c, struct arena *a) MUST_CHECK;
/* A parameter of the request read last ("REQUEST_URI", "HTTP_ACCEPT"), or
 * NULL.  Lives in the arena given to fcgi_read(). */
const char *fcgi_param(const struct fcgi_conn *c, const char *name);
/* All parameters, "NAME=value", NULL-terminated. */
const char *const *fcgi_params(const struct fcgi_conn *c);
/* Read the body into the arena, NUL-terminated.  E_TOO_LARGE beyond max_bytes
 * (the rest is thrown away), E_UNAVAILABLE when the peer is gone.  Worker. */
enum status fcgi_read_body(struct fcgi_conn *c, struct arena *a, size_t max_bytes, char **body, size_t *len) MUST_CHECK;
/* The same for bodies too large for memory: take(arg, bytes, len) gets each
 * piece, on this thread; what it returns but OK ends the taking (the rest is
 * thrown away) and is returned.  The time-out counts from piece to piece. */
typedef enum status fcgi_take_fn(void *arg, const void *bytes, size_t len);
enum status fcgi_read_body_to(struct fcgi_conn *c, size_t max_bytes, fcgi_take_fn *take, void *arg) MUST_CHECK;
/* True when the client or web server has hung up already: look before charging.  Owner. */
bool fcgi_peer_gone(struct fcgi_conn *c);

/* Append bytes of the response (headers included) to the out-buffer; they leave
 * with fcgi_flush() or fcgi_end(), what was written in between together.
 * False once the peer is gone.  Owner. */
bool fcgi_write(struct fcgi_conn *c, const void *bytes, size_t len);
/* Of a stream: send what the socket takes; the rest follows by itself.  False
 * once the peer is gone.  Reactor. */
bool fcgi_flush(struct fcgi_conn *c);
/* Bytes written but not yet taken by the socket.  Owner. */
size_t fcgi_unsent(const struct fcgi_conn *c);
/* Bytes of response written so far. */
uint64_t fcgi_written(const struct fcgi_conn *c);
/* The response is complete: append END_REQUEST and write what the socket takes.
 * The connection waits for its next request or, when there is more to do, goes
 * to the reactor, which writes the rest or closes.  The caller must not touch
 * it again.  Owner, any thread. */
void fcgi_end(struct fcgi_conn *c);
/* The response broke off: close so that the web server does not take what it has for all of it,
 * which some do when a connection just ends.  Otherwise as fcgi_end(). */
void fcgi_break(struct fcgi_conn *c);
/* Close without an answer.  Owner, any thread. */
void fcgi_abandon(struct fcgi_conn *c);

/* Carry a stream on the reactor: from now on on_gone (the peer hung up, or took
 * nothing for send_timeout_ms) and on_drain (all bytes were taken by the
 * socket) are called.  After on_gone the owner still calls fcgi_abandon() or
 * fcgi_end().  Reactor. */
void fcgi_watch(struct fcgi_conn *c, void (*on_gone)(void *), void (*on_drain)(void *), void *arg);

#endif
