/* io/http: what one transfer leaves behind must not reach the next. */
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/http.h"
#include "io/reactor.h"
#include "tap.h"

#define BODY_BYTES 60000 /* written at once, so that much of it can be read at once */
#define PIECE_MAX 1024	 /* what http.c has libcurl read at a time */
#define PATIENCE_MS 10000

static struct reactor *reactor;
static struct http_client *client;
static struct reactor_timer *patience;
static int listener;
static pthread_t server;
static char good_url[64];

/* What the last transfer came to. */
static struct {
	struct http_transfer *transfer;
	enum http_result result;
	size_t bytes, largest;
	bool ended;
} seen;

/* ---- a server that says much at once ------------------------------------------- */

static void *
serve(void *arg)
{
	static char answer[BODY_BYTES + 128];
	int n = snprintf(
	    answer, sizeof(answer), "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n", BODY_BYTES);
	char request[4096];
	int fd;

	(void)arg;
	memset(answer + n, 'x', BODY_BYTES);
	while ((fd = accept(listener, NULL, NULL)) >= 0) {
		if (read(fd, request, sizeof(request)) > 0 && write(fd, answer, (size_t)n + BODY_BYTES) < 0)
			perror("write");
		shutdown(fd, SHUT_WR);
		while (read(fd, request, sizeof(request)) > 0)
			;
		close(fd);
	}
	return NULL;
}

static void
give_up(void *arg)
{
	(void)arg;
	reactor_stop(reactor);
}

static int
set_up(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);

	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener < 0 || bind(listener, (struct sockaddr *)&at, len) != 0 || listen(listener, 8) != 0 ||
	    getsockname(listener, (struct sockaddr *)&at, &len) != 0 || pthread_create(&server, NULL, serve, NULL) != 0)
		return 1;
	snprintf(good_url, sizeof(good_url), "http://127.0.0.1:%d/", ntohs(at.sin_port));
	reactor = reactor_new();
	client = http_client_new(reactor);
	patience = reactor_timer_new(reactor, give_up, NULL);
	return 0;
}

static int
tear_down(void)
{
	http_client_free(client);
	reactor_timer_free(patience);
	reactor_free(reactor);
	shutdown(listener, SHUT_RDWR);
	pthread_join(server, NULL);
	close(listener);
	return 0;
}

/* ---- transfers ------------------------------------------------------------------ */

static void
on_headers(void *arg, int status)
{
	(void)arg;
	(void)status;
}

static void
on_data(void *arg, const char *data, size_t len)
{
	(void)arg;
	(void)data;
	seen.bytes += len;
	if (len > seen.largest)
		seen.largest = len;
}

static void
on_data_cancel(void *arg, const char *data, size_t len)
{
	on_data(arg, data, len);
	http_cancel(seen.transfer);
	reactor_stop(reactor);
}

static void
on_done(void *arg, enum http_result result, const char *detail)
{
	(void)arg;
	(void)detail;
	seen.ended = true;
	seen.result = result;
	reactor_stop(reactor);
}

static void
get(const char *url, bool allow_private, void (*take)(void *, const char *, size_t), int64_t for_ms)
{
	memset(&seen, 0, sizeof(seen));
	seen.transfer = http_start(client,
	    &(struct http_spec){ .method = "GET",
		.url = url,
		.connect_timeout_ms = PATIENCE_MS,
		.allow_private = allow_private,
		.on_headers = on_headers,
		.on_data = take,
		.on_done = on_done });
	reactor_timer_start(patience, for_ms);
	reactor_run(reactor);
	reactor_timer_stop(patience);
}

/* A whole answer comes, in pieces no larger than libcurl's buffer was made. */
static void
expect_whole(void)
{
	get(good_url, true, on_data, PATIENCE_MS);
	CU_ASSERT_TRUE(seen.ended);
	CU_ASSERT_EQUAL(seen.result, HTTP_OK);
	CU_ASSERT_EQUAL(seen.bytes, BODY_BYTES);
	CU_ASSERT(seen.largest > 0 && seen.largest <= PIECE_MAX);
}

/* ---- tests ------------------------------------------------------------------------ */

static void
test_after_whole_one(void)
{
	expect_whole();
	expect_whole();
}

static void
test_after_cancel(void)
{
	get(good_url, true, on_data_cancel, PATIENCE_MS);
	CU_ASSERT_FALSE(seen.ended);
	expect_whole();
}

static void
test_after_refusal(void)
{
	get("http://127.0.0.1:1/", true, on_data, PATIENCE_MS);
	CU_ASSERT_EQUAL(seen.result, HTTP_REFUSED);
	expect_whole();
}

static void
test_after_forbidden_address(void)
{
	get(good_url, false, on_data, PATIENCE_MS);
	CU_ASSERT_EQUAL(seen.result, HTTP_FORBIDDEN);
	expect_whole();
}

/* No resolver needs the network to say that a label of more than 63 letters names nobody. */
#define LABEL "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static void
test_after_unknown_host(void)
{
	get("http://" LABEL ".invalid/", true, on_data, PATIENCE_MS);
	CU_ASSERT_TRUE(seen.ended);
	CU_ASSERT_EQUAL(seen.result, HTTP_REFUSED);
	expect_whole();
	expect_whole();
}

static void
test_after_cancel_while_resolving(void)
{
	get("http://" LABEL ".invalid/", true, on_data, 0);
	if (!seen.ended)
		http_cancel(seen.transfer);
	expect_whole();
}

static void
test_after_wrong_url(void)
{
	get("http://[::nonsense/", true, on_data, PATIENCE_MS);
	CU_ASSERT_TRUE(seen.ended);
	CU_ASSERT_NOT_EQUAL(seen.result, HTTP_OK);
	expect_whole();
}

static CU_TestInfo reuse_tests[] = {
	{ "after a whole answer", test_after_whole_one },
	{ "after one that was cancelled", test_after_cancel },
	{ "after a refused connection", test_after_refusal },
	{ "after a forbidden address", test_after_forbidden_address },
	{ "after a host nobody knows", test_after_unknown_host },
	{ "after one cancelled while its host was looked up", test_after_cancel_while_resolving },
	{ "after a wrong URL", test_after_wrong_url },
	CU_TEST_INFO_NULL,
};
static CU_SuiteInfo suites[] = {
	{ "the next transfer reads no more than its buffer holds", set_up, tear_down, NULL, NULL, reuse_tests },
	CU_SUITE_INFO_NULL,
};

int
main(void)
{
	return tap_run(suites);
}
