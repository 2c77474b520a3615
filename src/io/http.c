#include "io/http.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/address.h"
#include "base/log.h"
#include "base/memory.h"
#include "io/reactor.h"

#define RECEIVE_BYTES 1024 /* libcurl's read buffer, one per transfer: a paced delta takes some 300 bytes */
#define BATCH_READS 8	   /* of a socket, before what they brought is passed on */
#define CACHED_CONNECTIONS 512L
#define SPARE_HANDLES 64

struct http_client {
	struct reactor *reactor;
	struct reactor_timer *timer;
	CURLM *multi;
	CURLSH *share;			 /* TLS sessions: libcurl would keep a list of them in each handle */
	struct http_transfer *transfers; /* all, doubly linked */
	struct http_transfer *deferred;	 /* started, cancelled or paused while driving */
	struct http_transfer *batch;	 /* got data while driving */
	bool more;			 /* a buffer was rather full: the socket may hold more */
	const char *encodings;		 /* of bodies, that this libcurl can undo; NULL: not asked yet */
	CURL *spare[SPARE_HANDLES];
	int n_spare;
	bool driving; /* inside libcurl: no adding or removing */
};

struct http_transfer {
	struct http_client *client;
	struct http_transfer *next, **prev;
	struct http_transfer *next_deferred, *next_in_batch;
	void *arg; /* of the callbacks, which are those of struct http_spec */
	void (*on_resend)(void *arg);
	void (*on_headers)(void *arg, int status);
	void (*on_data)(void *arg, const char *data, size_t len);
	void (*on_batch)(void *arg);
	void (*on_done)(void *arg, enum http_result result, const char *detail);
	size_t body_len;
	int64_t max_body_bytes, body_bytes;
	int64_t receive_bytes;
	CURL *easy;
	struct curl_slist *headers;
	char *error; /* CURL_ERROR_SIZE; until the headers are in */
	bool allow_private, proxied, is_refused, added, sent, headers_told, packed, paused, forbidden, too_long,
	    cancelled, is_deferred, in_batch;
};

/* ---- the address guard -------------------------------------------------- */

bool
http_address_allowed(const struct sockaddr *sa, bool allow_private)
{
	enum reach reach = address_reach(sa);

	return reach == REACH_PUBLIC || (reach == REACH_PRIVATE && allow_private);
}

/* An address as text, with or without brackets.  False: it is a name. */
static bool
literal_allowed(const char *host, bool allow_private, bool *allowed)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
	char plain[INET6_ADDRSTRLEN];

	snprintf(plain, sizeof(plain), "%.*s", (int)strcspn(host + (*host == '['), "]"), host + (*host == '['));
	if (inet_pton(AF_INET, plain, &v4.sin_addr) == 1)
		*allowed = http_address_allowed((struct sockaddr *)(void *)&v4, allow_private);
	else if (inet_pton(AF_INET6, plain, &v6.sin6_addr) == 1)
		*allowed = http_address_allowed((struct sockaddr *)(void *)&v6, allow_private);
	else
		return false;
	return true;
}

/* Where a proxy connects to nobody here sees but this: an address in the URL itself. */
static bool
url_allowed(const char *url, bool allow_private)
{
	CURLU *parts = curl_url();
	bool allowed = true;
	char *host = NULL;

	if (curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK &&
	    curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK)
		(void)literal_allowed(host, allow_private, &allowed);
	curl_free(host);
	curl_url_cleanup(parts);
	return allowed;
}

/* May it connect there?  To a proxy wherever it is. */
static bool
may_connect(const struct http_transfer *t, const struct sockaddr *sa)
{
	return !t->is_refused && http_address_allowed(sa, t->allow_private || t->proxied);
}

static curl_socket_t
open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct http_transfer *t = arg;

	(void)purpose;
	if (!may_connect(t, &address->addr)) {
		t->forbidden = true;
		return CURL_SOCKET_BAD;
	}
	return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* A connection from the pool was opened for somebody who may have been allowed
 * more: look at its address again before anything is sent.  libcurl comes here
 * each time it sends the request, also when it does so again. */
