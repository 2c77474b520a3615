#include "store/s3.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "io/transfer.h"
#include "store/sigv4.h"

#define TRIES 4
#define FIRST_PAUSE_MS 200
#define CONNECT_MS 5000
#define ANSWER_BYTES (4 << 20)
#define WHY_BYTES 400
#define HASH_AT_ONCE (256 << 10)

struct s3 {
	const struct conf *conf;
	struct transfer *transfer;
	struct buf answer;
	int64_t patience_ms, until_ms; /* until_ms of the call at hand; 0: none */
	char why[WHY_BYTES];
};

/* What is asked, of an object or of the bucket. */
struct ask {
	const char *method, *name; /* NULL: the bucket */
	const struct sigv4_pair *query;
	size_t n_query;
	const void *body;
	int body_fd; /* -1: none */
	int64_t body_at, body_len;
	int to_fd; /* -1: to s->answer */
	int64_t max_fd_bytes;
	size_t first_bytes; /* no more than so many of it; 0: all */
};

#define ASK(method_, name_) .method = (method_), .name = (name_), .body_fd = -1, .to_fd = -1
#define QUERY(...) \
	.query = (const struct sigv4_pair[]){ __VA_ARGS__ }, \
	.n_query = sizeof((const struct sigv4_pair[]){ __VA_ARGS__ }) / sizeof(struct sigv4_pair)

/* ---- settings ---------------------------------------------------------------- */

const char *
s3_problem(const struct conf *conf)
{
	const char *e = conf->storage_endpoint, *p = conf->storage_public_endpoint;

	if (strncmp(e, "http://", 7) != 0 && strncmp(e, "https://", 8) != 0)
		return "[storage] endpoint is no http:// or https:// address";
	if (*p != '\0' && strncmp(p, "http://", 7) != 0 && strncmp(p, "https://", 8) != 0)
		return "[storage] public_endpoint is no http:// or https:// address";
	if (*conf->storage_bucket == '\0')
		return "[storage] bucket is empty";
	if (*conf->storage_access_key == '\0' || *conf->storage_secret_key == '\0')
		return "[storage] access_key or secret_key is empty";
	if (*conf->storage_region == '\0')
		return "[storage] region is empty";
	return NULL;
}

const char *
storage_problem(const struct conf *conf)
{
	if (strcmp(conf->storage_driver, "local") == 0)
		return NULL;
	return strcmp(conf->storage_driver, "s3") == 0 ? s3_problem(conf) : "[storage] driver is not local or s3";
}

bool
s3_configured(const struct conf *conf)
{
	return s3_problem(conf) == NULL;
}

struct s3 *
s3_new(const struct conf *conf, int64_t patience_ms)
{
	struct s3 *s = calloc(1, sizeof(*s));

	if (s == NULL)
		abort();
	s->conf = conf;
	s->transfer = transfer_new();
	s->answer = BUF_INIT(ANSWER_BYTES);
	s->patience_ms = patience_ms;
	return s;
}

void
s3_free(struct s3 *s)
{
	if (s == NULL)
		return;
	transfer_free(s->transfer);
	buf_free(&s->answer);
	free(s);
}

const char *
s3_why(const struct s3 *s)
{
	return s->why;
}

/* ---- where it is ------------------------------------------------------------- */

/* Where an object or the bucket is. */
struct target {
	const char *scheme, *host, *path; /* "https://", what Host says, encoded */
};

/* A port that is the scheme's own is not in the Host header. */
static const char *
host_of(struct arena *a, const char *at, size_t len, bool https)
{
	const char *own = https ? ":443" : ":80";
	size_t n = strlen(own);

	if (len > n && strncmp(at + len - n, own, n) == 0)
		len -= n;
	return arena_strndup(a, at, len);
}

