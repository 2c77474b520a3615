#include "io/fcgi.h"

#include <errno.h>
#include <fcgiapp.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "io/reactor.h"

/* FastCGI 1.0, section 8: record types and sizes. */
#define FCGI_HEADER_BYTES 8
#define FCGI_TYPE_ABORT 2
#define FCGI_TYPE_END 3
#define FCGI_TYPE_STDOUT 6
#define FCGI_CONTENT_MAX 65528 /* the largest multiple of 8 below 64 KiB */

#define ACCEPT_BATCH 16	   /* per wake-up, so that sibling processes get theirs */
#define SWEEP_MS 500	   /* how often time-outs are looked at */
#define DRAIN_IDLE_MS 6000 /* idle connections of a draining process: nginx closes its own first (4 s) */
#define DISCARD_BYTES 16384
#define PIECE_BYTES 65536 /* of a body, at a time */

enum conn_state {
	CONN_IDLE,     /* nobody: waits in `idle` for a request and for who takes it */
	CONN_WORKER,   /* a worker reads and answers it */
	CONN_STREAM,   /* reactor: carries a stream (fcgi_watch) */
	CONN_FLUSHING, /* reactor: answer complete, bytes left to send */
};

struct fcgi_conn {
	struct fcgi_server *server;
	struct fcgi_conn *next, **prev; /* all of the server; reactor only */
	struct reactor_watch *watch;	/* of a stream or of what is left to send; reactor only */
	int fd;
	_Atomic enum conn_state state;
	int request_id;
	bool keep;	  /* the web server wants the connection back, and gets it */
	bool gone;	  /* writing failed or the peer hung up */
	bool told_gone;	  /* on_gone was called, or nobody is there to be called any more */
	bool blocked;	  /* the socket did not take all of `out` */
	unsigned hearing; /* of a stream: WATCH_CLOSED, and WATCH_READ until something but an abort came */
	FCGX_Request *fx; /* while a worker reads; over a duplicate of fd */
	const char *const *params;
	struct buf out;
	uint64_t written;
	atomic_int_fast64_t since_ms; /* idle since; at a worker: reading since; 0: neither */
	int64_t progress_ms;	      /* last time the socket took bytes */
	void (*on_gone)(void *);
	void (*on_drain)(void *);
	void *arg;
};

struct fcgi_server {
	struct reactor *reactor;
	struct fcgi_options opt;
	struct reactor_watch *listener;
	struct reactor_timer *sweep;
	struct fcgi_conn *conns;
	int idle;	   /* epoll set of all connections, each armed while it is idle, for one event */
	int wake_fd;	   /* eventfd in `idle`, edge-triggered: a write lets one fcgi_take() return */
	atomic_bool woken; /* written to, and nobody has returned yet */
	atomic_size_t open;
	atomic_uint_fast64_t accepted;
	atomic_bool draining;
};

static void
conn_free(struct fcgi_conn *c)
{
	struct fcgi_server *s = c->server;

	reactor_watch_free(c->watch);
	close(c->fd);
	buf_free(&c->out);
	*c->prev = c->next;
	if (c->next != NULL)
		c->next->prev = c->prev;
	free(c);
	if (atomic_fetch_sub(&s->open, 1) == s->opt.max_connections && s->listener != NULL)
		reactor_watch_set(s->listener, WATCH_READ);
}

/* ---- idle: whoever is free takes the next request ------------------------ */

/* Let the next event on `fd` name `c`, once. */
static bool
arm_idle(int set, int op, int fd, void *c)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLRDHUP | EPOLLONESHOT, .data.ptr = c };

	return epoll_ctl(set, op, fd, &e) == 0;
}

