/* io/http: codings and their bound, and how often a request goes out, against a server on a bare socket. */
#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "io/http.h"
#include "io/reactor.h"
#include "tap.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* ---- the server: answers so many requests on each connection, and closes it at the next ---- */

static struct {
	pthread_mutex_t lock; /* of what follows, up to head */
	int fd, port;
	int answers; /* on a connection */
	const char *encoding, *body;
	size_t body_len;
	char head[4096]; /* of the last request */
	atomic_int requests, connections;
} server = { .lock = PTHREAD_MUTEX_INITIALIZER };

static bool
read_head(int fd)
{
	char head[sizeof(server.head)];
	size_t len = 0;

	do {
		ssize_t n = recv(fd, head + len, sizeof(head) - 1 - len, 0);

		if (n <= 0)
			return false;
		len += (size_t)n;
		head[len] = '\0';
	} while (strstr(head, "\r\n\r\n") == NULL && len < sizeof(head) - 1);
	pthread_mutex_lock(&server.lock);
	memcpy(server.head, head, len + 1);
	pthread_mutex_unlock(&server.lock);
	atomic_fetch_add(&server.requests, 1);
	return true;
}

static bool
was_asked_for(const char *name)
{
	bool found;

	pthread_mutex_lock(&server.lock);
	found = strstr(server.head, name) != NULL;
	pthread_mutex_unlock(&server.lock);
	return found;
}

/* False: that was the last one on this connection. */
static bool
answer(int fd, int nth)
{
	struct buf out = BUF_INIT(0);
	bool more;

	pthread_mutex_lock(&server.lock);
	more = nth < server.answers;
	buf_printf(&out, "HTTP/1.1 200 OK\r\nContent-Encoding: %s\r\nContent-Length: %zu\r\n\r\n", server.encoding,
	    server.body_len);
	buf_add(&out, server.body, server.body_len);
	pthread_mutex_unlock(&server.lock);
	if (more && send(fd, out.data, out.len, MSG_NOSIGNAL) < 0)
		atomic_store(&server.requests, -1);
	buf_free(&out);
	return more;
}

static void *
serve_connection(void *arg)
{
	int fd = (int)(intptr_t)arg;

	for (int i = 0; read_head(fd) && answer(fd, i); i++)
		;
	close(fd);
	return NULL;
}

/* A thread for each, as idle ones stay open; only one is being asked at a time. */
static void *
serve(void *arg)
{
	pthread_t thread;
	int fd;

	while ((fd = accept(server.fd, NULL, NULL)) >= 0) {
		atomic_fetch_add(&server.connections, 1);
		if (pthread_create(&thread, NULL, serve_connection, (void *)(intptr_t)fd) == 0)
			pthread_detach(thread);
	}
	return arg;
}

static struct reactor *reactor;
static struct http_client *client;
static pthread_t acceptor;
static struct http_transfer *transfer;
static struct reactor_timer *resume;

static void
on_resume(void *arg)
{
	(void)arg;
	http_resume(transfer);
}

static int
set_up(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);

	server.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(server.fd, (struct sockaddr *)(void *)&address, len) != 0 || listen(server.fd, 8) != 0 ||
	    getsockname(server.fd, (struct sockaddr *)(void *)&address, &len) != 0)
		return 1;
	server.port = ntohs(address.sin_port);
	reactor = reactor_new();
	client = http_client_new(reactor);
	resume = reactor_timer_new(reactor, on_resume, NULL);
	return pthread_create(&acceptor, NULL, serve, NULL);
}

/* One without connections. */
static void
renew_client(void)
{
	http_client_free(client);
	client = http_client_new(reactor);
}

static int
tear_down(void)
{
	http_client_free(client);
	reactor_timer_free(resume);
	reactor_free(reactor);
	shutdown(server.fd, SHUT_RDWR);
	pthread_join(acceptor, NULL);
	return close(server.fd);
}

/* ---- asking ---------------------------------------------------------------------- */

static struct {
	struct buf body;
	size_t bytes, most_bytes;
	int resends, pauses;
	enum http_result result;
} got;

/* What else ask() asks for. */
static struct {
	bool pause; /* at the first bytes, once */
	int64_t receive_bytes;
} how;

static void
on_resend(void *arg)
{
	(void)arg;
	got.resends++;
}

static void
on_data(void *arg, const char *data, size_t len)
{
	(void)arg;
	got.bytes += len;
	if (len > got.most_bytes)
		got.most_bytes = len;
	if (how.pause && got.pauses++ == 0) {
		http_pause(transfer);
		reactor_timer_start(resume, 100);
	}
	buf_add(&got.body, data, len);
}

static void
on_done(void *arg, enum http_result result, const char *detail)
{
	(void)arg;
	(void)detail;
	got.result = result;
	reactor_stop(reactor);
}

