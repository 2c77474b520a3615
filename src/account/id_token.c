#include "account/id_token.h"

#include <string.h>

#include "base/crypto.h"

/* header.payload.signature, taken apart. */
struct parts {
	size_t signed_len; /* of header.payload */
	json_t *header, *payload;
	unsigned char *signature;
	size_t signature_len;
};

static json_t *
part_json(struct arena *a, const char *text, size_t len)
{
	unsigned char *bytes;
	size_t n;

	if (!crypto_base64url_decode(a, arena_strndup(a, text, len), &bytes, &n))
		return NULL;
	return json_loadb((const char *)bytes, n, JSON_REJECT_DUPLICATES, NULL);
}

static bool
take_apart(struct arena *a, const char *token, struct parts *p)
{
	const char *dot, *second;

	*p = (struct parts){ 0 };
	if (strlen(token) > ID_TOKEN_BYTES_MAX || (dot = strchr(token, '.')) == NULL ||
	    (second = strchr(dot + 1, '.')) == NULL || strchr(second + 1, '.') != NULL)
		return false;
	p->signed_len = (size_t)(second - token);
	p->header = part_json(a, token, (size_t)(dot - token));
	p->payload = part_json(a, dot + 1, (size_t)(second - dot - 1));
	return json_is_object(p->header) && json_is_object(p->payload) &&
	    crypto_base64url_decode(a, second + 1, &p->signature, &p->signature_len);
}