/* From here on the connection is whose fcgi_take() returns it: not to be touched again. */
static void
become_idle(struct fcgi_conn *c, int op)
{
	int set = c->server->idle, fd = c->fd;

	atomic_store(&c->since_ms, clock_mono_ms());
	atomic_store(&c->state, CONN_IDLE);
	if (arm_idle(set, op, fd, c))
		return;
	LOG(ERROR, "epoll_failed", LS("error", strerror(errno))); /* no memory for it: nobody else has it */
	atomic_store(&c->state, CONN_WORKER);
	atomic_store(&c->since_ms, 0);
	fcgi_abandon(c);
}

static bool
has_bytes(const struct fcgi_conn *c)
{
	char byte;

	return recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

/* An idle connection got an event and is ours: true when a request may be on it. */
static bool
claim(struct fcgi_conn *c, uint32_t events)
{
	atomic_store(&c->since_ms, 0); /* first: the sweep looks at the state before it looks at the time */
	if (atomic_exchange(&c->state, CONN_WORKER) != CONN_IDLE) /* acquires what its last owner wrote */
		abort();
	c->gone = c->told_gone = false;
	c->written = 0;
	c->params = NULL;
	c->on_gone = c->on_drain = NULL;
	/* the web server closed it, maybe behind a last request */
	return !(events & ~(uint32_t)EPOLLIN) || has_bytes(c);
}

struct fcgi_conn *
fcgi_take(struct fcgi_server *s, bool wait)
{
	struct fcgi_conn *c = NULL;
	struct epoll_event e;
	bool woken = false;
	int n;

	while (c == NULL && !(wait && woken)) {
		n = epoll_wait(s->idle, &e, 1, wait ? -1 : 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		if (e.data.ptr == NULL) {
			atomic_store(&s->woken, false);
			woken = true;
		} else if (claim(e.data.ptr, e.events)) {
			c = e.data.ptr;
		} else {
			fcgi_abandon(e.data.ptr);
		}
	}
	if (woken && !wait) /* it was meant for somebody who waits */
		fcgi_wake(s);
	return c;
}

void
fcgi_wake(struct fcgi_server *s)
{
	uint64_t one = 1;

	if (!atomic_exchange(&s->woken, true) && write(s->wake_fd, &one, sizeof(one)) < 0)
		LOG(ERROR, "wake_failed", LS("error", strerror(errno)));
}

static void
accept_one(struct fcgi_server *s, int fd)
{
	struct fcgi_conn *c = xcalloc(1, sizeof(*c));

	c->server = s;
	c->fd = fd;
	c->next = s->conns;
	if (c->next != NULL)
		c->next->prev = &c->next;
	c->prev = &s->conns;
	s->conns = c;
	atomic_fetch_add(&s->accepted, 1);
	become_idle(c, EPOLL_CTL_ADD); /* a worker may have it now */
	if (atomic_fetch_add(&s->open, 1) + 1 == s->opt.max_connections)
		reactor_watch_set(s->listener, 0);
}

static void
on_acceptable(void *arg, int listen_fd, unsigned events)
{
	struct fcgi_server *s = arg;

	(void)events;
	for (int i = 0; i < ACCEPT_BATCH && atomic_load(&s->open) < s->opt.max_connections; i++) {
		int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0) {
			if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR)
				LOG(ERROR, "accept_failed", LS("error", strerror(errno)));
			return;
		}
		accept_one(s, fd);
	}
}

/* ---- reading, on a worker ------------------------------------------------ */

/* libfcgi works on a duplicate, so that it never closes the descriptor the
 * reactor may be looking at. */
static FCGX_Request *
parser_new(const struct fcgi_conn *c)
{
	FCGX_Request *fx = xcalloc(1, sizeof(*fx));

	FCGX_InitRequest(fx, -1, 0); /* no listener: a failed parse must not accept another */
	fx->ipcFd = fcntl(c->fd, F_DUPFD_CLOEXEC, 0);
	fx->keepConnection = 1;
	return fx;
}