static void
ask(bool fresh, int64_t max_body_bytes)
{
	char url[64];

	buf_free(&got.body);
	memset(&got, 0, sizeof(got));
	got.body = BUF_INIT(1024);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/", server.port);
	transfer = http_start(client,
	    &(struct http_spec){ .method = "POST",
		.url = url,
		.body = "{}",
		.body_len = 2,
		.connect_timeout_ms = 5000,
		.total_timeout_ms = 10000,
		.max_body_bytes = max_body_bytes,
		.receive_bytes = how.receive_bytes,
		.allow_private = true,
		.fresh = fresh,
		.on_resend = on_resend,
		.on_data = on_data,
		.on_done = on_done });
	reactor_run(reactor);
}

static void
serve_body(const char *encoding, const char *body, size_t len, int answers)
{
	pthread_mutex_lock(&server.lock);
	server.encoding = encoding;
	server.body = body;
	server.body_len = len;
	server.answers = answers;
	pthread_mutex_unlock(&server.lock);
}

static void
test_codings(void)
{
	static const struct {
		const char *name, *bytes;
		size_t len;
	} rows[] = {
		{ "identity", "hello", 5 },
		{ "gzip", "\x1f\x8b\x08\0\0\0\0\0\0\xff\x01\x05\0\xfa\xffhello\x86\xa6\x10\x36\x05\0\0\0", 28 },
		{ "deflate", "\x78\x01\x01\x05\0\xfa\xffhello\x06\x2c\x02\x15", 16 },
		{ "br", "\x0b\x02\x80hello\x03", 9 },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		serve_body(rows[i].name, rows[i].bytes, rows[i].len, 100);
		ask(false, 5);
		if (i > 0 && !was_asked_for(rows[i].name)) /* this libcurl cannot, and did not say it could */
			continue;
		CU_ASSERT_EQUAL(got.result, HTTP_OK);
		CU_ASSERT_STRING_EQUAL(buf_str(&got.body), "hello");
		ask(false, 4);
		CU_ASSERT_EQUAL(got.result, HTTP_TOO_LONG);
		CU_ASSERT_EQUAL(got.bytes, 0);
	}
	CU_ASSERT_TRUE(was_asked_for("Accept-Encoding: "));
}

/* 32 MB in 200 kB: zeros by the fixed Huffman code of RFC 1951, one long match after the other. */
static void
test_bomb(void)
{
	struct buf bomb = BUF_INIT(0);
	unsigned held = 2, n_bits = 3; /* not the last block, fixed code */
	static const char bits[] = "1100010100000";

	for (size_t i = 0, bit = 0; i < (200u << 10) * 8; i++) {
		/* the literal 0 first, 00110000, then "258 bytes from 1 back" */
		unsigned b = i < 8 ? (unsigned)("00110000"[i] - '0') : (unsigned)(bits[bit++ % 13] - '0');

		held |= b << n_bits++;
		if (n_bits == 8) {
			buf_add(&bomb, &(char){ (char)held }, 1);
			held = n_bits = 0;
		}
	}
	serve_body("deflate", bomb.data, bomb.len, 100);
	ask(false, 1 << 20);
	CU_ASSERT_EQUAL(got.result, HTTP_TOO_LONG);
	CU_ASSERT_TRUE(got.bytes > 0 && got.bytes <= 1 << 20);
	buf_free(&bomb);
}

/* What the process holds (VmRSS), or has held since forget_peak() (VmHWM). */
static long
memory_kb(const char *name)
{
	char line[256];
	long kb = -1;
	FILE *f = fopen("/proc/self/status", "re");

	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		if (strncmp(line, name, strlen(name)) == 0)
			kb = strtol(line + strlen(name) + 1, NULL, 10);
	}
	if (f != NULL)
		fclose(f);
	return kb;
}

static bool
forget_peak(void)
{
	FILE *f = fopen("/proc/self/clear_refs", "we");

	return f != NULL && fputs("5", f) >= 0 && fclose(f) == 0;
}

/* What a sanitizer keeps of freed memory is not ours. */
#if !defined(__has_feature)
#define __has_feature(what) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || __has_feature(address_sanitizer) || \
    __has_feature(thread_sanitizer)
#define MEASURES_MEMORY false
#else
#define MEASURES_MEMORY true
#endif

