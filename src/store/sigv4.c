#include "store/sigv4.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"

#define ALGORITHM "AWS4-HMAC-SHA256"
#define DAY_LEN 8 /* of a date */

void
sigv4_date(int64_t at_s, char out[SIGV4_DATE_LEN])
{
	time_t at = (time_t)at_s;
	struct tm tm;

	gmtime_r(&at, &tm);
	strftime(out, SIGV4_DATE_LEN, "%Y%m%dT%H%M%SZ", &tm);
}

/* ---- encoding ---------------------------------------------------------------- */

static bool
is_plain(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
	    c == '_' || c == '~';
}

char *
sigv4_encode(struct arena *a, const char *text, bool keep_slash)
{
	char *out = arena_alloc(a, 3 * strlen(text) + 1), *to = out;

	for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++) {
		if (is_plain(*c) || (keep_slash && *c == '/')) {
			*to++ = (char)*c;
			continue;
		}
		*to++ = '%';
		*to++ = "0123456789ABCDEF"[*c >> 4];
		*to++ = "0123456789ABCDEF"[*c & 15];
	}
	*to = '\0';
	return out;
}

static int
by_name(const void *a, const void *b)
{
	const struct sigv4_pair *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order != 0 ? order : strcmp(x->value, y->value);
}

char *
sigv4_query(struct arena *a, const struct sigv4_pair *query, size_t n)
{
	struct sigv4_pair *sorted = ARENA_ARRAY(a, struct sigv4_pair, n + 1);
	struct buf b = BUF_INIT(0);
	char *text;

	for (size_t i = 0; i < n; i++)
		sorted[i] = (struct sigv4_pair){ sigv4_encode(a, query[i].name, false),
			sigv4_encode(a, query[i].value, false) };
	if (n > 0)
		qsort(sorted, n, sizeof(*sorted), by_name);
	for (size_t i = 0; i < n; i++)
		buf_printf(&b, "%s%s=%s", i == 0 ? "" : "&", sorted[i].name, sorted[i].value);
	text = arena_strdup(a, buf_str(&b));
	buf_free(&b);
	return text;
}

/* ---- signing ----------------------------------------------------------------- */

/* What is signed of the headers: their names, and each with its value. */
struct signed_headers {
	const char *names, *lines;
};

static struct signed_headers
sign_headers(struct arena *a, struct sigv4_pair *headers, size_t n)
{
	struct buf names = BUF_INIT(0), lines = BUF_INIT(0);
	struct signed_headers out;

	qsort(headers, n, sizeof(*headers), by_name);
	for (size_t i = 0; i < n; i++) {
		buf_printf(&names, "%s%s", i == 0 ? "" : ";", headers[i].name);
		buf_printf(&lines, "%s:%s\n", headers[i].name, headers[i].value);
	}
	out = (struct signed_headers){ arena_strdup(a, buf_str(&names)), arena_strdup(a, buf_str(&lines)) };
	buf_free(&names);
	buf_free(&lines);
	return out;
}

static void
hmac_text(const unsigned char *key, size_t key_len, const char *text, unsigned char out[SHA256_BYTES])
{
	crypto_hmac(key, key_len, text, strlen(text), out);
}

/* The key of a day, a region and the service. */
static void
day_key(struct arena *a, const struct sigv4_key *key, const char *day, unsigned char out[SHA256_BYTES])
{
	const char *first = arena_printf(a, "AWS4%s", key->secret_key);
	unsigned char k[SHA256_BYTES];

	hmac_text((const unsigned char *)first, strlen(first), day, k);
	hmac_text(k, sizeof(k), key->region, out);
	hmac_text(out, SHA256_BYTES, "s3", k);
	hmac_text(k, sizeof(k), "aws4_request", out);
}

static const char *
scope_of(struct arena *a, const struct sigv4_key *key, const char *date)
{
	return arena_printf(a, "%.*s/%s/s3/aws4_request", DAY_LEN, date, key->region);
}