static int
before_request(void *arg, char *peer_ip, char *local_ip, int peer_port, int local_port)
{
	struct http_transfer *t = arg;
	bool ok = false;

	(void)local_ip;
	(void)peer_port;
	(void)local_port;
	if (t->is_refused || !literal_allowed(peer_ip, t->allow_private || t->proxied, &ok))
		ok = false;
	t->forbidden = !ok;
	if (ok && t->sent && t->on_resend != NULL && !t->cancelled)
		t->on_resend(t->arg);
	t->sent = true;
	return ok ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

/* ---- transfers ---------------------------------------------------------- */

static void
defer(struct http_transfer *t)
{
	if (t->is_deferred)
		return;
	t->is_deferred = true;
	t->next_deferred = t->client->deferred;
	t->client->deferred = t;
}

/* Have libcurl read no more of a packed body.  Not from within a callback: there libcurl would unpack the rest of what it
 * has read into memory of its own, and 51 bytes of brotli hold 64 MB. */
static void
stop_reading(struct http_transfer *t)
{
	if (!t->packed)
		return; /* on_body() does it, at the next bytes */
	if (t->client->driving)
		defer(t);
	else if (t->added)
		curl_easy_pause(t->easy, CURLPAUSE_ALL); /* with _RECV alone 7.88 reads once more */
}

static void
tell_headers(struct http_transfer *t)
{
	const char *encoding;
	long status = 0;

	if (t->headers_told)
		return;
	t->headers_told = true;
	/* sent, and not to be sent again */
	curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, NULL);
	curl_slist_free_all(t->headers);
	t->headers = NULL;
	/* what fails from here on, its code tells as well */
	curl_easy_setopt(t->easy, CURLOPT_ERRORBUFFER, NULL);
	free(t->error);
	t->error = NULL;
	encoding = http_header(t, "Content-Encoding");
	t->packed = encoding != NULL && strcasecmp(encoding, "identity") != 0;
	if (t->paused) /* before it was known how */
		stop_reading(t);
	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	if (t->on_headers != NULL)
		t->on_headers(t->arg, (int)status);
}

static size_t
on_body(char *data, size_t one, size_t len, void *arg)
{
	struct http_transfer *t = arg;

	(void)one;
	if (t->cancelled)
		return CURL_WRITEFUNC_ERROR;
	if (t->paused && !t->packed)
		return CURL_WRITEFUNC_PAUSE;
	tell_headers(t);
	t->body_bytes += (int64_t)len;
	t->too_long = t->max_body_bytes > 0 && t->body_bytes > t->max_body_bytes;
	if (t->too_long)
		return CURL_WRITEFUNC_ERROR;
	if (!t->cancelled)
		t->on_data(t->arg, data, len);
	if (len > (size_t)t->receive_bytes / 2 && !t->paused)
		t->client->more = true;
	if (t->on_batch != NULL && !t->in_batch) {
		t->in_batch = true;
		t->next_in_batch = t->client->batch;
		t->client->batch = t;
	}
	return t->cancelled ? CURL_WRITEFUNC_ERROR : len;
}

/* For CURLOPT_ACCEPT_ENCODING.  Not before it is needed: to answer, libcurl asks every library
 * behind it, which brings some 150 KB of them into memory. */
static const char *
known_encodings(struct http_client *c)
{
	int features;

	if (c->encodings != NULL)
		return c->encodings;
	features = curl_version_info(CURLVERSION_NOW)->features;
	if ((features & CURL_VERSION_LIBZ) == 0)
		c->encodings = (features & CURL_VERSION_BROTLI) != 0 ? "br" : "identity";
	else
		c->encodings = (features & CURL_VERSION_BROTLI) != 0 ? "gzip, deflate, br" : "gzip, deflate";
	return c->encodings;
}

