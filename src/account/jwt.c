#include "account/jwt.h"

#include <errno.h>
#include <jwt.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"

/* Ours have about 450 bytes; nothing longer is worth parsing. */
#define TOKEN_BYTES_MAX 2048
#define KEY_ID_MAX 64

struct key {
	const char *id;
	unsigned char *bytes;
	size_t len;
};

static void
free_jwt(jwt_t **jwt)
{
	jwt_free(*jwt);
}
#define AUTO_JWT __attribute__((cleanup(free_jwt)))

/* ---- keys ------------------------------------------------------------ */

/* Read the key "id:base64url" at *at and move behind it.  False at the end;
 * a malformed or short key has no bytes. */
static bool
next_key(struct arena *a, const char **at, struct key *out)
{
	const char *p = *at + strspn(*at, " \t,"), *colon;
	size_t len = strcspn(p, " \t,");
	char *text;

	*out = (struct key){ 0 };
	*at = p + len;
	if (len == 0)
		return false;
	text = arena_strndup(a, p, len);
	colon = strchr(text, ':');
	if (colon == NULL || colon == text || colon - text > KEY_ID_MAX)
		return true;
	text[colon - text] = '\0';
	if (crypto_base64url_decode(a, colon + 1, &out->bytes, &out->len) && out->len >= JWT_KEY_BYTES_MIN)
		out->id = text;
	else
		out->bytes = NULL;
	return true;
}

/* The key with that id; NULL as id: the first, which signs. */
static bool
find_key(struct arena *a, const struct conf *conf, const char *id, struct key *out)
{
	const char *at = conf->auth_jwt_keys;

	while (next_key(a, &at, out))
		if (out->bytes != NULL && (id == NULL || strcmp(out->id, id) == 0))
			return true;
	return false;
}

bool
token_key_mac(struct arena *a, const struct conf *conf, int n, const char *purpose, const char *text,
    unsigned char out[SHA256_BYTES])
{
	const char *at = conf->auth_jwt_keys;
	struct key key;
	char *data;

	while (next_key(a, &at, &key)) {
		if (key.bytes == NULL || n-- > 0)
			continue;
		/* no signed text has a colon, so none is ever the text of a MAC here */
		data = arena_printf(a, "%s:%s", purpose, text);
		crypto_hmac(key.bytes, key.len, data, strlen(data), out);
		return true;
	}
	return false;
}

int
access_token_keys(const struct conf *conf)
{
	struct arena *a = arena_new(4096, 1 << 20);
	const char *at = conf->auth_jwt_keys;
	struct key key;
	int n = 0;

	while (n >= 0 && next_key(a, &at, &key))
		n = key.bytes == NULL ? -1 : n + 1;
	arena_free(a);
	return n;
}

/* ---- issue ----------------------------------------------------------- */

static bool
add_claims(jwt_t *jwt, const struct conf *conf, const char *user_id, const char *session_id)
{
	int64_t now = clock_wall_s();

	return jwt_add_grant(jwt, "iss", conf->auth_issuer) == 0 &&
	    jwt_add_grant(jwt, "aud", conf->auth_audience) == 0 && jwt_add_grant(jwt, "sub", user_id) == 0 &&
	    jwt_add_grant(jwt, "sid", session_id) == 0 && jwt_add_grant_int(jwt, "iat", now) == 0 &&
	    jwt_add_grant_int(jwt, "nbf", now) == 0 &&
	    jwt_add_grant_int(jwt, "exp", now + conf->auth_access_ttl / 1000) == 0;
}

enum status
access_token_issue(struct arena *a, const struct conf *conf, const char *user_id, const char *session_id, char **out)
{
	AUTO_JWT jwt_t *jwt = NULL;
	struct key key;
	char *text;

	if (!find_key(a, conf, NULL, &key)) {
		LOG(ERROR, "no_jwt_key", LS("hint", "set [auth] jwt_keys; weirctl setup makes one"));
		return E_UNAVAILABLE;
	}
	if (jwt_new(&jwt) != 0 || jwt_add_header(jwt, "kid", key.id) != 0 ||
	    !add_claims(jwt, conf, user_id, session_id) ||
	    jwt_set_alg(jwt, JWT_ALG_HS256, key.bytes, (int)key.len) != 0 || (text = jwt_encode_str(jwt)) == NULL)
		return E_UNAVAILABLE;
	*out = arena_strdup(a, text);
	free(text);
	return OK;
}

/* ---- check ----------------------------------------------------------- */

/* A time; false when it is missing or no number (libjwt says 0). */
static bool
int_claim(jwt_t *jwt, const char *name, int64_t *out)
{
	errno = 0;
	*out = jwt_get_grant_int(jwt, name);
	return errno == 0 && *out > 0;
}

static bool
text_claim_is(jwt_t *jwt, const char *name, const char *wanted)
{
	const char *value = jwt_get_grant(jwt, name);

	return value != NULL && strcmp(value, wanted) == 0;
}

/* What the signed claims lack; NULL when they hold. */
static const char *
claims_problem(jwt_t *jwt, const struct conf *conf, struct jwt_claims *out)
{
	int64_t now = clock_wall_s(), not_before;

	if (!int_claim(jwt, "exp", &out->expires_s) || !int_claim(jwt, "nbf", &not_before))
		return "exp or nbf missing";
	if (out->expires_s <= now)
		return "expired";
	if (not_before > now + JWT_LEEWAY_S)
		return "not valid yet";
	if (!text_claim_is(jwt, "iss", conf->auth_issuer))
		return "wrong issuer";
	if (!text_claim_is(jwt, "aud", conf->auth_audience))
		return "wrong audience";
	if (!uuid_parse(jwt_get_grant(jwt, "sub"), out->user_id) ||
	    !uuid_parse(jwt_get_grant(jwt, "sid"), out->session_id))
		return "no user or session";
	return NULL;
}

/* The key the header names, if the header is one of ours: the algorithm is
 * looked at before any key is touched, and again after the signature held. */
static const char *
header_problem(struct arena *a, const struct conf *conf, const char *token, struct key *key)
{
	AUTO_JWT jwt_t *jwt = NULL;
	const char *alg, *kid;

	if (jwt_decode(&jwt, token, NULL, 0) != 0)
		return "malformed";
	alg = jwt_get_header(jwt, "alg"); /* jwt_get_alg() says none where no key is given */
	if (alg == NULL || strcmp(alg, "HS256") != 0)
		return "algorithm not allowed";
	kid = jwt_get_header(jwt, "kid");
	if (kid == NULL || !find_key(a, conf, kid, key))
		return "unknown key";
	return NULL;
}

enum status
access_token_check(
    struct arena *a, const struct conf *conf, const char *token, struct jwt_claims *out, const char **why)
{
	AUTO_JWT jwt_t *jwt = NULL;
	struct jwt_claims claims;
	struct key key;

	if (strlen(token) > TOKEN_BYTES_MAX) {
		*why = "too long";
		return E_UNAUTHENTICATED;
	}
	if ((*why = header_problem(a, conf, token, &key)) != NULL)
		return E_UNAUTHENTICATED;
	if (jwt_decode(&jwt, token, key.bytes, (int)key.len) != 0 || jwt_get_alg(jwt) != JWT_ALG_HS256) {
		*why = "signature does not hold";
		return E_UNAUTHENTICATED;
	}
	if ((*why = claims_problem(jwt, conf, &claims)) != NULL)
		return E_UNAUTHENTICATED;
	*out = claims;
	return OK;
}
