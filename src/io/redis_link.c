#include "io/redis_link.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "io/redis_private.h"

#define BACKOFF_FIRST_MS 50
#define BACKOFF_MAX_MS 2000

/* A command that waits for its reply. */
struct pending {
	redis_reply_fn *fn; /* may be NULL */
	void *arg;
	int64_t deadline_ms;
	bool raw;
};

struct redis_link {
	struct reactor *reactor;
	const struct conf *conf;
	struct redis_address address;
	bool resolved; /* address.host is numeric */
	const struct redis_link_events *events;
	void *arg;

	enum link_state state;
	redisContext *ctx;
	struct reactor_watch *watch;
	bool writing;		     /* commands wait to be written: for the end of this round of the loop */
	bool blocked;		     /* or, when the socket took no more, for the watch */
	struct reactor_timer *write; /* at the end of the round */
	struct reactor_timer *timer; /* runs while anything has a deadline */
	struct reactor_timer *again; /* to the next connection */
	struct reactor_timer *ping;
	int64_t ping_every_ms, pong_deadline_ms, connect_deadline_ms; /* 0: none */
	int64_t backoff_ms;

	struct pending *ring; /* `count` commands from `head` on, oldest first */
	size_t cap, head, count;
};

static void drop(struct redis_link *link, const char *what, bool counts);

enum link_state
link_state(const struct redis_link *link)
{
	return link->state;
}

/* ---- commands waiting for replies -------------------------------------------- */

static void
ring_push(struct redis_link *link, struct pending p)
{
	if (link->count == link->cap) {
		size_t cap = link->cap != 0 ? 2 * link->cap : 64;
		struct pending *ring = xmalloc(cap * sizeof(*ring));

		for (size_t i = 0; i < link->count; i++)
			ring[i] = link->ring[(link->head + i) % link->cap];
		free(link->ring);
		link->ring = ring;
		link->cap = cap;
		link->head = 0;
	}
	link->ring[(link->head + link->count++) % link->cap] = p;
}

static struct pending
ring_shift(struct redis_link *link)
{
	struct pending p = link->ring[link->head];

	link->head = (link->head + 1) % link->cap;
	link->count--;
	return p;
}

/* The earliest moment at which Redis is late; 0: nothing is awaited. */
static int64_t
earliest_deadline(const struct redis_link *link)
{
	int64_t at = link->connect_deadline_ms;

	if (link->count != 0 && (at == 0 || link->ring[link->head].deadline_ms < at))
		at = link->ring[link->head].deadline_ms;
	if (link->pong_deadline_ms != 0 && (at == 0 || link->pong_deadline_ms < at))
		at = link->pong_deadline_ms;
	return at;
}

/* Every wait is equally long, so a running timer is never too late. */
static int64_t
deadline(struct redis_link *link)
{
	if (!reactor_timer_running(link->timer))
		reactor_timer_start(link->timer, link->conf->redis_timeout);
	return clock_mono_ms() + link->conf->redis_timeout;
}

/* ---- reading and writing ------------------------------------------------------- */

/* What a round of the loop has to say is written at once. */
static void
start_writing(struct redis_link *link)
{
	if (link->writing)
		return;
	link->writing = true;
	reactor_timer_soon(link->write);
}

static void
append(struct redis_link *link, int argc, const char *const *argv, const size_t *lens)
{
	if (redisAppendCommandArgv(link->ctx, argc, (const char **)(uintptr_t)argv, lens) != REDIS_OK)
		abort(); /* only for want of memory */
	start_writing(link);
}

static bool
is_pong(const struct redis_reply *reply)
{
	const char *word = redis_reply_text(redis_reply_length(reply) != 0 ? redis_reply_at(reply, 0) : reply, NULL);

	return word != NULL && strcasecmp(word, "pong") == 0;
}

static void
on_reply(struct redis_link *link, const struct redis_reply *reply)
{
	struct pending p;

	if (link->count == 0) {
		if (link->pong_deadline_ms != 0 && is_pong(reply))
			link->pong_deadline_ms = 0;
		else
			link->events->push(link->arg, reply);
		redis_breaker_success();
		return;
	}
	p = ring_shift(link);
	if (redis_reply_type(reply) == REDIS_T_ERROR) {
		const char *text = redis_reply_text(reply, NULL);

		if (redis_error_is_outage(text))
			redis_breaker_failure(link->conf, text);
		else if (!p.raw)
			LOG(ERROR, "redis_error", LS("detail", text));
		if (!p.raw)
			reply = NULL;
	} else {
		redis_breaker_success();
	}
	if (p.fn != NULL)
		p.fn(p.arg, reply);
}