static void
set_options(struct http_transfer *t, const struct http_spec *s)
{
	CURL *e = t->easy;

	curl_easy_setopt(e, CURLOPT_PRIVATE, t);
	curl_easy_setopt(e, CURLOPT_SHARE, t->client->share);
	curl_easy_setopt(e, CURLOPT_URL, s->url);
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(e, CURLOPT_PROXY, s->proxy == NULL ? "" : s->proxy);
	curl_easy_setopt(e, CURLOPT_ACCEPT_ENCODING, known_encodings(t->client));
	curl_easy_setopt(e, CURLOPT_FRESH_CONNECT, s->fresh ? 1L : 0L);
	curl_easy_setopt(e, CURLOPT_FORBID_REUSE, s->fresh ? 1L : 0L);
	curl_easy_setopt(e, CURLOPT_BUFFERSIZE, (long)t->receive_bytes);
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	curl_easy_setopt(e, CURLOPT_PIPEWAIT, strncasecmp(s->url, "https:", 6) == 0 ? 1L : 0L);
	curl_easy_setopt(e, CURLOPT_ERRORBUFFER, t->error);
	curl_easy_setopt(e, CURLOPT_HTTPHEADER, t->headers);
	if (s->body == NULL || strcmp(s->method, "POST") != 0) /* its default with a body; of a name it keeps a copy */
		curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, s->method);
	if (s->body != NULL) {
		curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)s->body_len);
		curl_easy_setopt(e, CURLOPT_POSTFIELDS, s->body);
	}
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, t);
	curl_easy_setopt(e, CURLOPT_PREREQFUNCTION, before_request);
	curl_easy_setopt(e, CURLOPT_PREREQDATA, t);
	curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long)s->connect_timeout_ms);
	curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)s->total_timeout_ms);
}

/* False when the handle still has the buffer of its last transfer, which libcurl frees
 * neither when there was no connection (its host was not found) nor when others go on
 * using it (HTTP/2).  curl_easy_reset() forgets how large it is, and libcurl refuses to
 * be told again: it would read 16 KiB into the 1 KiB there is. */
static bool
limit_reads(CURL *easy)
{
	return curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)RECEIVE_BYTES) == CURLE_OK;
}

static CURL *
take_handle(struct http_client *c)
{
	CURL *easy = c->n_spare > 0 ? c->spare[--c->n_spare] : curl_easy_init();

	if (easy == NULL || !limit_reads(easy))
		abort();
	return easy;
}

/* Keep it for the next transfer, if it is as good as a new one. */
static void
give_handle(struct http_client *c, CURL *easy)
{
	curl_easy_reset(easy);
	if (c->n_spare < SPARE_HANDLES && limit_reads(easy))
		c->spare[c->n_spare++] = easy;
	else
		curl_easy_cleanup(easy);
}

static void
release(struct http_transfer *t)
{
	struct http_client *c = t->client;

	if (t->added)
		curl_multi_remove_handle(c->multi, t->easy);
	give_handle(c, t->easy);
	curl_slist_free_all(t->headers);
	free(t->error);
	*t->prev = t->next;
	if (t->next != NULL)
		t->next->prev = t->prev;
	free(t);
}

static enum http_result
result_of(const struct http_transfer *t, CURLcode code)
{
	if (t->forbidden)
		return HTTP_FORBIDDEN;
	if (t->too_long)
		return HTTP_TOO_LONG;
	switch (code) {
	case CURLE_OK: return HTTP_OK;
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_CONNECT:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION: return HTTP_REFUSED;
	case CURLE_OPERATION_TIMEDOUT: {
		curl_off_t connected = 0;

		curl_easy_getinfo(t->easy, CURLINFO_PRETRANSFER_TIME_T, &connected);
		return connected > 0 ? HTTP_TIMEOUT : HTTP_REFUSED;
	}
	case CURLE_GOT_NOTHING:
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
	case CURLE_PARTIAL_FILE:
	case CURLE_BAD_CONTENT_ENCODING:
	case CURLE_HTTP2:
	case CURLE_HTTP2_STREAM:
	case CURLE_WEIRD_SERVER_REPLY: return HTTP_BROKEN;
	default: return HTTP_INTERNAL;
	}
}