/* The signature, as hex. */
static const char *
signature(struct arena *a, const struct sigv4_key *key, const char *date, const char *canonical)
{
	unsigned char hash[SHA256_BYTES], k[SHA256_BYTES];
	char *hex = arena_alloc(a, 2 * SHA256_BYTES + 1);
	const char *text;

	crypto_sha256(canonical, strlen(canonical), hash);
	crypto_hex(hash, sizeof(hash), hex);
	text = arena_printf(a, ALGORITHM "\n%s\n%s\n%s", date, scope_of(a, key, date), hex);
	day_key(a, key, arena_strndup(a, date, DAY_LEN), k);
	crypto_hmac(k, sizeof(k), text, strlen(text), hash);
	crypto_hex(hash, sizeof(hash), hex);
	return hex;
}

char *
sigv4_authorization(struct arena *a, const struct sigv4_key *key, const struct sigv4_request *rq)
{
	struct sigv4_pair headers[SIGV4_PAIRS_MAX + 3];
	struct signed_headers h;
	char date[SIGV4_DATE_LEN];
	const char *canonical;
	size_t n = 0;

	sigv4_date(rq->at_s, date);
	headers[n++] = (struct sigv4_pair){ "host", rq->host };
	headers[n++] = (struct sigv4_pair){ "x-amz-content-sha256", rq->payload };
	headers[n++] = (struct sigv4_pair){ "x-amz-date", date };
	for (size_t i = 0; i < rq->n_headers && i < SIGV4_PAIRS_MAX; i++)
		headers[n++] = rq->headers[i];
	h = sign_headers(a, headers, n);
	canonical = arena_printf(a, "%s\n%s\n%s\n%s\n%s\n%s", rq->method, rq->path,
	    sigv4_query(a, rq->query, rq->n_query), h.lines, h.names, rq->payload);
	return arena_printf(a, ALGORITHM " Credential=%s/%s,SignedHeaders=%s,Signature=%s", key->access_key,
	    scope_of(a, key, date), h.names, signature(a, key, date, canonical));
}

char *
sigv4_presign(struct arena *a, const struct sigv4_key *key, const struct sigv4_request *rq, int ttl_s)
{
	struct sigv4_pair query[SIGV4_PAIRS_MAX + 5], headers[SIGV4_PAIRS_MAX + 1] = { { "host", rq->host } };
	struct signed_headers h;
	char date[SIGV4_DATE_LEN];
	const char *canonical, *text;
	size_t n = 0, n_headers = 1;

	for (size_t i = 0; i < rq->n_headers && i < SIGV4_PAIRS_MAX; i++)
		headers[n_headers++] = rq->headers[i];
	h = sign_headers(a, headers, n_headers);
	sigv4_date(rq->at_s, date);
	query[n++] = (struct sigv4_pair){ "X-Amz-Algorithm", ALGORITHM };
	query[n++] = (struct sigv4_pair){ "X-Amz-Credential",
		arena_printf(a, "%s/%s", key->access_key, scope_of(a, key, date)) };
	query[n++] = (struct sigv4_pair){ "X-Amz-Date", date };
	query[n++] = (struct sigv4_pair){ "X-Amz-Expires", arena_printf(a, "%d", ttl_s) };
	query[n++] = (struct sigv4_pair){ "X-Amz-SignedHeaders", h.names };
	for (size_t i = 0; i < rq->n_query && i < SIGV4_PAIRS_MAX; i++)
		query[n++] = rq->query[i];
	text = sigv4_query(a, query, n);
	canonical = arena_printf(
	    a, "%s\n%s\n%s\n%s\n%s\n" SIGV4_UNSIGNED, rq->method, rq->path, text, h.lines, h.names);
	return arena_printf(a, "%s&X-Amz-Signature=%s", text, signature(a, key, date, canonical));
}