/* 64 MB of zeros in 51 bytes of brotli, while the transfer is paused: all of it comes, and none of it piles up. */
static void
test_bomb_while_paused(void)
{
	static const char bomb[] =
	    "\xcf\xff\xff\x7f\0\x24\0\xe2\xb1\x40\x72\xef\xff\xf9\xff\xff\x0f\x80\x04\x40\x1c"
	    "\x16\x80\xee\xfd\x3f\xff\xff\xff\x01\x90\0\x88\xc3\x02\xd0\xbd\xff\xcf\xff\xff\x7f\0"
	    "\x12\0\x71\x58\0\xba\xf7\xff";
	bool measured = MEASURES_MEMORY && forget_peak();
	long before_kb = memory_kb("VmRSS:");

	if ((curl_version_info(CURLVERSION_NOW)->features & CURL_VERSION_BROTLI) == 0)
		return;
	CU_ASSERT_EQUAL(sizeof(bomb) - 1, 51);
	serve_body("br", bomb, sizeof(bomb) - 1, 100);
	how.pause = true;
	ask(false, 0);
	CU_ASSERT_EQUAL(got.result, HTTP_OK);
	CU_ASSERT_EQUAL(got.bytes, 64 << 20);
	CU_ASSERT(!measured || memory_kb("VmHWM:") - before_kb < 32 << 10); /* brotli's own window is 16 MB */
	ask(false, 32 << 20);
	CU_ASSERT_EQUAL(got.result, HTTP_TOO_LONG);
	CU_ASSERT(got.bytes <= 32 << 20);
	how.pause = false;
}

static void
test_not_packed_as_said(void)
{
	serve_body("gzip", "rubbish", 7, 100);
	ask(false, 0);
	CU_ASSERT_EQUAL(got.result, HTTP_BROKEN);
	serve_body("rot13", "rubbish", 7, 100);
	ask(false, 0);
	CU_ASSERT_EQUAL(got.result, HTTP_BROKEN);
}

static void
test_receive_bytes(void)
{
	static char body[1 << 20];

	serve_body("identity", body, sizeof(body), 100);
	ask(false, 0);
	CU_ASSERT_EQUAL(got.bytes, sizeof(body));
	CU_ASSERT(got.most_bytes <= 1024);
	how.receive_bytes = 65536;
	ask(false, 0);
	how.receive_bytes = 0;
	CU_ASSERT_EQUAL(got.bytes, sizeof(body));
	CU_ASSERT(got.most_bytes > 1024);
	ask(false, 0); /* the next one, on the same handle, has its own again */
	CU_ASSERT_EQUAL(got.bytes, sizeof(body));
	CU_ASSERT(got.most_bytes <= 1024);
}

/* libcurl sends again what a kept connection did not answer, and we hear of it. */
static void
test_sent_twice(void)
{
	int requests;

	serve_body("identity", "ok", 2, 1);
	renew_client();
	ask(false, 0); /* a connection that will answer once */
	requests = server.requests;
	ask(false, 0);
	CU_ASSERT_EQUAL(got.result, HTTP_OK);
	CU_ASSERT_EQUAL(server.requests - requests, 2);
	CU_ASSERT_EQUAL(got.resends, 1);
}

/* What must go out once at most goes out on a connection of its own. */
static void
test_fresh(void)
{
	int requests = server.requests, connections;

	renew_client();
	serve_body("identity", "ok", 2, 1);
	ask(true, 0);
	connections = server.connections;
	for (int i = 0; i < 3; i++) {
		ask(true, 0);
		CU_ASSERT_EQUAL(got.result, HTTP_OK);
		CU_ASSERT_EQUAL(got.resends, 0);
	}
	CU_ASSERT_EQUAL(server.requests - requests, 4);
	CU_ASSERT_EQUAL(server.connections - connections, 3);
	ask(false, 0); /* nor are they left to others, who would find them closing */
	CU_ASSERT_EQUAL(got.resends, 0);
	CU_ASSERT_EQUAL(server.requests - requests, 5);
	serve_body("identity", "ok", 2, 0); /* nobody answers at all */
	requests = server.requests;
	ask(true, 0);
	CU_ASSERT_EQUAL(got.result, HTTP_BROKEN);
	CU_ASSERT_EQUAL(server.requests - requests, 1);
	CU_ASSERT_EQUAL(got.resends, 0);
	buf_free(&got.body);
}

static CU_TestInfo tests[] = {
	{ "undoes the codings it asks for, up to a bound", test_codings },
	{ "stops at the bound of a bomb", test_bomb },
	{ "keeps none of a bomb while paused", test_bomb_while_paused },
	{ "has no use for what is not packed as it says", test_not_packed_as_said },
	{ "reads as much at once as it is told to", test_receive_bytes },
	{ "tells when a request was sent twice", test_sent_twice },
	{ "sends once on a connection of its own", test_fresh },
	CU_TEST_INFO_NULL,
};

static CU_SuiteInfo suites[] = {
	{ "http", set_up, tear_down, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};

int
main(void)
{
	return tap_run(suites);
}