static void
parser_free(struct fcgi_conn *c)
{
	if (c->fx == NULL)
		return;
	if (c->fx->ipcFd >= 0)
		close(c->fx->ipcFd);
	c->fx->ipcFd = -1;
	FCGX_Free(c->fx, 0);
	free(c->fx);
	c->fx = NULL;
	atomic_store(&c->since_ms, 0);
}

/* Copy the parameters; E_HEADERS_TOO_LARGE (and none but the request line's
 * kept) when they are more than the cap. */
static enum status
copy_params(struct fcgi_conn *c, struct arena *a)
{
	size_t n = 0, bytes = 0, kept = 0;
	const char **params;

	for (char **e = c->fx->envp; *e != NULL; e++, n++)
		bytes += strlen(*e) + 1;
	params = ARENA_ARRAY(a, const char *, n + 1);
	for (char **e = c->fx->envp; *e != NULL; e++)
		if (bytes <= c->server->opt.max_header_bytes || strncmp(*e, "REQUEST_METHOD=", 15) == 0)
			params[kept++] = arena_strdup(a, *e);
	c->params = params;
	return bytes <= c->server->opt.max_header_bytes ? OK : E_HEADERS_TOO_LARGE;
}

enum status
fcgi_read(struct fcgi_conn *c, struct arena *a)
{
	atomic_store(&c->since_ms, clock_mono_ms());
	c->fx = parser_new(c);
	if (c->fx->ipcFd < 0 || FCGX_Accept_r(c->fx) != 0) {
		c->gone = true;
		parser_free(c);
		return E_UNAVAILABLE;
	}
	c->request_id = c->fx->requestId;
	c->keep = c->fx->keepConnection != 0;
	return copy_params(c, a);
}

const char *
fcgi_param(const struct fcgi_conn *c, const char *name)
{
	size_t len = strlen(name);

	for (const char *const *p = c->params; p != NULL && *p != NULL; p++)
		if (strncmp(*p, name, len) == 0 && (*p)[len] == '=')
			return *p + len + 1;
	return NULL;
}

const char *const *
fcgi_params(const struct fcgi_conn *c)
{
	return c->params;
}

/* Read what is left of the body and forget it; the answer's reader would
 * otherwise see a reset instead of the answer. */
static void
discard(struct fcgi_conn *c)
{
	char scratch[DISCARD_BYTES];

	while (FCGX_GetStr(scratch, sizeof(scratch), c->fx->in) > 0)
		continue;
}

/* What CONTENT_LENGTH announces. */
static unsigned long long
announced(const struct fcgi_conn *c)
{
	const char *length = fcgi_param(c, "CONTENT_LENGTH");

	return length == NULL ? 0 : strtoull(length, NULL, 10);
}

/* The body was read, as far as `st` let us. */
static enum status
end_body(struct fcgi_conn *c, enum status st, bool whole)
{
	discard(c);
	/* A body shorter than announced is a client that left; FCGX_GetError
	 * tells a broken connection, which a time-out also becomes. */
	if (FCGX_GetError(c->fx->in) != 0 || (st == OK && !whole)) {
		c->gone = true;
		st = E_UNAVAILABLE;
	}
	parser_free(c);
	return st;
}

enum status
fcgi_read_body(struct fcgi_conn *c, struct arena *a, size_t max_bytes, char **body, size_t *len)
{
	unsigned long long told = announced(c);
	enum status st = told > max_bytes ? E_TOO_LARGE : OK;
	size_t got = 0;

	*body = NULL;
	*len = 0;
	if (st == OK && told > 0) {
		*body = arena_alloc(a, (size_t)told + 1);
		while (got < told) {
			int want = told - got > PIECE_BYTES ? PIECE_BYTES : (int)(told - got);
			int n = FCGX_GetStr(*body + got, want, c->fx->in);

			if (n <= 0)
				break;
			got += (size_t)n;
		}
		*len = got;
	}
	return end_body(c, st, got == told);
}