static const char *
detail_of(const struct http_transfer *t, CURLcode code)
{
	if (t->too_long)
		return "the body is longer than it may be";
	return t->error != NULL && t->error[0] != '\0' ? t->error : curl_easy_strerror(code);
}

static void
finish(struct http_transfer *t, CURLcode code)
{
	enum http_result result = result_of(t, code);
	struct http_client *c = t->client;

	c->driving = true; /* a cancel from within on_done must not free what we hold */
	if (!t->cancelled) {
		if (result == HTTP_OK)
			tell_headers(t);
		if (!t->cancelled)
			t->on_done(t->arg, result, detail_of(t, code));
	}
	c->driving = false;
	if (t->is_deferred)
		t->cancelled = true; /* released with the other deferred ones */
	else
		release(t);
}

/* Nothing more to read for now. */
static void
end_batch(struct http_client *c)
{
	struct http_transfer *t;

	c->driving = true; /* a cancel from within on_batch must not free what we hold */
	while ((t = c->batch) != NULL) {
		c->batch = t->next_in_batch;
		t->in_batch = false;
		if (!t->cancelled)
			t->on_batch(t->arg);
	}
	c->driving = false;
}

/* What callbacks could not do while libcurl was running: tell the ends, start, cancel, pause. */
static void
after_driving(struct http_client *c)
{
	struct http_transfer *t;
	CURLMsg *msg;
	int left;

	end_batch(c);
	while ((msg = curl_multi_info_read(c->multi, &left)) != NULL) {
		if (msg->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &t);
		finish(t, msg->data.result);
	}
	while ((t = c->deferred) != NULL) {
		c->deferred = t->next_deferred;
		t->is_deferred = false;
		if (t->cancelled) {
			release(t);
		} else if (!t->added) {
			t->added = true;
			curl_multi_add_handle(c->multi, t->easy);
		} else if (t->paused) {
			stop_reading(t);
		}
	}
}

static void
drive(struct http_client *c, curl_socket_t fd, int mask)
{
	int running, reads = 0;

	c->driving = true;
	do { /* libcurl reads once; a buffer that was rather full had not all of it */
		c->more = false;
		curl_multi_socket_action(c->multi, fd, mask, &running);
	} while (c->more && ++reads < BATCH_READS);
	c->driving = false;
	after_driving(c);
}

static void
on_socket_ready(void *arg, int fd, unsigned events)
{
	drive(arg, fd, ((events & WATCH_READ) ? CURL_CSELECT_IN : 0) | ((events & WATCH_WRITE) ? CURL_CSELECT_OUT : 0));
}

static int
on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
	struct http_client *c = arg;
	struct reactor_watch *w = socket_arg;
	unsigned events = (what & CURL_POLL_IN ? WATCH_READ : 0) | (what & CURL_POLL_OUT ? WATCH_WRITE : 0);

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		reactor_watch_free(w);
		curl_multi_assign(c->multi, fd, NULL);
	} else if (w == NULL) {
		curl_multi_assign(c->multi, fd, reactor_watch_new(c->reactor, fd, events, on_socket_ready, c));
	} else {
		reactor_watch_set(w, events);
	}
	return 0;
}

static void
on_time(void *arg)
{
	drive(arg, CURL_SOCKET_TIMEOUT, 0);
}

static int
on_set_timer(CURLM *multi, long ms, void *arg)
{
	struct http_client *c = arg;

	(void)multi;
	if (ms < 0)
		reactor_timer_stop(c->timer);
	else
		reactor_timer_start(c->timer, ms);
	return 0;
}

