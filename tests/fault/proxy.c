/*
 * proxy -- a wire that misbehaves on command, for the fault tests.
 *
 *	proxy CONTROL-SOCKET
 *
 * Forwards TCP and unix-socket connections byte for byte until told otherwise
 * over the control socket: one command per line, one line of answer, which
 * begins with "ok" or "error".  An address is host:port or the path of a unix
 * socket.
 *
 *	add NAME LISTEN TARGET	a new wire
 *	mode NAME open		connections are passed on (the default)
 *	mode NAME refuse	they are closed at once, with a reset over TCP
 *	mode NAME hole		they are accepted, and nobody is there
 *	set NAME DIRECTION KEY=VALUE...
 *				up: towards the target, down: back, both.  Applies to
 *				the connections there are and to those to come.
 *		delay=MS	everything arrives so much later
 *		rate=N		at most N bytes per second (0: no limit)
 *		slice=N		in pieces of N bytes (0: as it comes)
 *		stall=1		nothing passes, nothing is lost; 0 lets it go on
 *		hold=N		after N more pieces as they came, as stall=1
 *		drop=N		the next N bytes vanish
 *		cut=N		after N more bytes the connection is closed
 *		reset=N		the same with a TCP reset
 *		fin=0		the end of a connection is not passed on: half-open
 *	trap NAME WHEN TEXT	once, for a piece towards the target that contains
 *				TEXT: "before" closes the connection instead of
 *				passing it on, "after" passes it on and closes
 *				instead of passing on what the target answers,
 *				"stall" stops the wire both ways before passing it on
 *	cut NAME, reset NAME	every connection there is, now
 *	clear NAME		no rule, no trap, mode open
 *	stat NAME		counts: connections accepted and open; bytes and pieces
 *				passed each way; traps sprung; directions on hold
 *
 * Counters and rules belong to the wire, not to a connection.  One thread.
 */
#include "config.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"

#define OUT_MAX 65536	   /* unsent bytes above which nothing more is passed on */
#define WAITING_MAX 262144 /* bytes on the wire above which the sender is not read */
#define LINE_MAX_BYTES 4096

enum { UP, DOWN };
enum mode { MODE_OPEN, MODE_REFUSE, MODE_HOLE };
enum trap { TRAP_NONE, TRAP_BEFORE, TRAP_AFTER, TRAP_STALL };

struct rules {
	int64_t delay_ms, rate, slice, drop, cut, reset, hold; /* cut, reset, hold: -1 is off */
	bool stall, fin;
	uint64_t bytes, pieces;
};

struct wire {
	SLIST_ENTRY(wire) next;
	char name[64];
	struct evconnlistener *listener;
	struct sockaddr_storage target;
	socklen_t target_len;
	enum mode mode;
	struct rules rules[2];
	enum trap trap;
	char trap_text[256];
	uint64_t accepted, open, trapped;
	LIST_HEAD(, link) links;
};

/* What was read at once, on its way. */
struct piece {
	STAILQ_ENTRY(piece) next;
	struct evbuffer *data;
	int64_t due_us;
};

/* One direction of one connection. */
struct pipe {
	struct link *link;
	struct rules *rules;
	struct bufferevent *from, *to;
	STAILQ_HEAD(, piece) pieces;
	size_t waiting;
	int64_t free_us; /* when the rate allows the next bytes */
	struct event *timer;
	bool ended, passed_end;
};

struct link {
	LIST_ENTRY(link) next;
	struct wire *wire;
	struct pipe pipes[2];
	bool swallow; /* the trap is sprung: the answer is the end */
	bool dead;
	struct event *reaper;
};

static struct event_base *base;
static SLIST_HEAD(, wire) wires = SLIST_HEAD_INITIALIZER(wires);

static void pump(struct pipe *p);