enum status
fcgi_read_body_to(struct fcgi_conn *c, size_t max_bytes, fcgi_take_fn *take, void *arg)
{
	unsigned long long told = announced(c), got = 0;
	enum status st = told > max_bytes ? E_TOO_LARGE : OK;
	char *piece = xmalloc(PIECE_BYTES);

	while (st == OK && got < told) {
		int n = FCGX_GetStr(piece, told - got > PIECE_BYTES ? PIECE_BYTES : (int)(told - got), c->fx->in);

		if (n <= 0)
			break;
		got += (unsigned long long)n;
		atomic_store(&c->since_ms, clock_mono_ms()); /* a large body may take longer than one time-out */
		st = take(arg, piece, (size_t)n);
	}
	free(piece);
	return end_body(c, st, got == told);
}

bool
fcgi_peer_gone(struct fcgi_conn *c)
{
	char byte;
	ssize_t n;

	if (c->gone)
		return true;
	n = recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		c->gone = true;
	return c->gone;
}

/* ---- writing ------------------------------------------------------------- */

static void
add_record_header(struct buf *b, int type, int id, size_t content, size_t padding)
{
	unsigned char h[FCGI_HEADER_BYTES] = { 1, (unsigned char)type, (unsigned char)(id >> 8), (unsigned char)id,
		(unsigned char)(content >> 8), (unsigned char)content, (unsigned char)padding, 0 };

	buf_add(b, h, sizeof(h));
}

/* Send what the socket takes without waiting. */
static bool
flush(struct fcgi_conn *c)
{
	size_t sent = 0;

	while (!c->gone && sent < c->out.len) {
		ssize_t n = send(c->fd, c->out.data + sent, c->out.len - sent, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n > 0)
			sent += (size_t)n;
		else if (n < 0 && errno == EAGAIN)
			break;
		else if (n < 0 && errno != EINTR)
			c->gone = true;
	}
	if (c->gone)
		sent = c->out.len;
	c->blocked = sent < c->out.len;
	if (sent > 0) {
		buf_consume(&c->out, sent);
		c->progress_ms = clock_mono_ms();
	}
	if (c->out.len == 0) /* idle connections and streams wait most of the time */
		buf_free(&c->out);
	return !c->gone;
}

/* Watch for writability exactly while the socket takes no more. */
static void
update_watch(struct fcgi_conn *c)
{
	if (c->watch != NULL)
		reactor_watch_set(c->watch, c->hearing | (c->blocked ? WATCH_WRITE : 0));
}

bool
fcgi_write(struct fcgi_conn *c, const void *bytes, size_t len)
{
	const char *p = bytes;

	if (c->gone)
		return false;
	c->written += len;
	if (c->out.len == 0)
		c->progress_ms = clock_mono_ms();
	while (len > 0) {
		size_t n = len > FCGI_CONTENT_MAX ? FCGI_CONTENT_MAX : len;
		size_t padding = (8 - n % 8) % 8;

		add_record_header(&c->out, FCGI_TYPE_STDOUT, c->request_id, n, padding);
		buf_add(&c->out, p, n);
		buf_add(&c->out, "\0\0\0\0\0\0\0", padding);
		p += n;
		len -= n;
	}
	return true;
}

bool
fcgi_flush(struct fcgi_conn *c)
{
	if (!c->blocked)
		flush(c);
	update_watch(c);
	return !c->gone;
}

size_t
fcgi_unsent(const struct fcgi_conn *c)
{
	return c->out.len;
}

uint64_t
fcgi_written(const struct fcgi_conn *c)
{
	return c->written;
}

/* The answer is out: wait for the next request, or close. */
static void
finished(struct fcgi_conn *c)
{
	reactor_watch_free(c->watch);
	c->watch = NULL;
	if (c->keep && !c->gone)
		become_idle(c, EPOLL_CTL_MOD);
	else
		conn_free(c);
}

static void
on_flushable(void *arg, int fd, unsigned events)
{
	struct fcgi_conn *c = arg;

	(void)fd;
	(void)events;
	if (!flush(c) || c->out.len == 0)
		finished(c);
}

