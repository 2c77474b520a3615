#include "io/transfer.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"

#define RECEIVE_BYTES (256L << 10)

struct transfer {
	CURL *easy;
	char error[CURL_ERROR_SIZE];

	/* of the request at hand */
	const struct transfer_spec *spec;
	int64_t sent, got;
	bool too_large, no_room, unread;
};

struct transfer *
transfer_new(void)
{
	struct transfer *x = xcalloc(1, sizeof(*x));

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0 || (x->easy = curl_easy_init()) == NULL)
		abort();
	return x;
}

void
transfer_free(struct transfer *x)
{
	if (x == NULL)
		return;
	curl_easy_cleanup(x->easy);
	free(x);
}

/* ---- bodies ------------------------------------------------------------------ */

static size_t
on_read(char *to, size_t one, size_t n, void *arg)
{
	struct transfer *x = arg;
	const struct transfer_spec *s = x->spec;
	int64_t left = s->body_len - x->sent;
	size_t want = (int64_t)(one * n) < left ? one * n : (size_t)left;
	ssize_t got = (ssize_t)want;

	if (s->body != NULL)
		memcpy(to, (const char *)s->body + x->sent, want);
	else if (want > 0 && (got = pread(s->body_fd, to, want, (off_t)(s->body_at + x->sent))) <= 0) {
		x->unread = true; /* the file is shorter than was said */
		return CURL_READFUNC_ABORT;
	}
	x->sent += got;
	return (size_t)got;
}

/* libcurl sends it again, on another connection. */
static int
on_seek(void *arg, curl_off_t offset, int origin)
{
	struct transfer *x = arg;

	if (origin != SEEK_SET)
		return CURL_SEEKFUNC_CANTSEEK;
	x->sent = offset;
	return CURL_SEEKFUNC_OK;
}

static bool
write_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		data += n;
		len -= (size_t)n;
	}
	return true;
}

static size_t
on_body(char *data, size_t one, size_t len, void *arg)
{
	struct transfer *x = arg;
	const struct transfer_spec *s = x->spec;
	long status = 0;

	(void)one;
	curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &status);
	if (s->to_fd < 0 || status / 100 != 2) {
		if (s->answer != NULL)
			(void)buf_add(s->answer, data, len);
		return len;
	}
	x->got += (int64_t)len;
	x->too_large = x->got > s->max_fd_bytes;
	if (x->too_large)
		return CURL_WRITEFUNC_ERROR;
	x->no_room = !write_all(s->to_fd, data, len);
	return x->no_room ? CURL_WRITEFUNC_ERROR : len;
}

/* ---- the request ------------------------------------------------------------- */

static struct curl_slist *
header_list(const struct transfer_spec *s)
{
	/* no wait for 100 Continue */
	struct curl_slist *list = curl_slist_append(NULL, "Expect:"), *more;

	for (const char *const *h = s->headers; h != NULL && *h != NULL; h++)
		if ((more = curl_slist_append(list, *h)) == NULL)
			abort();
		else
			list = more;
	return list;
}

static void
set_body(struct transfer *x, const struct transfer_spec *s)
{
	CURL *e = x->easy;

	curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, s->method);
	if (strcmp(s->method, "HEAD") == 0)
		curl_easy_setopt(e, CURLOPT_NOBODY, 1L);
	if (s->body == NULL && s->body_fd < 0)
		return;
	curl_easy_setopt(e, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(e, CURLOPT_INFILESIZE_LARGE, (curl_off_t)s->body_len);
	curl_easy_setopt(e, CURLOPT_READFUNCTION, on_read);
	curl_easy_setopt(e, CURLOPT_READDATA, x);
	curl_easy_setopt(e, CURLOPT_SEEKFUNCTION, on_seek);
	curl_easy_setopt(e, CURLOPT_SEEKDATA, x);
}

static void
set_options(struct transfer *x, const struct transfer_spec *s, struct curl_slist *headers)
{
	CURL *e = x->easy;

	curl_easy_setopt(e, CURLOPT_URL, s->url);
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(e, CURLOPT_PATH_AS_IS, 1L); /* it is signed as it is */
	curl_easy_setopt(e, CURLOPT_PROXY, "");
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_BUFFERSIZE, RECEIVE_BYTES);
	curl_easy_setopt(e, CURLOPT_UPLOAD_BUFFERSIZE, RECEIVE_BYTES);
	curl_easy_setopt(e, CURLOPT_ERRORBUFFER, x->error);
	curl_easy_setopt(e, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, x);
	curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long)s->connect_ms);
	curl_easy_setopt(e, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(e, CURLOPT_LOW_SPEED_TIME, s->stall_ms < 1000 ? 1L : (long)(s->stall_ms / 1000));
	curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)s->total_ms);
	set_body(x, s);
}

enum status
transfer_run(struct transfer *x, const struct transfer_spec *s, int *http_status, const char **why)
{
	struct curl_slist *headers = header_list(s);
	long status = 0;
	CURLcode rc;

	x->spec = s;
	x->sent = x->got = 0;
	x->too_large = x->no_room = x->unread = false;
	x->error[0] = '\0';
	curl_easy_reset(x->easy); /* its connections stay */
	set_options(x, s, headers);
	rc = curl_easy_perform(x->easy);
	curl_easy_setopt(x->easy, CURLOPT_HTTPHEADER, NULL);
	curl_slist_free_all(headers);
	curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &status);
	*http_status = (int)status;
	if (rc == CURLE_OK)
		return OK;
	*why = x->too_large ? "the body is longer than it may be"
	    : x->no_room    ? "the body could not be written"
	    : x->unread	    ? "the file is shorter than it was"
	    : *x->error	    ? x->error
			    : curl_easy_strerror(rc);
	return x->too_large ? E_TOO_LARGE : x->no_room ? E_STORAGE_FULL : E_UNAVAILABLE;
}

const char *
transfer_header(struct transfer *x, const char *name)
{
	struct curl_header *h;

	return curl_easy_header(x->easy, name, 0, CURLH_HEADER, -1, &h) == CURLHE_OK ? h->value : NULL;
}