static struct target
find_target(struct arena *a, const struct conf *conf, const char *endpoint, const char *name)
{
	bool https = strncmp(endpoint, "https://", 8) == 0;
	const char *at = endpoint + (https ? 8 : 7), *key;
	size_t len = strcspn(at, "/");
	const char *below = arena_strndup(a, at + len, strlen(at + len)), *host = host_of(a, at, len, https);

	while (*below != '\0' && below[strlen(below) - 1] == '/')
		below = arena_strndup(a, below, strlen(below) - 1);
	key = name == NULL ? "" : sigv4_encode(a, arena_printf(a, "%s%s", conf->storage_prefix, name), true);
	if (conf->storage_path_style)
		return (struct target){ https ? "https://" : "http://", host,
			arena_printf(a, "%s/%s%s%s", below, sigv4_encode(a, conf->storage_bucket, false),
			    name == NULL ? "" : "/", key) };
	return (struct target){ https ? "https://" : "http://", arena_printf(a, "%s.%s", conf->storage_bucket, host),
		arena_printf(a, "%s/%s", below, key) };
}

static struct sigv4_key
key_of(const struct conf *conf)
{
	return (struct sigv4_key){ conf->storage_access_key, conf->storage_secret_key, conf->storage_region };
}

static const char *
presign(struct arena *a, const struct conf *conf, struct sigv4_request *rq, const char *name, int ttl_s)
{
	const char *endpoint = *conf->storage_public_endpoint != '\0' ? conf->storage_public_endpoint
								      : conf->storage_endpoint;
	struct target t = find_target(a, conf, endpoint, name);
	struct sigv4_key key = key_of(conf);

	rq->host = t.host;
	rq->path = t.path;
	rq->at_s = clock_wall_s();
	return arena_printf(a, "%s%s%s?%s", t.scheme, t.host, t.path, sigv4_presign(a, &key, rq, ttl_s));
}

const char *
s3_presign(struct arena *a, const struct conf *conf, const char *name, const char *content_type,
    const char *disposition, int ttl_s)
{
	struct sigv4_pair query[2];
	struct sigv4_request rq = { .method = "GET", .query = query };

	if (content_type != NULL)
		query[rq.n_query++] = (struct sigv4_pair){ "response-content-type", content_type };
	if (disposition != NULL)
		query[rq.n_query++] = (struct sigv4_pair){ "response-content-disposition", disposition };
	return presign(a, conf, &rq, name, ttl_s);
}

const char *
s3_presign_put(
    struct arena *a, const struct conf *conf, const char *name, const char *content_type, int64_t size_bytes, int ttl_s)
{
	const struct sigv4_pair headers[] = { { "content-length", arena_printf(a, "%lld", (long long)size_bytes) },
		{ "content-type", content_type }, { "if-none-match", "*" } };

	return presign(
	    a, conf, &(struct sigv4_request){ .method = "PUT", .headers = headers, .n_headers = 3 }, name, ttl_s);
}

/* ---- one request --------------------------------------------------------------- */

/* SHA-256 of the body as hex; false: the file cannot be read. */
static bool
hash_body(const struct ask *k, char hex[2 * SHA256_BYTES + 1])
{
	struct crypto_sha256 *h = crypto_sha256_new();
	unsigned char sum[SHA256_BYTES];
	int64_t at = 0;
	char *piece;

	if (k->body != NULL || k->body_fd < 0) {
		crypto_sha256_add(h, k->body == NULL ? "" : k->body, k->body == NULL ? 0 : (size_t)k->body_len);
		at = k->body_len;
	} else if ((piece = malloc(HASH_AT_ONCE)) != NULL) {
		while (at < k->body_len) {
			size_t want = k->body_len - at < HASH_AT_ONCE ? (size_t)(k->body_len - at) : HASH_AT_ONCE;
			ssize_t n = pread(k->body_fd, piece, want, (off_t)(k->body_at + at));

			if (n <= 0)
				break;
			crypto_sha256_add(h, piece, (size_t)n);
			at += n;
		}
		free(piece);
	}
	crypto_sha256_end(h, sum);
	crypto_hex(sum, sizeof(sum), hex);
	return at == k->body_len;
}