static void
end_on_reactor(void *arg)
{
	struct fcgi_conn *c = arg;

	c->state = CONN_FLUSHING;
	if (c->gone || c->out.len == 0) {
		finished(c);
		return;
	}
	reactor_watch_free(c->watch);
	c->watch = reactor_watch_new(c->server->reactor, c->fd, WATCH_WRITE, on_flushable, c);
}

void
fcgi_end(struct fcgi_conn *c)
{
	bool draining;

	c->told_gone = true; /* whoever carried it may be freed before the reactor gets to it */
	/* END_REQUEST: application status 0, FCGI_REQUEST_COMPLETE. */
	add_record_header(&c->out, FCGI_TYPE_STDOUT, c->request_id, 0, 0);
	add_record_header(&c->out, FCGI_TYPE_END, c->request_id, 8, 0);
	buf_add(&c->out, "\0\0\0\0\0\0\0\0", 8);
	draining = atomic_load(&c->server->draining);
	flush(c);
	/* With the end of the request in its hands the web server may give the
	 * connection another one: the end of the connection follows at once, or else
	 * waits for the end of that other one. */
	if (draining && c->out.len == 0 && !has_bytes(c))
		c->keep = false;
	if (c->out.len == 0 && c->state == CONN_WORKER && c->keep && !c->gone) {
		become_idle(c, EPOLL_CTL_MOD);
		return;
	}
	if (c->out.len == 0 && !c->keep)
		shutdown(c->fd, SHUT_WR);
	reactor_post(c->server->reactor, end_on_reactor, c);
}

void
fcgi_break(struct fcgi_conn *c)
{
	c->told_gone = true;
	c->keep = false;
	buf_add(&c->out, "\0\0\0\0\0\0\0\0", FCGI_HEADER_BYTES); /* a record of version 0: there is none */
	flush(c);
	if (c->out.len == 0)
		shutdown(c->fd, SHUT_WR);
	reactor_post(c->server->reactor, end_on_reactor, c);
}

static void
abandon_on_reactor(void *arg)
{
	conn_free(arg);
}

void
fcgi_abandon(struct fcgi_conn *c)
{
	c->told_gone = true;
	parser_free(c);
	reactor_post(c->server->reactor, abandon_on_reactor, c);
}

/* ---- carrying a stream, on the reactor ------------------------------------ */

static void
tell_gone(struct fcgi_conn *c)
{
	c->gone = true;
	reactor_watch_free(c->watch);
	c->watch = NULL;
	if (!c->told_gone) {
		c->told_gone = true;
		c->on_gone(c->arg);
	}
}

/* Bytes from the web server during a stream: an end, an abort (section 5.4),
 * or the next request of a pipelining server, which has to wait. */
static bool
is_hangup(const struct fcgi_conn *c)
{
	unsigned char h[FCGI_HEADER_BYTES];
	ssize_t n = recv(c->fd, h, sizeof(h), MSG_PEEK | MSG_DONTWAIT);

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		return true;
	return n == FCGI_HEADER_BYTES && h[1] == FCGI_TYPE_ABORT && ((h[2] << 8) | h[3]) == c->request_id;
}

static void
on_stream_event(void *arg, int fd, unsigned events)
{
	struct fcgi_conn *c = arg;

	(void)fd;
	if ((events & WATCH_CLOSED) || ((events & WATCH_READ) && is_hangup(c))) {
		tell_gone(c);
		return;
	}
	if (events & WATCH_READ) /* the next request: it stays where it is until this one ends */
		c->hearing = WATCH_CLOSED;
	if (events & WATCH_WRITE) {
		flush(c);
		if (c->gone) {
			tell_gone(c);
			return;
		}
	}
	update_watch(c);
	if ((events & WATCH_WRITE) && c->out.len == 0 && !c->told_gone)
		c->on_drain(c->arg);
}

