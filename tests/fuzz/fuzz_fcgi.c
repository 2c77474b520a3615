/*
 * A web server sends any bytes: each input is what one connection carries,
 * through a real socket, libfcgi and our reader.  Whatever is understood is
 * within the caps, and the connection always ends.
 */
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/arena.h"
#include "io/fcgi.h"
#include "io/reactor.h"

#define HEADER_CAP 2048
#define BODY_CAP 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__lsan_default_suppressions(void);

/* libfcgi 2.4.2 forgets 48 bytes of every FCGI_GET_VALUES it cannot parse. */
const char *
__lsan_default_suppressions(void)
{
	return "leak:libfcgi.so";
}

static struct reactor *reactor;
static struct fcgi_server *server;
static struct sockaddr_un address = { .sun_family = AF_UNIX };
static struct reactor_timer *watch;

static void
serve(struct fcgi_conn *c)
{
	struct arena *a = arena_new(4096, 1 << 20);
	enum status st = fcgi_read(c, a);
	size_t bytes = 0, len;
	char *body;

	if (st == E_UNAVAILABLE) {
		fcgi_abandon(c);
		arena_free(a);
		return;
	}
	for (const char *const *p = fcgi_params(c); *p != NULL; p++)
		bytes += strlen(*p) + 1;
	if (st == OK && bytes > HEADER_CAP)
		abort();
	if (fcgi_read_body(c, a, BODY_CAP, &body, &len) == OK && len > BODY_CAP)
		abort();
	fcgi_write(c, "Status: 200 OK\r\n\r\n", 18);
	fcgi_end(c);
	arena_free(a);
}

/* Serve what came; leave the loop when the connection is gone; look soon at first. */
static void
look(void *arg)
{
	struct fcgi_conn *c;

	(void)arg;
	while ((c = fcgi_take(server, false)) != NULL)
		serve(c);
	if (fcgi_server_open(server) == 0)
		reactor_stop(reactor);
	else
		reactor_timer_start(watch, 1);
}

static void
set_up(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "weir-fuzz-fcgi-%d", (int)getpid());
	if (fd < 0 || bind(fd, (struct sockaddr *)(void *)&address, sizeof(address)) != 0 || listen(fd, 16) != 0)
		abort();
	reactor = reactor_new();
	server = fcgi_server_new(reactor,
	    &(struct fcgi_options){ .listen_fd = fd,
		.max_connections = 8,
		.max_header_bytes = HEADER_CAP,
		.read_timeout_ms = 1000,
		.send_timeout_ms = 1000 });
	watch = reactor_timer_new(reactor, look, NULL);
	signal(SIGPIPE, SIG_IGN);
}

/* libfcgi 2.4.2 adds up a name's and a value's length in an int (mended in
 * 2.4.7) and asks malloc() for what comes out: the reason why the socket is
 * open to the web server's group only.  Lengths of 16 MiB and more stay out. */
static bool
libfcgi_can_take(const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (data[i] > 0x80)
			return false;
	return true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (server == NULL)
		set_up();
	if (size > 65536 || !libfcgi_can_take(data, size) || fd < 0 ||
	    connect(fd, (struct sockaddr *)(void *)&address, sizeof(address)) != 0) {
		close(fd);
		return 0;
	}
	if (send(fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && size > 0)
		abort();
	shutdown(fd, SHUT_WR);
	reactor_timer_start(watch, 0);
	reactor_run(reactor);
	close(fd);
	return 0;
}