/* Sign and send once, with the memory of `a`. */
static enum status
send_once(struct s3 *s, struct arena *a, const struct ask *k, int *http)
{
	struct target t = find_target(a, s->conf, s->conf->storage_endpoint, k->name);
	const char *query = sigv4_query(a, k->query, k->n_query), *why = "";
	struct sigv4_key key = key_of(s->conf);
	char hash[2 * SHA256_BYTES + 1], date[SIGV4_DATE_LEN];
	struct sigv4_request rq = { .method = k->method,
		.host = t.host,
		.path = t.path,
		.query = k->query,
		.n_query = k->n_query,
		.payload = hash,
		.at_s = clock_wall_s() };
	const char *headers[6] = { NULL };
	struct transfer_spec spec = { .method = k->method,
		.headers = headers,
		.body = k->body,
		.body_fd = k->body_fd,
		.body_at = k->body_at,
		.body_len = k->body_len,
		.to_fd = k->to_fd,
		.answer = &s->answer,
		.max_fd_bytes = k->max_fd_bytes,
		.connect_ms = CONNECT_MS,
		.stall_ms = s->conf->storage_timeout };
	enum status st;

	if (!hash_body(k, hash)) { /* signed, so that what is kept there is what we have */
		snprintf(s->why, sizeof(s->why), "the file cannot be read");
		return E_INTERNAL;
	}
	sigv4_date(rq.at_s, date);
	headers[0] = arena_printf(a, "Authorization: %s", sigv4_authorization(a, &key, &rq));
	headers[1] = arena_printf(a, "x-amz-date: %s", date);
	headers[2] = arena_printf(a, "x-amz-content-sha256: %s", hash);
	headers[3] = arena_printf(a, "Host: %s", t.host);
	if (k->first_bytes > 0)
		headers[4] = arena_printf(a, "Range: bytes=0-%zu", k->first_bytes - 1);
	spec.url = arena_printf(a, "%s%s%s%s%s", t.scheme, t.host, t.path, *query == '\0' ? "" : "?", query);
	if (s->until_ms > 0 && (spec.total_ms = s->until_ms - clock_mono_ms()) < 1)
		spec.total_ms = 1;
	buf_clear(&s->answer);
	st = transfer_run(s->transfer, &spec, http, &why);
	if (st != OK)
		snprintf(s->why, sizeof(s->why), "%s", why);
	return st;
}

/* What an answer that is no success says; *again: another try may help. */
static enum status
judge(struct s3 *s, int http, bool *again)
{
	char code[100] = "", message[200] = "";

	(void)s3_read_text(s->answer.data, s->answer.len, "Code", code, sizeof(code));
	(void)s3_read_text(s->answer.data, s->answer.len, "Message", message, sizeof(message));
	snprintf(s->why, sizeof(s->why), "HTTP %d%s%s%s%s", http, *code == '\0' ? "" : " ", code,
	    *message == '\0' ? "" : ": ", message);
	*again = http == 429 || (http >= 500 && http != 501) || http == 408 ||
	    strcmp(code, "RequestTimeTooSkewed") == 0 || strcmp(code, "RequestTimeout") == 0 ||
	    strcmp(code, "SlowDown") == 0;
	if (*again)
		return E_UNAVAILABLE;
	return http == 404 && strcmp(code, "NoSuchBucket") != 0 ? E_NOT_FOUND : E_INTERNAL;
}

/* Wait before another try; false: there is no time for it. */
static bool
pause_before(const struct s3 *s, int try_n)
{
	unsigned char dice;
	int64_t ms = FIRST_PAUSE_MS << try_n;

	crypto_random(&dice, sizeof(dice));
	ms += ms * dice / 512;
	if (s->until_ms > 0 && clock_mono_ms() + ms >= s->until_ms)
		return false;
	usleep((useconds_t)ms * 1000);
	return true;
}

/* A file that is to be filled begins where it did before the try. */
static bool
rewind_file(const struct ask *k, off_t from)
{
	return k->to_fd < 0 || (ftruncate(k->to_fd, from) == 0 && lseek(k->to_fd, from, SEEK_SET) == from);
}

