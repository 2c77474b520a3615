#include "account/ops.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "base/crypto.h"
#include "io/fcgi.h"

bool
ops_is_loopback(const char *address)
{
	struct in6_addr v6;
	struct in_addr v4;

	if (address == NULL)
		return false;
	if (inet_pton(AF_INET, address, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == 127;
	if (inet_pton(AF_INET6, address, &v6) != 1)
		return false;
	return IN6_IS_ADDR_LOOPBACK(&v6) || (IN6_IS_ADDR_V4MAPPED(&v6) && v6.s6_addr[12] == 127);
}

/* A proxy on this host would make the whole world look local: any trace of one
 * takes the trust away. */
static bool
is_forwarded(const struct request *rq)
{
	return request_header(rq, "X-Forwarded-For") != NULL || request_header(rq, "Forwarded") != NULL ||
	    request_header(rq, "X-Real-IP") != NULL || request_header(rq, "Via") != NULL;
}

/* Compares digests, so that neither length nor first difference shows in the time. */
static bool
token_matches(const struct request *rq)
{
	unsigned char given[SHA256_BYTES], wanted[SHA256_BYTES];
	const char *header = request_header(rq, "Authorization");
	const char *token = rq->cx.conf->server_ops_token;

	if (*token == '\0' || header == NULL || strncasecmp(header, "Bearer ", 7) != 0)
		return false;
	crypto_sha256(header + 7, strlen(header + 7), given);
	crypto_sha256(token, strlen(token), wanted);
	return crypto_equal(given, wanted, sizeof(given));
}

enum status
ops_guard(struct request *rq)
{
	const char *peer = rq->conn == NULL ? NULL : fcgi_param(rq->conn, "REMOTE_ADDR");

	if (ops_is_loopback(peer) && !is_forwarded(rq))
		return OK;
	if (token_matches(rq))
		return OK;
	if (*rq->cx.conf->server_ops_token == '\0')
		return fail(&rq->cx, E_FORBIDDEN, "ops route from %s, no ops_token is set", peer == NULL ? "?" : peer);
	return fail(&rq->cx, E_UNAUTHENTICATED, "ops route from %s without the ops_token", peer == NULL ? "?" : peer);
}