/* Take in what has arrived; false when the link was dropped. */
static bool
read_replies(struct redis_link *link)
{
	void *reply;

	if (redisBufferRead(link->ctx) != REDIS_OK) {
		drop(link, link->ctx->errstr, link->count != 0);
		return false;
	}
	for (;;) {
		reply = NULL;
		if (redisGetReplyFromReader(link->ctx, &reply) != REDIS_OK) {
			drop(link, link->ctx->errstr, true);
			return false;
		}
		if (reply == NULL)
			return true;
		on_reply(link, reply);
		freeReplyObject(reply);
		if (link->state == LINK_DOWN) /* a refused greeting */
			return false;
	}
}

/* Write what the socket takes; false when the connection is broken. */
static bool
write_some(struct redis_link *link)
{
	int done = 0;

	if (redisBufferWrite(link->ctx, &done) != REDIS_OK)
		return false;
	link->writing = link->blocked = !done;
	reactor_watch_set(link->watch, done ? WATCH_READ : WATCH_READ | WATCH_WRITE);
	return true;
}

static void
write_commands(void *arg)
{
	struct redis_link *link = arg;

	if (link->writing && !write_some(link))
		drop(link, link->ctx->errstr, true);
}

/* ---- connecting ------------------------------------------------------------------ */

static void
on_greeted(void *arg, const struct redis_reply *reply)
{
	struct redis_link *link = arg;

	if (link->state != LINK_GREETING)
		return; /* dropped meanwhile */
	if (redis_reply_type(reply) == REDIS_T_ERROR) {
		LOG(ERROR, "redis_refused", LS("detail", redis_reply_text(reply, NULL)));
		drop(link, "greeting refused", false);
		return;
	}
	if (!is_pong(reply))
		return; /* OK to AUTH or SELECT; PING comes last */
	link->state = LINK_UP;
	link->backoff_ms = BACKOFF_FIRST_MS;
	if (link->ping_every_ms != 0)
		reactor_timer_start(link->ping, link->ping_every_ms);
	link->events->up(link->arg);
}

static void
greet(struct redis_link *link, int argc, const char *const *argv)
{
	append(link, argc, argv, NULL);
	ring_push(link, (struct pending){ on_greeted, link, deadline(link), true });
}

static void
on_connected(struct redis_link *link)
{
	char database[24];
	int error = 0;
	socklen_t len = sizeof(error);

	if (getsockopt(link->ctx->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0 || error != 0) {
		drop(link, strerror(error != 0 ? error : errno), true);
		return;
	}
	link->connect_deadline_ms = 0;
	link->state = LINK_GREETING;
	reactor_watch_set(link->watch, WATCH_READ);
	if (link->conf->redis_password[0] != '\0')
		greet(link, 2, (const char *[]){ "AUTH", link->conf->redis_password });
	snprintf(database, sizeof(database), "%lld", (long long)link->conf->redis_database);
	if (link->conf->redis_database != 0)
		greet(link, 2, (const char *[]){ "SELECT", database });
	greet(link, 1, (const char *[]){ "PING" });
}

static void
on_io(void *arg, int fd, unsigned events)
{
	struct redis_link *link = arg;

	(void)fd;
	if (link->state == LINK_CONNECTING) {
		on_connected(link);
		return;
	}
	if ((events & (WATCH_READ | WATCH_CLOSED)) != 0 && !read_replies(link))
		return;
	if ((events & WATCH_WRITE) != 0)
		write_commands(link);
}

/* Look a host name up once: later connections must not wait for the resolver
 * on the reactor. */
static void
resolve(struct redis_link *link)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found = NULL;

	link->resolved = link->address.is_path;
	if (link->resolved || getaddrinfo(link->address.host, NULL, &hints, &found) != 0)
		return;
	link->resolved = getnameinfo(found->ai_addr, found->ai_addrlen, link->address.host, sizeof(link->address.host),
			     NULL, 0, NI_NUMERICHOST) == 0;
	freeaddrinfo(found);
}

static void
connect_now(void *arg)
{
	struct redis_link *link = arg;

	if (!link->resolved)
		resolve(link);
	link->ctx = link->address.is_path ? redisConnectUnixNonBlock(link->address.host)
					  : redisConnectNonBlock(link->address.host, link->address.port);
	if (link->ctx == NULL)
		abort();
	if (link->ctx->err != 0) {
		drop(link, link->ctx->errstr, true);
		return;
	}
	(void)fcntl(link->ctx->fd, F_SETFD, FD_CLOEXEC);
	link->state = LINK_CONNECTING;
	link->connect_deadline_ms = deadline(link);
	link->watch = reactor_watch_new(link->reactor, link->ctx->fd, WATCH_WRITE, on_io, link);
}