static const char *
text_of(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

/* ---- keys -------------------------------------------------------------- */

/* May this key of the set have signed it? */
static bool
key_fits(const json_t *key, const char *alg, const char *kid)
{
	const char *type = text_of(key, "kty"), *use = text_of(key, "use"), *its_alg = text_of(key, "alg"),
		   *id = text_of(key, "kid");

	return type != NULL && strcmp(type, strcmp(alg, "RS256") == 0 ? "RSA" : "EC") == 0 &&
	    (use == NULL || strcmp(use, "sig") == 0) && (its_alg == NULL || strcmp(its_alg, alg) == 0) &&
	    (kid == NULL || (id != NULL && strcmp(id, kid) == 0));
}

/* The key; NULL when there is none, or (without a kid to choose by) more than one. */
static const json_t *
find_key(const json_t *jwks, const char *alg, const char *kid)
{
	const json_t *found = NULL;
	json_t *key;
	size_t i;

	json_array_foreach(json_object_get(jwks, "keys"), i, key) {
		if (!key_fits(key, alg, kid))
			continue;
		if (found != NULL)
			return NULL;
		found = key;
	}
	return found;
}

static struct crypto_number
number_of(struct arena *a, const json_t *key, const char *name)
{
	const char *text = text_of(key, name);
	unsigned char *bytes;
	size_t len;

	if (text == NULL || !crypto_base64url_decode(a, text, &bytes, &len))
		return (struct crypto_number){ NULL, 0 };
	return (struct crypto_number){ bytes, len };
}

static bool
signature_holds(struct arena *a, const char *token, const struct parts *p, const char *alg, const json_t *key)
{
	const char *curve = text_of(key, "crv");

	if (strcmp(alg, "RS256") == 0)
		return crypto_rs256_holds(number_of(a, key, "n"), number_of(a, key, "e"), token, p->signed_len,
		    p->signature, p->signature_len);
	return curve != NULL && strcmp(curve, "P-256") == 0 &&
	    crypto_es256_holds(
		number_of(a, key, "x"), number_of(a, key, "y"), token, p->signed_len, p->signature, p->signature_len);
}

/* ---- claims ------------------------------------------------------------ */

static bool
is_for(const json_t *aud, const char *client_id, size_t *count)
{
	bool found = false;
	json_t *one;
	size_t i;

	*count = 1;
	if (json_is_string(aud))
		return strcmp(json_string_value(aud), client_id) == 0;
	*count = json_array_size(aud);
	json_array_foreach(aud, i, one)
		found = found || (json_is_string(one) && strcmp(json_string_value(one), client_id) == 0);
	return found;
}

static bool
same(const char *a, const char *b)
{
	return a != NULL && strlen(a) == strlen(b) && crypto_equal(a, b, strlen(b));
}

/* What does not hold of times; a number that is none is missing. */
static const char *
times_problem(const json_t *payload, int64_t now_s)
{
	const json_t *exp = json_object_get(payload, "exp"), *iat = json_object_get(payload, "iat"),
		     *nbf = json_object_get(payload, "nbf");

	if (!json_is_number(exp) || !json_is_number(iat))
		return "exp or iat missing";
	if (json_number_value(exp) <= (double)now_s)
		return "expired";
	if (json_number_value(iat) > (double)(now_s + ID_LEEWAY_S) ||
	    (nbf != NULL && (!json_is_number(nbf) || json_number_value(nbf) > (double)(now_s + ID_LEEWAY_S))))
		return "not valid yet";
	return NULL;
}

static const char *
claims_problem(const json_t *payload, const struct id_expected *x)
{
	const char *azp = text_of(payload, "azp"), *subject = text_of(payload, "sub");
	size_t audiences;

	if (!same(text_of(payload, "iss"), x->issuer))
		return "wrong issuer";
	if (!is_for(json_object_get(payload, "aud"), x->client_id, &audiences))
		return "wrong audience";
	if ((audiences > 1 || json_object_get(payload, "azp") != NULL) && !same(azp, x->client_id))
		return "wrong authorized party";
	if (!same(text_of(payload, "nonce"), x->nonce))
		return "wrong nonce";
	if (subject == NULL || *subject == '\0' || strlen(subject) > ID_SUBJECT_MAX)
		return "no subject";
	return times_problem(payload, x->now_s);
}

static const char *
kept_text(struct arena *a, const json_t *payload, const char *name)
{
	const char *text = text_of(payload, name);

	return text == NULL || *text == '\0' ? NULL : arena_strdup(a, text);
}

static enum id_check
check(struct arena *a, const char *token, const struct parts *p, const json_t *jwks, const struct id_expected *x,
    struct id_claims *out, const char **why)
{
	const json_t *verified = json_object_get(p->payload, "email_verified"), *key;
	const char *alg = text_of(p->header, "alg");

	/* before any key is touched; "crit" names what would have to be understood (RFC 7515 4.1.11) */
	*why = "algorithm not allowed";
	if (alg == NULL || (strcmp(alg, "RS256") != 0 && strcmp(alg, "ES256") != 0) ||
	    json_object_get(p->header, "crit") != NULL)
		return ID_REFUSED;
	*why = "unknown key";
	if ((key = find_key(jwks, alg, text_of(p->header, "kid"))) == NULL)
		return ID_UNKNOWN_KEY;
	*why = "signature does not hold";
	if (!signature_holds(a, token, p, alg, key))
		return ID_REFUSED;
	if ((*why = claims_problem(p->payload, x)) != NULL)
		return ID_REFUSED;
	*out = (struct id_claims){
		.subject = kept_text(a, p->payload, "sub"),
		.email = kept_text(a, p->payload, "email"),
		.name = kept_text(a, p->payload, "name"),
		.email_verified = json_is_true(verified) ||
		    (json_is_string(verified) && strcmp(json_string_value(verified), "true") == 0),
	};
	return ID_HOLDS;
}

enum id_check
id_token_check(struct arena *a, const char *token, const json_t *jwks, const struct id_expected *x,
    struct id_claims *out, const char **why)
{
	enum id_check result = ID_REFUSED;
	struct parts p;

	*why = "malformed";
	if (take_apart(a, token, &p))
		result = check(a, token, &p, jwks, x, out, why);
	json_decref(p.header);
	json_decref(p.payload);
	return result;
}
