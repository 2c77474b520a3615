/* A client connection. The contract is in conn.h. */
#include "demo/conn.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "demo/h1.h"
#include "demo/run.h"

#define READ_BYTES (64u << 10)
/* Above this the script waits until the client has read. */
#define OUT_HIGH_BYTES (64u << 10)
/* Pipelined requests kept while an answer is under way. */
#define IN_HIGH_BYTES (256u << 10)
/* A buffer larger than this is given back when it is empty. */
#define IDLE_KEEP_BYTES 8192u

/* What calls work() next. */
enum waits {
	WAITS_REQUEST, /* more bytes of a request */
	WAITS_ROOM,    /* the client reading: room in out, or at the end, all of it */
	WAITS_TIMER,
	WAITS_CLIENT, /* nothing: only the client can end this */
};

struct conn {
	struct loop *loop;
	struct conn *next, *prev;
	int fd;
	struct event readable, writable, timer;
	struct buf in;	    /* read, not yet consumed */
	size_t in_want;	    /* bytes needed before parsing again */
	bool sent_continue; /* 100 Continue was sent for this request */
	struct buf out;	    /* to write, from out_off */
	size_t out_off;
	struct run *run; /* the answer under way, or NULL */
	enum waits waits;
	bool is_ended;		/* the run has appended all it will */
	enum run_verdict after; /* what follows once out is empty: END, CLOSE, RESET */
};

enum progress {
	PROGRESS_WAIT,	 /* an event will call again */
	PROGRESS_NEXT,	 /* ready for another request */
	PROGRESS_CLOSED, /* the connection is gone */
};

/* ---- the only way out ---------------------------------------------------- */

static void
conn_close(struct conn *c, const char *how)
{
	if (c->run != NULL)
		run_end(c->run, c->loop, how, &c->out, c->out_off);
	event_del(&c->readable);
	event_del(&c->writable);
	event_del(&c->timer);
	close(c->fd);
	if (c->next != NULL)
		c->next->prev = c->prev;
	if (c->prev != NULL)
		c->prev->next = c->next;
	else
		c->loop->conns = c->next;
	atomic_fetch_sub(&c->loop->server->stats.connections_open, 1);
	buf_free(&c->in);
	buf_free(&c->out);
	free(c);
}

static void
conn_reset(struct conn *c)
{
	struct linger at_once = { 1, 0 };

	/* On a unix socket this is a plain close: there is no reset there. */
	setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
	conn_close(c, "reset");
}

void
conn_close_all(struct loop *loop)
{
	while (loop->conns != NULL)
		conn_close(loop->conns, "shutdown");
}

/* ---- writing ------------------------------------------------------------- */

static void
give_back(struct buf *b)
{
	buf_clear(b);
	if (b->cap > IDLE_KEEP_BYTES)
		buf_free(b);
}