void
fcgi_watch(struct fcgi_conn *c, void (*on_gone)(void *), void (*on_drain)(void *), void *arg)
{
	c->state = CONN_STREAM;
	c->on_gone = on_gone;
	c->on_drain = on_drain;
	c->arg = arg;
	c->hearing = WATCH_READ | WATCH_CLOSED;
	c->watch = reactor_watch_new(c->server->reactor, c->fd, c->hearing, on_stream_event, c);
}

/* ---- the server ---------------------------------------------------------- */

/* The web server takes nothing of what waits for it.  The reactor's connections only. */
static bool
is_stalled(const struct fcgi_conn *c, int64_t now_ms)
{
	return c->out.len > 0 && now_ms - c->progress_ms > c->server->opt.send_timeout_ms;
}

/* Act on one connection's time-outs; may free it. */
static void
check_time(struct fcgi_conn *c, int64_t now_ms)
{
	const struct fcgi_options *opt = &c->server->opt;
	enum conn_state state = atomic_load(&c->state);
	int64_t since_ms = atomic_load(&c->since_ms);

	switch (state) {
	case CONN_WORKER: /* wakes the worker out of libfcgi's read */
		if (since_ms != 0 && now_ms - since_ms > opt->read_timeout_ms)
			shutdown(c->fd, SHUT_RDWR);
		break;
	case CONN_STREAM:
		if ((is_stalled(c, now_ms) || c->gone) && !c->told_gone)
			tell_gone(c);
		break;
	case CONN_FLUSHING:
		if (is_stalled(c, now_ms))
			conn_free(c);
		break;
	case CONN_IDLE: /* whoever takes it finds the end */
		if (since_ms != 0 && atomic_load(&c->server->draining) && now_ms - since_ms > DRAIN_IDLE_MS)
			shutdown(c->fd, SHUT_RDWR);
		break;
	}
}

static void
on_sweep(void *arg)
{
	struct fcgi_server *s = arg;
	int64_t now_ms = clock_mono_ms();

	for (struct fcgi_conn *c = s->conns, *next; c != NULL; c = next) {
		next = c->next;
		check_time(c, now_ms);
	}
	reactor_timer_start(s->sweep, SWEEP_MS);
}

struct fcgi_server *
fcgi_server_new(struct reactor *r, const struct fcgi_options *opt)
{
	struct fcgi_server *s = xcalloc(1, sizeof(*s));
	struct epoll_event e = { .events = EPOLLIN | EPOLLET };

	FCGX_Init();
	s->reactor = r;
	s->opt = *opt;
	s->idle = epoll_create1(EPOLL_CLOEXEC);
	s->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->idle < 0 || s->wake_fd < 0 || epoll_ctl(s->idle, EPOLL_CTL_ADD, s->wake_fd, &e) != 0)
		abort();
	fcntl(opt->listen_fd, F_SETFL, fcntl(opt->listen_fd, F_GETFL) | O_NONBLOCK);
	s->listener = reactor_watch_new(r, opt->listen_fd, WATCH_READ, on_acceptable, s);
	s->sweep = reactor_timer_new(r, on_sweep, s);
	reactor_timer_start(s->sweep, SWEEP_MS);
	return s;
}

void
fcgi_server_drain(struct fcgi_server *s)
{
	atomic_store(&s->draining, true);
	reactor_watch_free(s->listener);
	s->listener = NULL;
}

void
fcgi_server_free(struct fcgi_server *s)
{
	if (s == NULL)
		return;
	while (s->conns != NULL)
		conn_free(s->conns);
	reactor_watch_free(s->listener);
	reactor_timer_free(s->sweep);
	close(s->idle);
	close(s->wake_fd);
	free(s);
}

size_t
fcgi_server_open(const struct fcgi_server *s)
{
	return atomic_load(&s->open);
}

uint64_t
fcgi_server_accepted(const struct fcgi_server *s)
{
	return atomic_load(&s->accepted);
}
