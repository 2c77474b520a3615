#include "push/key.h"

#include <string.h>

#include "base/crypto.h"
#include "core/secret.h"

bool
push_configured(const struct conf *conf)
{
	return *conf->push_contact != '\0';
}

static enum status
read_key(struct context *cx, struct rows **rows)
{
	enum status st = pg_query_again(cx->pg, rows, "SELECT public, secret_enc FROM push_key");

	return st == OK ? OK : fail(cx, st, "read the key for push services: %s", pg_error(cx->pg));
}

/* Whoever comes second finds the first one's. */
static enum status
make(struct context *cx)
{
	struct p256_key key;
	unsigned char *sealed = NULL;
	size_t len = 0;
	enum status st;

	p256_make(&key);
	st = secret_seal(
	    cx->arena, cx->conf, crypto_base64url(cx->arena, key.secret, sizeof(key.secret)), &sealed, &len);
	if (st != OK)
		return fail(cx, st, "seal the key for push services");
	st = pg_query_again(cx->pg, NULL,
	    "INSERT INTO push_key (public, secret_enc) VALUES ($1, $2) ON CONFLICT DO NOTHING",
	    PX(key.public, sizeof(key.public)), PX(sealed, len));
	return st == OK ? OK : fail(cx, st, "keep the key for push services: %s", pg_error(cx->pg));
}

enum status
push_key_public(struct context *cx, const char **out)
{
	for (int once = 0;; once++) {
		AUTO_ROWS struct rows *rows = NULL;
		size_t len = 0;
		enum status st = read_key(cx, &rows);

		if (st != OK)
			return st;
		if (rows_count(rows) > 0) {
			const unsigned char *public = row_bytes(rows, 0, "public", cx->arena, &len);

			*out = crypto_base64url(cx->arena, public, len);
			return OK;
		}
		if (once > 0)
			return fail(cx, E_UNAVAILABLE, "the key for push services is not kept");
		if ((st = make(cx)) != OK)
			return st;
	}
}

enum status
push_key_open(struct context *cx, struct p256_key *out)
{
	AUTO_ROWS struct rows *rows = NULL;
	unsigned char *public, *sealed, *secret;
	size_t public_len = 0, sealed_len = 0, len = 0;
	const char *text;
	enum status st = read_key(cx, &rows);

	if (st != OK)
		return st;
	if (rows_count(rows) == 0)
		return fail(cx, E_NOT_FOUND, "there is no key for push services");
	public = row_bytes(rows, 0, "public", cx->arena, &public_len);
	sealed = row_bytes(rows, 0, "secret_enc", cx->arena, &sealed_len);
	if ((st = secret_open(cx->arena, cx->conf, "push services", sealed, sealed_len, &text)) != OK)
		return fail(cx, st, "the key for push services cannot be opened");
	if (public_len != sizeof(out->public) || !crypto_base64url_decode(cx->arena, text, &secret, &len) ||
	    len != sizeof(out->secret))
		return fail(cx, E_INTERNAL, "the key for push services is none");
	memcpy(out->public, public, public_len);
	memcpy(out->secret, secret, len);
	return OK;
}
