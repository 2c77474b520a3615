/* The listener, the threads, and how they end. The contract is in server.h. */
#include "demo/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "demo/conn.h"

#define BACKLOG 4096
/* Accepted per wake-up, so that the other threads get their share. */
#define ACCEPT_BATCH 32
#define ADDRESS_BYTES 256

static bool
complain(const char *what, const char *on)
{
	fprintf(stderr, "weir-demo: %s %s: %s\n", what, on, strerror(errno));
	return false;
}

/* ---- listening ----------------------------------------------------------- */

static int
listen_unix(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct stat st;
	int fd;

	if (strlen(path) >= sizeof addr.sun_path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(addr.sun_path, path, strlen(path) + 1);
	if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
		unlink(path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd >= 0 && (bind(fd, (struct sockaddr *)&addr, sizeof addr) < 0 || listen(fd, BACKLOG) < 0)) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Split "host:port" or "[host]:port"; false when there is no port. */
static bool
split_address(const char *listen_on, char host[ADDRESS_BYTES], const char **port)
{
	const char *colon = strrchr(listen_on, ':');
	size_t len;

	if (colon == NULL || (size_t)(colon - listen_on) >= ADDRESS_BYTES)
		return false;
	len = (size_t)(colon - listen_on);
	if (len >= 2 && listen_on[0] == '[' && listen_on[len - 1] == ']') {
		listen_on++;
		len -= 2;
	}
	memcpy(host, listen_on, len);
	host[len] = '\0';
	*port = colon + 1;
	return true;
}

static int
listen_tcp(const char *listen_on)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE };
	struct addrinfo *found;
	char host[ADDRESS_BYTES];
	const char *port;
	int fd, on = 1;

	if (!split_address(listen_on, host, &port) || getaddrinfo(host[0] ? host : NULL, port, &hints, &found) != 0) {
		errno = EINVAL;
		return -1;
	}
	fd = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd >= 0) {
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
		if (bind(fd, found->ai_addr, found->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0) {
			close(fd);
			fd = -1;
		}
	}
	freeaddrinfo(found);
	return fd;
}

static const char *
unix_path(const char *listen_on)
{
	if (strncmp(listen_on, "unix:", 5) == 0)
		return listen_on + 5;
	return *listen_on == '/' ? listen_on : NULL;
}

/* Tell where we listen; with port 0 this is how the caller learns the port. */
static void
announce(int fd)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof addr;
	char host[NI_MAXHOST], port[NI_MAXSERV];

	if (getsockname(fd, (struct sockaddr *)&addr, &len) < 0)
		return;
	if (addr.ss_family == AF_UNIX)
		printf("weir-demo: listening on %s\n", ((struct sockaddr_un *)&addr)->sun_path);
	else if (getnameinfo((struct sockaddr *)&addr, len, host, sizeof host, port, sizeof port,
		     NI_NUMERICHOST | NI_NUMERICSERV) == 0)
		printf(addr.ss_family == AF_INET6 ? "weir-demo: listening on http://[%s]:%s\n"
						  : "weir-demo: listening on http://%s:%s\n",
		    host, port);
	fflush(stdout);
}

/* ---- loops --------------------------------------------------------------- */

static void
on_accept(evutil_socket_t fd, short what, void *arg)
{
	struct loop *loop = arg;

	(void)what;
	for (int i = 0; i < ACCEPT_BATCH; i++) {
		int client = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (client >= 0)
			conn_open(loop, client);
		else if (errno != EINTR && errno != ECONNABORTED)
			return;
	}
}

static void
on_wake(evutil_socket_t fd, short what, void *arg)
{
	struct loop *loop = arg;

	(void)fd;
	(void)what;
	event_base_loopbreak(loop->base);
}