/* Until it succeeds, or another try would not help. */
static enum status
send_ask(struct s3 *s, const struct ask *k)
{
	off_t from = k->to_fd < 0 ? 0 : lseek(k->to_fd, 0, SEEK_CUR);
	enum status st = E_UNAVAILABLE;
	bool again = true;

	for (int i = 0; i < TRIES && again; i++) {
		struct arena *a = arena_new(8192, 1 << 20);
		int http = 0;

		if (i > 0 && (!pause_before(s, i - 1) || !rewind_file(k, from))) {
			arena_free(a);
			break;
		}
		st = send_once(s, a, k, &http);
		arena_free(a);
		again = st == E_UNAVAILABLE;
		if (st != OK)
			continue;
		if (http / 100 == 2)
			return OK;
		st = judge(s, http, &again);
	}
	if (st != E_NOT_FOUND)
		LOG(WARN, "bucket_failed", LS("method", k->method), LS("name", k->name), LS("why", s->why));
	return st;
}

/* A call begins. */
static void
start(struct s3 *s)
{
	s->until_ms = s->patience_ms > 0 ? clock_mono_ms() + s->patience_ms : 0;
	s->why[0] = '\0';
}

/* ---- objects ------------------------------------------------------------------- */

enum status
s3_get(struct s3 *s, const char *name, int fd, int64_t max_bytes)
{
	struct ask k = { ASK("GET", name) };

	k.to_fd = fd;
	k.max_fd_bytes = max_bytes;
	start(s);
	return send_ask(s, &k);
}

enum status
s3_head(struct s3 *s, const char *name, int64_t *size_bytes)
{
	enum status st;
	const char *length;

	start(s);
	if ((st = send_ask(s, &(struct ask){ ASK("HEAD", name) })) != OK)
		return st;
	length = transfer_header(s->transfer, "Content-Length");
	*size_bytes = length == NULL ? 0 : strtoll(length, NULL, 10);
	return OK;
}

enum status
s3_look(struct s3 *s, const char *name, int64_t *size_bytes, void *head, size_t *len)
{
	struct ask k = { ASK("GET", name), .first_bytes = *len };
	enum status st = s3_head(s, name, size_bytes);

	if (st != OK || *size_bytes == 0) {
		*len = 0;
		return st;
	}
	if (*size_bytes < (int64_t)*len) /* a range past the end is refused by some */
		k.first_bytes = (size_t)*size_bytes;
	start(s);
	if ((st = send_ask(s, &k)) != OK)
		return st;
	if (s->answer.len < *len)
		*len = s->answer.len;
	memcpy(head, buf_str(&s->answer), *len);
	return OK;
}

enum status
s3_delete(struct s3 *s, const char *name)
{
	enum status st;

	start(s);
	st = send_ask(s, &(struct ask){ ASK("DELETE", name) });
	return st == E_NOT_FOUND ? OK : st;
}

enum status
s3_abort(struct s3 *s, const char *name, const char *upload_id)
{
	enum status st;

	if (*upload_id == '\0') /* it would be the object that is deleted */
		return E_INTERNAL;
	start(s);
	st = send_ask(s, &(struct ask){ ASK("DELETE", name), QUERY({ "uploadId", upload_id }) });
	return st == E_NOT_FOUND ? OK : st;
}

/* ---- in parts ------------------------------------------------------------------ */

/* The parts that are there, as the last request lists them. */
static bool
add_part(struct s3 *s, struct buf *list, int number)
{
	const char *etag = transfer_header(s->transfer, "ETag");

	if (etag == NULL || strlen(etag) > 200 || strpbrk(etag, "<>&") != NULL) {
		snprintf(s->why, sizeof(s->why), "part %d came back without an ETag", number);
		return false;
	}
	return buf_printf(list, "<Part><PartNumber>%d</PartNumber><ETag>%s</ETag></Part>", number, etag);
}

static enum status
put_parts(struct s3 *s, const char *name, const char *upload_id, int fd, int64_t len, struct buf *list)
{
	char number[12];
	enum status st;
	int n = 0;

	for (int64_t at = 0; at < len; at += S3_PART_BYTES) {
		struct ask k = { ASK("PUT", name), QUERY({ "partNumber", number }, { "uploadId", upload_id }) };

		snprintf(number, sizeof(number), "%d", ++n);
		k.body_fd = fd;
		k.body_at = at;
		k.body_len = len - at < S3_PART_BYTES ? len - at : S3_PART_BYTES;
		if ((st = send_ask(s, &k)) != OK)
			return st;
		if (!add_part(s, list, n))
			return E_INTERNAL;
	}
	return OK;
}

