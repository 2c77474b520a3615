#include "core/sink.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/memory.h"
#include "io/fcgi.h"
#include "io/reactor.h"

struct sink {
	struct fcgi_conn *conn;
	struct reactor_timer *keepalive; /* NULL: none */
	const char *keepalive_text;
	int64_t keepalive_ms, last_write_ms;
	bool gone;
	void (*on_gone)(void *);
	void (*on_drain)(void *);
	void *arg;
};

const char *
sink_headers(struct arena *a, const char *common)
{
	return arena_printf(a,
	    "Status: 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
	    "X-Accel-Buffering: no\r\n%s",
	    common);
}

static void
gone(void *arg)
{
	struct sink *s = arg;

	s->gone = true;
	if (s->keepalive != NULL)
		reactor_timer_stop(s->keepalive);
	s->on_gone(s->arg);
}

static void
drained(void *arg)
{
	struct sink *s = arg;

	s->on_drain(s->arg);
}

/* Lazy: writes only note the time, the timer looks whether it was long ago. */
static void
on_keepalive(void *arg)
{
	struct sink *s = arg;
	int64_t quiet_ms = clock_mono_ms() - s->last_write_ms;

	if (quiet_ms >= s->keepalive_ms) {
		if (fcgi_unsent(s->conn) == 0) {
			sink_write(s, s->keepalive_text, strlen(s->keepalive_text));
			sink_flush(s);
		}
		quiet_ms = 0;
	}
	reactor_timer_start(s->keepalive, s->keepalive_ms - quiet_ms);
}

/* In one piece: headers that come alone are held back. */
static void
begin(struct sink *s, struct process *process, const char *headers, const char *first, const char *keepalive)
{
	struct buf b = BUF_INIT(0);

	s->keepalive_text = keepalive;
	buf_printf(&b, "%s\r\n%s", headers, first);
	sink_write(s, b.data, b.len);
	buf_free(&b);
	if (keepalive == NULL)
		return;
	s->keepalive = reactor_timer_new(process->reactor, on_keepalive, s);
	reactor_timer_start(s->keepalive, s->keepalive_ms);
}

void
sink_begin(struct sink *s, struct process *process, const char *headers, const char *keepalive)
{
	begin(s, process, headers, "", keepalive);
}

struct sink *
sink_new(struct process *process, struct fcgi_conn *conn, const char *headers, const char *keepalive,
    void (*on_gone)(void *), void (*on_drain)(void *), void *arg)
{
	struct sink *s = xcalloc(1, sizeof(*s));

	*s = (struct sink){ .conn = conn, .on_gone = on_gone, .on_drain = on_drain, .arg = arg };
	s->keepalive_ms = process->conf->server_keepalive;
	fcgi_watch(conn, gone, drained, s);
	if (headers != NULL)
		begin(s, process, headers, ": ok\n\n", keepalive);
	return s;
}

void
sink_write(struct sink *s, const void *bytes, size_t len)
{
	if (s->gone)
		return;
	s->last_write_ms = clock_mono_ms();
	fcgi_write(s->conn, bytes, len);
}

void
sink_event(struct sink *s, const char *id, const char *json, size_t len)
{
	struct buf b = BUF_INIT(0);

	if (id != NULL)
		buf_printf(&b, "id: %s\n", id);
	buf_add(&b, "data: ", 6);
	buf_add(&b, json, len);
	buf_add(&b, "\n\n", 2);
	sink_write(s, b.data, b.len);
	buf_free(&b);
}

void
sink_flush(struct sink *s)
{
	if (!s->gone)
		fcgi_flush(s->conn);
}

size_t
sink_unsent(const struct sink *s)
{
	return s->gone ? 0 : fcgi_unsent(s->conn);
}

static void
sink_free(struct sink *s)
{
	reactor_timer_free(s->keepalive);
	free(s);
}

void
sink_close(struct sink *s)
{
	if (s == NULL)
		return;
	if (s->gone)
		fcgi_abandon(s->conn);
	else
		fcgi_end(s->conn);
	sink_free(s);
}

void
sink_break(struct sink *s)
{
	if (s == NULL)
		return;
	if (s->gone)
		fcgi_abandon(s->conn);
	else
		fcgi_break(s->conn);
	sink_free(s);
}

void
sink_abandon(struct sink *s)
{
	if (s == NULL)
		return;
	fcgi_abandon(s->conn);
	sink_free(s);
}