static struct event_base *
new_base(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base;

	if (config == NULL)
		return NULL;
	/* Microsecond timers, measured when they are set: deltas are paced by
	 * the clock, and a time cached at the top of the loop would be early. */
	event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER);
	event_config_set_flag(config, EVENT_BASE_FLAG_NO_CACHE_TIME);
	base = event_base_new_with_config(config);
	event_config_free(config);
	return base;
}

static void *
run_loop(void *arg)
{
	struct loop *loop = arg;
	struct event *accept_event = event_new(
	    loop->base, loop->server->listen_fd, EV_READ | EV_PERSIST, on_accept, loop);
	struct event *wake_event = event_new(loop->base, loop->wake_fd, EV_READ | EV_PERSIST, on_wake, loop);

	if (accept_event == NULL || wake_event == NULL)
		abort();
	event_add(accept_event, NULL);
	event_add(wake_event, NULL);
	event_base_dispatch(loop->base);
	event_free(accept_event);
	event_free(wake_event);
	conn_close_all(loop);
	return NULL;
}

static bool
open_loop(struct loop *loop, struct server *server)
{
	loop->server = server;
	loop->base = new_base();
	loop->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return loop->base != NULL && loop->wake_fd >= 0;
}

static void
close_loop(struct loop *loop)
{
	if (loop->base != NULL)
		event_base_free(loop->base);
	if (loop->wake_fd >= 0)
		close(loop->wake_fd);
}

/* ---- the process --------------------------------------------------------- */

static void
raise_file_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	if (limit.rlim_max < 65536)
		limit.rlim_cur = limit.rlim_max = 65536;
	if (setrlimit(RLIMIT_NOFILE, &limit) == 0)
		return;
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

/* Start the threads, wait for a signal, end the threads. */
static void
serve(struct loop *loops, unsigned count, const sigset_t *signals)
{
	uint64_t one = 1;
	unsigned started = 0;
	int got;

	for (; started < count; started++) {
		errno = pthread_create(&loops[started].thread, NULL, run_loop, &loops[started]);
		if (errno != 0) {
			complain("cannot start", "a thread");
			break;
		}
	}
	if (started == count)
		sigwait(signals, &got);
	for (unsigned i = 0; i < started; i++) {
		if (write(loops[i].wake_fd, &one, sizeof one) < 0)
			complain("cannot wake", "a thread");
		pthread_join(loops[i].thread, NULL);
	}
}

static bool
open_server(struct server *server)
{
	const struct server_options *o = server->options;
	const char *path = unix_path(o->listen);

	server->listen_fd = path ? listen_unix(path) : listen_tcp(o->listen);
	if (server->listen_fd < 0)
		return complain("cannot listen on", o->listen);
	if (o->log_path == NULL)
		return true;
	server->log_fd = open(o->log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	return server->log_fd >= 0 || complain("cannot open", o->log_path);
}

static void
close_server(struct server *server)
{
	const char *path = unix_path(server->options->listen);

	if (server->log_fd >= 0)
		close(server->log_fd);
	if (server->listen_fd < 0)
		return;
	close(server->listen_fd);
	if (path != NULL)
		unlink(path);
}

int
server_run(const struct server_options *options)
{
	struct server server = { .options = options, .listen_fd = -1, .log_fd = -1 };
	struct loop *loops = calloc(options->threads, sizeof *loops);
	bool ok = loops != NULL && open_server(&server);
	sigset_t signals;

	for (unsigned i = 0; loops != NULL && i < options->threads; i++)
		loops[i].wake_fd = -1;
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	/* Blocked before the threads start, so that they inherit it. */
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	raise_file_limit();
	for (unsigned i = 0; ok && i < options->threads; i++)
		ok = open_loop(&loops[i], &server) || complain("cannot start", "a loop");
	if (ok) {
		if (!options->is_quiet)
			announce(server.listen_fd);
		serve(loops, options->threads, &signals);
	}
	for (unsigned i = 0; loops != NULL && i < options->threads; i++)
		close_loop(&loops[i]);
	free(loops);
	close_server(&server);
	return ok ? 0 : 1;
}