/* The answer to this may be 200 and yet an error. */
static enum status
complete(struct s3 *s, const char *name, const char *upload_id, struct buf *list)
{
	struct ask k = { ASK("POST", name), QUERY({ "uploadId", upload_id }) };
	char text[WHY_BYTES];
	enum status st;

	buf_puts(list, "</CompleteMultipartUpload>");
	k.body = list->data;
	k.body_len = (int64_t)list->len;
	if ((st = send_ask(s, &k)) != OK)
		return st;
	if (s3_read_text(s->answer.data, s->answer.len, "ETag", text, sizeof(text)))
		return OK;
	(void)s3_read_text(s->answer.data, s->answer.len, "Code", text, sizeof(text));
	snprintf(s->why, sizeof(s->why), "the parts were not put together: %.100s", text);
	return E_UNAVAILABLE;
}

static enum status
put_in_parts(struct s3 *s, const char *name, int fd, int64_t len)
{
	struct buf list = BUF_INIT(0);
	char upload_id[S3_KEY_BYTES], why[WHY_BYTES];
	enum status st = send_ask(s, &(struct ask){ ASK("POST", name), QUERY({ "uploads", "" }) });

	if (st != OK)
		return st;
	if (!s3_read_text(s->answer.data, s->answer.len, "UploadId", upload_id, sizeof(upload_id))) {
		snprintf(s->why, sizeof(s->why), "no UploadId in the answer");
		return E_INTERNAL;
	}
	buf_puts(&list, "<CompleteMultipartUpload>");
	if ((st = put_parts(s, name, upload_id, fd, len, &list)) == OK)
		st = complete(s, name, upload_id, &list);
	buf_free(&list);
	if (st != OK) { /* what is left of it costs money */
		memcpy(why, s->why, sizeof(why));
		(void)!s3_abort(s, name, upload_id);
		memcpy(s->why, why, sizeof(why));
	}
	return st;
}

enum status
s3_put(struct s3 *s, const char *name, int fd, int64_t len)
{
	struct ask k = { ASK("PUT", name) };

	start(s);
	if (len > S3_PART_BYTES)
		return put_in_parts(s, name, fd, len);
	k.body_fd = fd;
	k.body_len = len;
	return send_ask(s, &k);
}

/* ---- lists --------------------------------------------------------------------- */

enum status
s3_list(struct s3 *s, int limit, struct s3_page *page)
{
	char max[12];
	struct ask k = { ASK("GET", NULL),
		QUERY({ "list-type", "2" }, { "max-keys", max }, { "prefix", s->conf->storage_prefix },
		    { "continuation-token", page->token }) };
	enum status st;

	snprintf(max, sizeof(max), "%d", limit);
	if (*page->token == '\0')
		k.n_query--;
	start(s);
	if ((st = send_ask(s, &k)) != OK)
		return st == E_NOT_FOUND ? E_INTERNAL : st;
	if (s3_read_page(s->answer.data, s->answer.len, s->conf->storage_prefix, page))
		return OK;
	snprintf(s->why, sizeof(s->why), "the answer is no list");
	return E_INTERNAL;
}

enum status
s3_list_uploads(struct s3 *s, struct s3_page *page)
{
	struct ask k = { ASK("GET", NULL),
		QUERY({ "uploads", "" }, { "prefix", s->conf->storage_prefix }, { "key-marker", page->key_marker },
		    { "upload-id-marker", page->token }) };
	enum status st;

	if (*page->key_marker == '\0')
		k.n_query -= 2;
	start(s);
	if ((st = send_ask(s, &k)) != OK)
		return st == E_NOT_FOUND ? E_INTERNAL : st;
	if (s3_read_page(s->answer.data, s->answer.len, s->conf->storage_prefix, page))
		return OK;
	snprintf(s->why, sizeof(s->why), "the answer is no list of uploads");
	return E_INTERNAL;
}