static _Noreturn void
die(const char *what)
{
	fprintf(stderr, "proxy: %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

static void *
allocate(size_t bytes)
{
	void *p = calloc(1, bytes);

	if (p == NULL)
		die("memory");
	return p;
}

static void
rules_clear(struct rules *r)
{
	*r = (struct rules){ .cut = -1, .reset = -1, .hold = -1, .fin = true, .bytes = r->bytes, .pieces = r->pieces };
}

/* host:port or a path as an address; false: neither. */
static bool
address_parse(const char *text, struct sockaddr_storage *out, socklen_t *len)
{
	struct sockaddr_un *un = (struct sockaddr_un *)out;
	int n = sizeof(*out);

	memset(out, 0, sizeof(*out));
	if (strchr(text, '/') == NULL) {
		bool ok = evutil_parse_sockaddr_port(text, (struct sockaddr *)out, &n) == 0;

		*len = (socklen_t)n;
		return ok;
	}
	un->sun_family = AF_UNIX;
	if (strlen(text) >= sizeof(un->sun_path))
		return false;
	memcpy(un->sun_path, text, strlen(text) + 1);
	*len = sizeof(*un);
	return true;
}

/* ---- the end of a connection ---------------------------------------------------- */

static void
pipe_free(struct pipe *p)
{
	struct piece *piece;

	while ((piece = STAILQ_FIRST(&p->pieces)) != NULL) {
		STAILQ_REMOVE_HEAD(&p->pieces, next);
		evbuffer_free(piece->data);
		free(piece);
	}
	event_free(p->timer);
}

static void
on_reap(evutil_socket_t fd, short what, void *arg)
{
	struct link *l = arg;

	(void)fd;
	(void)what;
	LIST_REMOVE(l, next);
	l->wire->open--;
	bufferevent_free(l->pipes[UP].from);
	if (l->pipes[DOWN].from != NULL)
		bufferevent_free(l->pipes[DOWN].from);
	pipe_free(&l->pipes[UP]);
	pipe_free(&l->pipes[DOWN]);
	event_free(l->reaper);
	free(l);
}

static void
linger_none(struct bufferevent *b)
{
	struct linger none = { .l_onoff = 1, .l_linger = 0 };

	if (b != NULL)
		setsockopt(bufferevent_getfd(b), SOL_SOCKET, SO_LINGER, &none, sizeof(none));
}

/* What was passed on is delivered, as far as the kernel takes it. */
static void
flush(struct bufferevent *b)
{
	struct evbuffer *out = bufferevent_get_output(b);

	evbuffer_unfreeze(out, 1);
	evbuffer_write(out, bufferevent_getfd(b));
}

/* Close both ends, from the event loop: callers may still hold the link. */
static void
link_close(struct link *l, bool with_reset)
{
	struct timeval now = { 0, 0 };

	if (l->dead)
		return;
	l->dead = true;
	for (int d = 0; d < 2; d++) {
		struct bufferevent *b = l->pipes[d].from;

		if (b == NULL)
			continue;
		bufferevent_disable(b, EV_READ | EV_WRITE);
		if (with_reset)
			linger_none(b);
		else
			flush(b);
	}
	event_add(l->reaper, &now);
}

/* ---- passing on ------------------------------------------------------------------- */

static void
wake_in(struct pipe *p, int64_t us)
{
	struct timeval tv = { us / 1000000, us % 1000000 };

	event_add(p->timer, &tv);
}

/* How many bytes of `len` may pass now; 0: none, and it is arranged when to look again. */
static size_t
allowed(struct pipe *p, size_t len)
{
	struct rules *r = p->rules;
	size_t unsent = evbuffer_get_length(bufferevent_get_output(p->to));
	int64_t now_us = clock_mono_us();

	if (unsent > (r->slice > 0 ? 0 : OUT_MAX))
		return 0; /* on_written() looks again */
	if (r->rate > 0 && now_us < p->free_us) {
		wake_in(p, p->free_us - now_us);
		return 0;
	}
	if (r->slice > 0 && len > (size_t)r->slice)
		len = (size_t)r->slice;
	if (r->rate > 0) {
		size_t most = r->rate >= 100 ? (size_t)r->rate / 100 : 1;

		if (len > most)
			len = most;
		p->free_us = now_us + (int64_t)len * 1000000 / r->rate;
	}
	return len;
}

/* Take `len` down to what a countdown leaves; true: it has run out, once. */
static bool
count_down(int64_t *left, size_t *len)
{
	if (*left < 0)
		return false;
	if (*left == 0) {
		*left = -1;
		return true;
	}
	if (*len > (size_t)*left)
		*len = (size_t)*left;
	return false;
}

static void
pass_bytes(struct pipe *p, struct evbuffer *data, size_t len)
{
	struct rules *r = p->rules;

	if (r->drop > 0) {
		if (len > (size_t)r->drop)
			len = (size_t)r->drop;
		r->drop -= (int64_t)len;
		evbuffer_drain(data, len);
	} else {
		evbuffer_remove_buffer(data, bufferevent_get_output(p->to), len);
		r->bytes += len;
	}
	if (r->cut > 0)
		r->cut -= (int64_t)len;
	if (r->reset > 0)
		r->reset -= (int64_t)len;
	p->waiting -= len;
}

/* The oldest piece, as far as the rules let it; false: enough for now. */
static bool
pump_piece(struct pipe *p, struct piece *piece)
{
	struct rules *r = p->rules;
	int64_t now_us = clock_mono_us();
	size_t len;

	if (piece->due_us > now_us) {
		wake_in(p, piece->due_us - now_us);
		return false;
	}
	if (r->hold == 0)
		r->stall = true;
	if (r->stall || (len = allowed(p, evbuffer_get_length(piece->data))) == 0)
		return false;
	if (count_down(&r->cut, &len)) {
		link_close(p->link, false);
		return false;
	}
	if (count_down(&r->reset, &len)) {
		link_close(p->link, true);
		return false;
	}
	pass_bytes(p, piece->data, len);
	if (evbuffer_get_length(piece->data) > 0)
		return true;
	STAILQ_REMOVE_HEAD(&p->pieces, next);
	evbuffer_free(piece->data);
	free(piece);
	r->pieces++;
	if (r->hold > 0)
		r->hold--;
	return true;
}

static void
pump(struct pipe *p)
{
	struct piece *piece;

	if (p->link->dead || p->to == NULL || p->from == NULL)
		return;
	while ((piece = STAILQ_FIRST(&p->pieces)) != NULL)
		if (!pump_piece(p, piece))
			break;
	if (p->link->dead)
		return;
	if (!p->ended && p->waiting < WAITING_MAX)
		bufferevent_enable(p->from, EV_READ);
	if (p->ended && !p->passed_end && STAILQ_EMPTY(&p->pieces) && p->rules->fin && !p->rules->stall &&
	    evbuffer_get_length(bufferevent_get_output(p->to)) == 0) {
		p->passed_end = true;
		shutdown(bufferevent_getfd(p->to), SHUT_WR);
		if (p->link->pipes[UP].passed_end && p->link->pipes[DOWN].passed_end)
			link_close(p->link, false);
	}
}

static void
pump_all(struct wire *w)
{
	struct link *l;

	LIST_FOREACH(l, &w->links, next)
	for (int d = 0; d < 2; d++)
		pump(&l->pipes[d]);
}

/* Does this piece spring the trap?  True: it goes no further. */
static bool
spring(struct pipe *p, struct evbuffer *data)
{
	struct wire *w = p->link->wire;
	enum trap trap = w->trap;

	if (trap == TRAP_NONE || p->rules != &w->rules[UP] ||
	    evbuffer_search(data, w->trap_text, strlen(w->trap_text), NULL).pos < 0)
		return false;
	w->trap = TRAP_NONE;
	w->trapped++;
	if (trap == TRAP_BEFORE)
		link_close(p->link, false);
	else if (trap == TRAP_AFTER)
		p->link->swallow = true;
	else
		w->rules[UP].stall = w->rules[DOWN].stall = true;
	return trap == TRAP_BEFORE;
}

static void
on_readable(struct bufferevent *from, void *arg)
{
	struct link *l = arg;
	struct pipe *p = &l->pipes[from == l->pipes[UP].from ? UP : DOWN];
	struct evbuffer *data = bufferevent_get_input(from);
	struct piece *piece;

	if (l->dead || spring(p, data))
		return;
	if (l->swallow && p == &l->pipes[DOWN]) {
		link_close(l, false);
		return;
	}
	piece = allocate(sizeof(*piece));
	if ((piece->data = evbuffer_new()) == NULL)
		die("memory");
	p->waiting += evbuffer_get_length(data);
	evbuffer_add_buffer(piece->data, data);
	piece->due_us = clock_mono_us() + p->rules->delay_ms * 1000;
	STAILQ_INSERT_TAIL(&p->pieces, piece, next);
	if (p->waiting >= WAITING_MAX)
		bufferevent_disable(from, EV_READ);
	pump(p);
}

static void
on_written(struct bufferevent *to, void *arg)
{
	struct link *l = arg;

	pump(&l->pipes[to == l->pipes[UP].to ? UP : DOWN]);
}

static void
on_wake(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	pump(arg);
}

static void
on_event(struct bufferevent *b, short what, void *arg)
{
	struct link *l = arg;
	struct pipe *p = &l->pipes[b == l->pipes[UP].from ? UP : DOWN];

	if (what & BEV_EVENT_CONNECTED)
		return;
	if (what & BEV_EVENT_EOF) {
		p->ended = true;
		bufferevent_disable(b, EV_READ);
		pump(p);
	} else if (p->rules->fin) {
		link_close(l, true);
	} else { /* the other side is not to know */
		p->ended = true;
		bufferevent_disable(b, EV_READ | EV_WRITE);
	}
}

/* ---- beginning ----------------------------------------------------------------------- */

static void
pipe_init(struct link *l, int direction, struct bufferevent *from, struct bufferevent *to)
{
	struct pipe *p = &l->pipes[direction];

	*p = (struct pipe){ .link = l, .rules = &l->wire->rules[direction], .from = from, .to = to };
	STAILQ_INIT(&p->pieces);
	if ((p->timer = evtimer_new(base, on_wake, p)) == NULL)
		die("memory");
}

static struct bufferevent *
end_new(evutil_socket_t fd)
{
	struct bufferevent *b = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);

	if (b == NULL)
		die("memory");
	return b;
}

static void
on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *from, int from_len, void *arg)
{
	struct wire *w = arg;
	struct bufferevent *near = end_new(fd), *far = NULL;
	struct link *l;
	int on = 1;

	(void)listener;
	(void)from;
	(void)from_len;
	w->accepted++;
	if (w->mode == MODE_REFUSE) {
		linger_none(near);
		bufferevent_free(near);
		return;
	}
	l = allocate(sizeof(*l));
	l->wire = w;
	if ((l->reaper = evtimer_new(base, on_reap, l)) == NULL)
		die("memory");
	if (w->mode == MODE_OPEN)
		far = end_new(-1);
	pipe_init(l, UP, near, far);
	pipe_init(l, DOWN, far, near);
	LIST_INSERT_HEAD(&w->links, l, next);
	w->open++;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	bufferevent_setcb(near, on_readable, on_written, on_event, l);
	bufferevent_enable(near, EV_READ | EV_WRITE);
	if (far == NULL)
		return;
	bufferevent_setcb(far, on_readable, on_written, on_event, l);
	bufferevent_enable(far, EV_READ | EV_WRITE);
	if (bufferevent_socket_connect(far, (struct sockaddr *)&w->target, (int)w->target_len) != 0)
		link_close(l, true);
	else
		setsockopt(bufferevent_getfd(far), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

/* ---- commands ------------------------------------------------------------------------- */

static struct wire *
wire_find(const char *name)
{
	struct wire *w;

	SLIST_FOREACH(w, &wires, next)
	if (name != NULL && strcmp(w->name, name) == 0)
		return w;
	return NULL;
}

static const char *
cmd_add(char *rest)
{
	char *name = strsep(&rest, " "), *listen_at = strsep(&rest, " ");
	struct wire *w = allocate(sizeof(*w));
	struct sockaddr_storage at;
	socklen_t len;

	if (rest == NULL || wire_find(name) != NULL || !address_parse(listen_at, &at, &len) ||
	    !address_parse(rest, &w->target, &w->target_len)) {
		free(w);
		return "error: add NAME LISTEN TARGET";
	}
	snprintf(w->name, sizeof(w->name), "%s", name);
	rules_clear(&w->rules[UP]);
	rules_clear(&w->rules[DOWN]);
	if (at.ss_family == AF_UNIX)
		unlink(listen_at);
	w->listener = evconnlistener_new_bind(
	    base, on_accept, w, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE, 4096, (struct sockaddr *)&at, (int)len);
	if (w->listener == NULL) {
		free(w);
		return "error: cannot listen";
	}
	SLIST_INSERT_HEAD(&wires, w, next);
	return "ok";
}

static bool
set_rule(struct rules *r, const char *key, int64_t value)
{
	if (strcmp(key, "delay") == 0)
		r->delay_ms = value;
	else if (strcmp(key, "rate") == 0)
		r->rate = value;
	else if (strcmp(key, "slice") == 0)
		r->slice = value;
	else if (strcmp(key, "drop") == 0)
		r->drop = value;
	else if (strcmp(key, "cut") == 0)
		r->cut = value;
	else if (strcmp(key, "reset") == 0)
		r->reset = value;
	else if (strcmp(key, "hold") == 0)
		r->hold = value;
	else if (strcmp(key, "stall") == 0)
		r->stall = value != 0;
	else if (strcmp(key, "fin") == 0)
		r->fin = value != 0;
	else
		return false;
	return true;
}

static const char *
cmd_set(struct wire *w, char *rest)
{
	char *direction = strsep(&rest, " "), *word;
	bool up = strcmp(direction, "up") == 0, down = strcmp(direction, "down") == 0;
	bool both = strcmp(direction, "both") == 0;

	if (!up && !down && !both)
		return "error: up, down or both";
	while ((word = strsep(&rest, " ")) != NULL) {
		char *value = strchr(word, '=');

		if (value == NULL)
			return "error: KEY=VALUE";
		*value++ = '\0';
		if (((up || both) && !set_rule(&w->rules[UP], word, strtoll(value, NULL, 10))) ||
		    ((down || both) && !set_rule(&w->rules[DOWN], word, strtoll(value, NULL, 10))))
			return "error: no such key";
	}
	pump_all(w);
	return "ok";
}

static const char *
cmd_trap(struct wire *w, char *rest)
{
	char *when = strsep(&rest, " ");

	if (rest == NULL || *rest == '\0' || strlen(rest) >= sizeof(w->trap_text))
		return "error: trap NAME before|after|stall TEXT";
	snprintf(w->trap_text, sizeof(w->trap_text), "%s", rest);
	w->trap = strcmp(when, "before") == 0 ? TRAP_BEFORE
	    : strcmp(when, "after") == 0      ? TRAP_AFTER
	    : strcmp(when, "stall") == 0      ? TRAP_STALL
					      : TRAP_NONE;
	return w->trap == TRAP_NONE ? "error: before, after or stall" : "ok";
}

static const char *
cmd_mode(struct wire *w, const char *mode)
{
	static const char *const names[] = { "open", "refuse", "hole" };

	for (int i = 0; i < 3; i++)
		if (strcmp(mode, names[i]) == 0) {
			w->mode = (enum mode)i;
			return "ok";
		}
	return "error: open, refuse or hole";
}

static const char *
cmd_close(struct wire *w, bool with_reset)
{
	struct link *l;

	LIST_FOREACH(l, &w->links, next)
	link_close(l, with_reset);
	return "ok";
}

static const char *
cmd_clear(struct wire *w)
{
	rules_clear(&w->rules[UP]);
	rules_clear(&w->rules[DOWN]);
	w->mode = MODE_OPEN;
	w->trap = TRAP_NONE;
	pump_all(w);
	return "ok";
}

static const char *
cmd_stat(const struct wire *w)
{
	static char text[256];
	const struct rules *up = &w->rules[UP], *down = &w->rules[DOWN];

	snprintf(text, sizeof(text),
	    "ok accepted=%" PRIu64 " open=%" PRIu64 " up=%" PRIu64 " down=%" PRIu64 " up_pieces=%" PRIu64
	    " down_pieces=%" PRIu64 " trapped=%" PRIu64 " up_stalled=%d down_stalled=%d",
	    w->accepted, w->open, up->bytes, down->bytes, up->pieces, down->pieces, w->trapped, up->stall, down->stall);
	return text;
}

static const char *
run_command(char *line)
{
	char *verb = strsep(&line, " "), *name;
	struct wire *w;

	if (line != NULL && strcmp(verb, "add") == 0)
		return cmd_add(line);
	name = strsep(&line, " ");
	if ((w = wire_find(name)) == NULL)
		return "error: no such wire";
	if (line != NULL && strcmp(verb, "set") == 0)
		return cmd_set(w, line);
	if (line != NULL && strcmp(verb, "trap") == 0)
		return cmd_trap(w, line);
	if (line != NULL && strcmp(verb, "mode") == 0)
		return cmd_mode(w, line);
	if (strcmp(verb, "cut") == 0 || strcmp(verb, "reset") == 0)
		return cmd_close(w, *verb == 'r');
	if (strcmp(verb, "clear") == 0)
		return cmd_clear(w);
	if (strcmp(verb, "stat") == 0)
		return cmd_stat(w);
	return "error: no such command";
}

static void
on_command(struct bufferevent *b, void *arg)
{
	char *line;

	(void)arg;
	while ((line = evbuffer_readln(bufferevent_get_input(b), NULL, EVBUFFER_EOL_LF)) != NULL) {
		evbuffer_add_printf(bufferevent_get_output(b), "%s\n", run_command(line));
		free(line);
	}
	if (evbuffer_get_length(bufferevent_get_input(b)) > LINE_MAX_BYTES)
		bufferevent_free(b);
}

static void
on_control_end(struct bufferevent *b, short what, void *arg)
{
	(void)what;
	(void)arg;
	bufferevent_free(b);
}

static void
on_control(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *from, int from_len, void *arg)
{
	struct bufferevent *b = end_new(fd);

	(void)listener;
	(void)from;
	(void)from_len;
	(void)arg;
	bufferevent_setcb(b, on_command, NULL, on_control_end, NULL);
	bufferevent_enable(b, EV_READ | EV_WRITE);
}

int
main(int argc, char **argv)
{
	struct sockaddr_storage at;
	socklen_t len;

	signal(SIGPIPE, SIG_IGN);
	if (argc != 2 || strchr(argv[1], '/') == NULL || !address_parse(argv[1], &at, &len)) {
		fputs("usage: proxy CONTROL-SOCKET\n", stderr);
		return 2;
	}
	if ((base = event_base_new()) == NULL)
		die("event_base");
	unlink(argv[1]);
	if (evconnlistener_new_bind(
		base, on_control, NULL, LEV_OPT_CLOSE_ON_FREE, 16, (struct sockaddr *)&at, (int)len) == NULL)
		die(argv[1]);
	event_base_dispatch(base);
	return EXIT_SUCCESS;
}