/* Send what can be sent and see to the rest; false when the client is gone. */
static bool
flush(struct conn *c)
{
	while (c->out_off < c->out.len) {
		ssize_t n = send(c->fd, c->out.data + c->out_off, c->out.len - c->out_off, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return event_add(&c->writable, NULL) == 0;
		if (n < 0)
			return false;
		c->out_off += (size_t)n;
	}
	c->out_off = 0;
	give_back(&c->out);
	return true;
}

static size_t
unsent(const struct conn *c)
{
	return c->out.len - c->out_off;
}

static enum progress
wait_room(struct conn *c)
{
	c->waits = WAITS_ROOM;
	return PROGRESS_WAIT;
}

static enum progress
wait_timer(struct conn *c, int64_t wait_us)
{
	struct timeval tv = { wait_us / 1000000, wait_us % 1000000 };

	c->waits = WAITS_TIMER;
	event_add(&c->timer, &tv);
	return PROGRESS_WAIT;
}

/* ---- answers ------------------------------------------------------------- */

/* The run has ended and everything was sent. */
static enum progress
finish(struct conn *c)
{
	bool keep = c->run->keep_alive && c->after == RUN_END;

	if (c->after == RUN_RESET)
		return conn_reset(c), PROGRESS_CLOSED;
	if (!keep) {
		shutdown(c->fd, SHUT_WR);
		return conn_close(c, c->after == RUN_END ? "complete" : "closed"), PROGRESS_CLOSED;
	}
	run_end(c->run, c->loop, "complete", &c->out, c->out_off);
	c->run = NULL;
	c->is_ended = false;
	c->waits = WAITS_REQUEST;
	event_add(&c->readable, NULL);
	return PROGRESS_NEXT;
}

/* Move the answer on until it waits for time, for the client, or is over. */
static enum progress
progress(struct conn *c)
{
	for (;;) {
		enum run_verdict verdict = c->is_ended ? c->after : run_step(c->run, &c->out);

		if (verdict == RUN_MORE && unsent(c) < OUT_HIGH_BYTES)
			continue;
		if (!flush(c))
			return conn_close(c, "client_closed"), PROGRESS_CLOSED;
		switch (verdict) {
		case RUN_MORE:
			if (unsent(c) >= OUT_HIGH_BYTES)
				return wait_room(c);
			continue;
		case RUN_WAIT: return wait_timer(c, c->run->wait_us);
		case RUN_HANG: c->waits = WAITS_CLIENT; return PROGRESS_WAIT;
		case RUN_END:
		case RUN_CLOSE:
		case RUN_RESET: break;
		}
		c->is_ended = true;
		c->after = verdict;
		return unsent(c) > 0 ? wait_room(c) : finish(c);
	}
}

/* ---- requests ------------------------------------------------------------ */

static bool
refuse(struct conn *c, enum h1_result result)
{
	buf_clear(&c->in);
	c->run = run_refuse(c->loop, result == H1_TOO_LONG ? 413 : 400);
	return true;
}

/* Start the answer to a request whose body is complete, and consume it. */
static bool
start(struct conn *c, const struct h1_request *rq, const char *body, size_t body_len, size_t wire_bytes)
{
	c->run = run_start(c->loop, rq, body, body_len);
	c->in_want = 0;
	c->sent_continue = false;
	if (wire_bytes == c->in.len)
		give_back(&c->in);
	else
		buf_consume(&c->in, wire_bytes);
	return true;
}

static bool
start_chunked(struct conn *c, const struct h1_request *rq)
{
	const char *wire = c->in.data + rq->head_bytes;
	size_t body_len, wire_bytes;
	struct buf body = BUF_INIT(0);
	enum h1_result result = h1_chunked_extent(wire, c->in.len - rq->head_bytes, &body_len, &wire_bytes);

	if (result == H1_MORE)
		return false;
	if (result != H1_OK)
		return refuse(c, result);
	h1_chunked_copy(wire, buf_reserve(&body, body_len));
	buf_commit(&body, body_len);
	start(c, rq, body.data, body_len, rq->head_bytes + wire_bytes);
	buf_free(&body);
	return true;
}

/* Start the next request if all of it is here; false when more is needed. */
static bool
next_request(struct conn *c)
{
	struct h1_request rq;
	enum h1_result result;
	size_t have;

	if (c->in.len == 0 || c->in.len < c->in_want)
		return false;
	result = h1_parse_head(c->in.data, c->in.len, &rq);
	if (result == H1_MORE)
		return false;
	if (result != H1_OK)
		return refuse(c, result);
	have = c->in.len - rq.head_bytes;
	if (!rq.chunked && have >= rq.content_length)
		return start(c, &rq, c->in.data + rq.head_bytes, rq.content_length, rq.head_bytes + rq.content_length);
	if (rq.chunked && start_chunked(c, &rq))
		return true;
	if (!rq.chunked)
		c->in_want = rq.head_bytes + rq.content_length;
	if (rq.expects_continue && !c->sent_continue) {
		c->sent_continue = true;
		buf_puts(&c->out, "HTTP/1.1 100 Continue\r\n\r\n");
		/* A client that is gone already is noticed by the next read. */
		(void)flush(c);
	}
	return false;
}

/* Serve what has been read, one request after the other. */
static void
work(struct conn *c)
{
	do {
		if (c->run == NULL && !next_request(c))
			return;
	} while (progress(c) == PROGRESS_NEXT);
}

/* ---- events -------------------------------------------------------------- */

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	static _Thread_local char bytes[READ_BYTES];
	struct conn *c = arg;
	ssize_t n = recv(fd, bytes, sizeof bytes, 0);

	(void)what;
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		return;
	if (n <= 0) {
		conn_close(c, "client_closed");
		return;
	}
	buf_add(&c->in, bytes, (size_t)n);
	if (c->run == NULL)
		work(c);
	else if (c->in.len > IN_HIGH_BYTES)
		event_del(&c->readable);
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	(void)fd;
	(void)what;
	if (!flush(c)) {
		conn_close(c, "client_closed");
		return;
	}
	if (c->waits == WAITS_ROOM && unsent(c) < (c->is_ended ? 1 : OUT_HIGH_BYTES))
		work(c);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	(void)fd;
	(void)what;
	if (unsent(c) >= OUT_HIGH_BYTES)
		c->waits = WAITS_ROOM;
	else
		work(c);
}

void
conn_open(struct loop *loop, int fd)
{
	struct conn *c = calloc(1, sizeof *c);
	int on = 1;

	if (c == NULL)
		abort();
	c->loop = loop;
	c->fd = fd;
	c->next = loop->conns;
	if (c->next != NULL)
		c->next->prev = c;
	loop->conns = c;
	atomic_fetch_add(&loop->server->stats.connections_open, 1);
	/* Fails on a unix socket, where there is nothing to turn off. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	event_assign(&c->readable, loop->base, fd, EV_READ | EV_PERSIST, on_readable, c);
	event_assign(&c->writable, loop->base, fd, EV_WRITE, on_writable, c);
	event_assign(&c->timer, loop->base, -1, 0, on_timer, c);
	event_add(&c->readable, NULL);
}