struct http_client *
http_client_new(struct reactor *r)
{
	struct http_client *c = xcalloc(1, sizeof(*c));

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0 || (c->multi = curl_multi_init()) == NULL)
		abort();
	c->reactor = r;
	c->timer = reactor_timer_new(r, on_time, c);
	if ((c->share = curl_share_init()) == NULL ||
	    curl_share_setopt(c->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION) != CURLSHE_OK)
		abort();
	curl_multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c);
	curl_multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, on_set_timer);
	curl_multi_setopt(c->multi, CURLMOPT_TIMERDATA, c);
	curl_multi_setopt(c->multi, CURLMOPT_MAXCONNECTS, CACHED_CONNECTIONS);
	return c;
}

void
http_client_free(struct http_client *c)
{
	if (c == NULL)
		return;
	while (c->transfers != NULL)
		release(c->transfers);
	while (c->n_spare > 0)
		curl_easy_cleanup(c->spare[--c->n_spare]);
	curl_multi_cleanup(c->multi);
	curl_share_cleanup(c->share); /* the last: handles and connections refer to it */
	reactor_timer_free(c->timer);
	free(c);
	curl_global_cleanup();
}

struct http_transfer *
http_start(struct http_client *c, const struct http_spec *spec)
{
	struct http_transfer *t = xcalloc(1, sizeof(*t));

	t->client = c;
	t->error = xcalloc(1, CURL_ERROR_SIZE);
	t->arg = spec->arg;
	t->on_resend = spec->on_resend;
	t->on_headers = spec->on_headers;
	t->on_data = spec->on_data;
	t->on_batch = spec->on_batch;
	t->on_done = spec->on_done;
	t->body_len = spec->body_len;
	t->max_body_bytes = spec->max_body_bytes;
	t->receive_bytes = spec->receive_bytes > 0 ? spec->receive_bytes : RECEIVE_BYTES;
	t->allow_private = spec->allow_private;
	t->proxied = spec->proxy != NULL;
	t->is_refused = t->proxied && !url_allowed(spec->url, t->allow_private);
	t->easy = take_handle(c);
	for (const char *const *h = spec->headers; h != NULL && *h != NULL; h++)
		t->headers = curl_slist_append(t->headers, *h);
	t->headers = curl_slist_append(t->headers, "Expect:");
	set_options(t, spec);
	t->next = c->transfers;
	if (t->next != NULL)
		t->next->prev = &t->next;
	t->prev = &c->transfers;
	c->transfers = t;
	if (c->driving) {
		defer(t);
		return t;
	}
	t->added = true;
	curl_multi_add_handle(c->multi, t->easy);
	return t;
}

void
http_cancel(struct http_transfer *t)
{
	if (t == NULL)
		return;
	t->cancelled = true;
	if (t->client->driving)
		defer(t);
	else
		release(t);
}

bool
http_sent(struct http_transfer *t)
{
	curl_off_t sent = 0;

	if (!t->headers_told) /* should the connection close before, libcurl sends all of it again */
		return false;
	return t->body_len == 0 ||
	    (curl_easy_getinfo(t->easy, CURLINFO_SIZE_UPLOAD_T, &sent) == CURLE_OK && (size_t)sent >= t->body_len);
}

void
http_pause(struct http_transfer *t)
{
	if (t->paused)
		return;
	t->paused = true;
	stop_reading(t);
}

bool
http_paused(const struct http_transfer *t)
{
	return t->paused;
}

void
http_resume(struct http_transfer *t)
{
	struct http_client *c = t->client;

	if (!t->paused)
		return;
	t->paused = false;
	c->driving = true;
	curl_easy_pause(t->easy, CURLPAUSE_CONT);
	c->driving = false;
	after_driving(c);
}

const char *
http_header(struct http_transfer *t, const char *name)
{
	struct curl_header *h;

	return curl_easy_header(t->easy, name, 0, CURLH_HEADER, -1, &h) == CURLHE_OK ? h->value : NULL;
}
