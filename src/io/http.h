/*
 * The HTTP client: every upstream transfer of a process on one libcurl multi
 * handle, driven by the reactor.  Reactor thread only.
 */
#ifndef WEIR_IO_HTTP_H
#define WEIR_IO_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct reactor;
struct http_client;
struct http_transfer;

enum http_result {
	HTTP_OK,	/* the response ended as its framing said it would */
	HTTP_REFUSED,	/* no connection: DNS, refused, TLS, time-out while connecting */
	HTTP_TIMEOUT,	/* total time-out */
	HTTP_BROKEN,	/* reset or ended too early */
	HTTP_FORBIDDEN, /* the address guard said no */
	HTTP_TOO_LONG,	/* the body had more than max_body_bytes */
	HTTP_INTERNAL,	/* libcurl could not do it */
};

/* What a transfer does.  Strings are copied; the body is borrowed until on_done
 * or http_cancel() returns. */
struct http_spec {
	const char *method, *url;
	const char *const *headers; /* "Name: value", NULL-terminated */
	const void *body;
	size_t body_len;
	int64_t connect_timeout_ms, total_timeout_ms;
	int64_t max_body_bytes; /* after decompression; 0: no bound */
	int64_t receive_bytes;	/* read at once; 0: 1 KB, right for deltas.  64 KB for big bodies */
	bool allow_private;	/* may reach loopback and private addresses */
	/* Reached through this (http, https, socks5, socks5h; with a password, perhaps); NULL: directly.
	 * Wherever it is: operators name it.  Names are then looked up by the proxy, out of the guard's sight. */
	const char *proxy;
	/* On a connection of its own, closed afterwards, so that the request goes out once at most.
	 * libcurl sends it again when a kept connection closes without an answer. */
	bool fresh;
	void *arg;
	/* It was sent again: the server may have seen it twice.  May be NULL. */
	void (*on_resend)(void *arg);
	/* The final status line and headers are in (http_header() works). */
	void (*on_headers)(void *arg, int status);
	/* Body bytes as they come, decompressed: gzip, deflate and br, as libcurl can. */
	void (*on_data)(void *arg, const char *data, size_t len);
	/* on_data was told all there is for now: pass it on.  May be NULL. */
	void (*on_batch)(void *arg);
	/* The end, exactly once unless cancelled; `detail` is for the log. */
	void (*on_done)(void *arg, enum http_result result, const char *detail);
};

/* The address guard (SSRF): true when a transfer may connect to `sa`.  Loopback
 * and private networks need allow_private; whatever else is no address of the
 * open Internet is never allowed: base/address.h.  Any thread. */
struct sockaddr;
bool http_address_allowed(const struct sockaddr *sa, bool allow_private);

struct http_client *http_client_new(struct reactor *r);
void http_client_free(struct http_client *c);
/* Start a transfer.  Callbacks come later, never from within this call.  The
 * handle is valid until on_done returns or http_cancel(). */
struct http_transfer *http_start(struct http_client *c, const struct http_spec *spec);
/* Stop: the connection is closed, no callback follows.  Safe inside on_headers and on_data. */
void http_cancel(struct http_transfer *t);
/* True once all of the request has gone out and an answer has begun: its body is
 * not looked at again. */
bool http_sent(struct http_transfer *t);
/* Stop and go on reading from the socket: back-pressure.  Bytes libcurl has
 * read already come through on_data from within http_resume(); those of a packed
 * body at once, in spite of the pause: nothing unpacked is kept. */
void http_pause(struct http_transfer *t);
void http_resume(struct http_transfer *t);
bool http_paused(const struct http_transfer *t);
/* A response header's value, or NULL; valid until the next call. */
const char *http_header(struct http_transfer *t, const char *name);

#endif