/* Close; everybody who waits is told. */
static void
close_now(struct redis_link *link)
{
	struct pending *ring = link->ring;
	size_t cap = link->cap, head = link->head, count = link->count;

	if (link->watch != NULL)
		reactor_watch_free(link->watch);
	if (link->ctx != NULL)
		redisFree(link->ctx);
	link->watch = NULL;
	link->ctx = NULL;
	link->state = LINK_DOWN;
	link->writing = link->blocked = false;
	link->connect_deadline_ms = link->pong_deadline_ms = 0;
	link->ring = NULL;
	link->cap = link->head = link->count = 0;
	reactor_timer_stop(link->timer);
	reactor_timer_stop(link->ping);
	reactor_timer_stop(link->write);
	for (size_t i = 0; i < count; i++) {
		struct pending *p = &ring[(head + i) % cap];

		if (p->fn != NULL)
			p->fn(p->arg, NULL);
	}
	free(ring);
}

/* The way down, for whatever reason; `counts` against the breaker. */
static void
drop(struct redis_link *link, const char *what, bool counts)
{
	int64_t pause_ms = link->backoff_ms + clock_mono_us() % (link->backoff_ms / 4 + 1);

	if (link->state == LINK_UP)
		LOG(WARN, "redis_connection_lost", LS("detail", what));
	if (counts)
		redis_breaker_failure(link->conf, what);
	close_now(link);
	link->backoff_ms = link->backoff_ms * 2 < BACKOFF_MAX_MS ? link->backoff_ms * 2 : BACKOFF_MAX_MS;
	reactor_timer_start(link->again, pause_ms);
}

/* ---- silence ------------------------------------------------------------------- */

static void
on_timer(void *arg)
{
	struct redis_link *link = arg;
	int64_t at = earliest_deadline(link), now = clock_mono_ms();

	if (at != 0 && at <= now && (link->state == LINK_GREETING || link->state == LINK_UP)) {
		/* If it was us who were late, the answer is there already. */
		if (!read_replies(link))
			return;
		at = earliest_deadline(link);
	}
	if (at != 0 && at <= now)
		drop(link, "time-out", true);
	else if (at != 0)
		reactor_timer_start(link->timer, at - now);
}

static void
on_ping(void *arg)
{
	struct redis_link *link = arg;

	if (link->pong_deadline_ms == 0) {
		append(link, 1, (const char *[]){ "PING" }, NULL);
		link->pong_deadline_ms = deadline(link);
	}
	reactor_timer_start(link->ping, link->ping_every_ms);
}

/* ---- the link --------------------------------------------------------------------- */

struct redis_link *
link_new(struct reactor *reactor, const struct conf *conf, const struct redis_link_events *events, void *arg)
{
	struct redis_link *link = xcalloc(1, sizeof(*link));

	link->reactor = reactor;
	link->conf = conf;
	link->events = events;
	link->arg = arg;
	link->backoff_ms = BACKOFF_FIRST_MS;
	link->timer = reactor_timer_new(reactor, on_timer, link);
	link->again = reactor_timer_new(reactor, connect_now, link);
	link->ping = reactor_timer_new(reactor, on_ping, link);
	link->write = reactor_timer_new(reactor, write_commands, link);
	redis_address_parse(conf, &link->address);
	redis_breaker_background(1);
	connect_now(link);
	return link;
}

void
link_free(struct redis_link *link)
{
	if (link == NULL)
		return;
	close_now(link);
	redis_breaker_background(-1);
	reactor_timer_free(link->timer);
	reactor_timer_free(link->again);
	reactor_timer_free(link->ping);
	reactor_timer_free(link->write);
	free(link);
}

bool
link_command(struct redis_link *link, redis_reply_fn *fn, void *arg, bool raw, int argc, const char *const *argv,
    const size_t *lens)
{
	if (link->state != LINK_UP)
		return false;
	append(link, argc, argv, lens);
	ring_push(link, (struct pending){ fn, arg, deadline(link), raw });
	return true;
}

void
link_send(struct redis_link *link, int argc, const char *const *argv)
{
	if (link->state == LINK_UP)
		append(link, argc, argv, NULL);
}

void
link_flush(struct redis_link *link)
{
	if (link->state == LINK_UP && link->writing && !link->blocked)
		(void)write_some(link); /* a broken connection is found out at the end of the round */
}

size_t
link_pending(const struct redis_link *link)
{
	return link->state == LINK_UP ? link->count : 0;
}

void
link_keep_alive(struct redis_link *link, int64_t every_ms)
{
	link->ping_every_ms = every_ms;
	if (link->state == LINK_UP)
		reactor_timer_start(link->ping, every_ms);
}
