#include "push/devices.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>

#include "base/address.h"
#include "base/crypto.h"
#include "base/fields.h"
#include "base/webpush.h"
#include "jobs/queue.h"
#include "push/key.h"

#define HOST_BYTES_MAX 253

/* ---- where to ------------------------------------------------------------------------ */

/* An address that is written out as numbers; names are looked up when something is sent. */
static bool
is_open_host(const char *host, size_t len)
{
	char text[HOST_BYTES_MAX + 1];
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };

	if (len == 0 || len > HOST_BYTES_MAX)
		return false;
	memcpy(text, host, len);
	text[len] = '\0';
	if (strcasecmp(text, "localhost") == 0)
		return false;
	if (inet_pton(AF_INET, text, &in.sin_addr) == 1)
		return address_reach((const struct sockaddr *)(const void *)&in) == REACH_PUBLIC;
	if (inet_pton(AF_INET6, text, &in6.sin6_addr) == 1)
		return address_reach((const struct sockaddr *)(const void *)&in6) == REACH_PUBLIC;
	return true;
}

bool
push_endpoint_fits(const struct conf *conf, const char *url)
{
	const char *host;
	size_t len;

	if (url == NULL || !field_is_url(url, PUSH_ENDPOINT_BYTES_MAX) || (host = strstr(url, "://")) == NULL)
		return false;
	host += 3;
	len = strcspn(host, "/?#");
	if (memchr(host, '@', len) != NULL)
		return false;
	if (conf->push_allow_private)
		return true;
	len = *host == '[' ? strcspn(++host, "]") : strcspn(host, ":/?#");
	return strncasecmp(url, "https://", 8) == 0 && is_open_host(host, len);
}

/* ---- devices ------------------------------------------------------------------------- */

#define DEVICE_JSON(session) \
	"json_build_object('id', s.id, 'current', s.session_id = " session \
	", 'user_agent', s.user_agent, 'created_at', json_time(s.created_at)," \
	" 'last_ok_at', json_time(s.last_ok_at), 'failures', s.failures)"

enum status
push_devices(struct context *cx, json_t **out)
{
	AUTO_ROWS struct rows *rows = NULL;
	const char *key = NULL;
	enum status st = pg_query_again(cx->pg, &rows,
	    "SELECT coalesce(json_agg(" DEVICE_JSON(
		"$2::uuid") " ORDER BY s.id), '[]') AS json FROM push_subscriptions s"
			    " WHERE s.user_id = $1",
	    PS(cx->caller.user_id), PS(cx->caller.session_id));

	if (st != OK)
		return fail(cx, st, "list devices: %s", pg_error(cx->pg));
	if (push_configured(cx->conf) && (st = push_key_public(cx, &key)) != OK)
		return st;
	*out = json_pack(
	    "{s:b, s:s?, s:o}", "is_on", key != NULL, "public_key", key, "items", row_json(rows, 0, "json"));
	return OK;
}

static bool
decoded(struct context *cx, const json_t *in, const char *name, size_t wanted, unsigned char **out)
{
	size_t len = 0;

	return crypto_base64url_decode(cx->arena, field_text(in, name), out, &len) && len == wanted;
}

static enum status
outcome_of(struct context *cx, const char *outcome)
{
	if (strcmp(outcome, "ok") == 0)
		return OK;
	if (strcmp(outcome, "limit") == 0)
		return fail_with(
		    cx, E_TOO_MANY_DEVICES, json_pack("{s:i}", "limit", PUSH_DEVICES_MAX), "as many devices as may be");
	return fail(cx, E_UNAUTHENTICATED, "the session is over");
}

static enum status
find(struct context *cx, const char *id, json_t **out)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query_again(cx->pg, &rows,
	    "SELECT " DEVICE_JSON("$3::uuid") " AS json FROM push_subscriptions s WHERE s.id = $1 AND s.user_id = $2",
	    PS(id), PS(cx->caller.user_id), PS(cx->caller.session_id));

	if (st != OK)
		return fail(cx, st, "read a device: %s", pg_error(cx->pg));
	if (rows_count(rows) == 0)
		return fail(cx, E_NOT_FOUND, "device %s", id);
	*out = row_json(rows, 0, "json");
	return OK;
}

enum status
push_subscribe(struct context *cx, const json_t *in, json_t **out)
{
	AUTO_ROWS struct rows *rows = NULL;
	const char *endpoint = field_text(in, "endpoint");
	unsigned char *p256dh, *auth;
	char id[UUID_LEN];
	enum status st;

	if (!push_configured(cx->conf))
		return fail(cx, E_NOT_FOUND, "[push] contact is not set");
	if (!push_endpoint_fits(cx->conf, endpoint))
		return fail_field(cx, "endpoint", "must be an https address on the open Internet");
	if (!decoded(cx, in, "p256dh", P256_PUBLIC_BYTES, &p256dh) || !p256_is_point(p256dh))
		return fail_field(cx, "p256dh", "must be a point on P-256 as base64url");
	if (!decoded(cx, in, "auth", WEBPUSH_AUTH_BYTES, &auth))
		return fail_field(cx, "auth", "must be 16 bytes as base64url");
	uuid_v7(id);
	st = pg_query(cx->pg, &rows, "SELECT push_subscribe($1, $2, $3, $4, $5, $6, $7, $8) AS outcome", PS(id),
	    PS(cx->caller.user_id), PS(cx->caller.session_id), PS(endpoint), PX(p256dh, P256_PUBLIC_BYTES),
	    PX(auth, WEBPUSH_AUTH_BYTES), PS(cx->user_agent), PI(PUSH_DEVICES_MAX));
	if (st != OK)
		return fail(cx, st, "keep a device: %s", pg_error(cx->pg));
	if ((st = outcome_of(cx, row_text(rows, 0, "outcome"))) != OK)
		return st;
	return find(cx, id, out);
}

enum status
push_unsubscribe(struct context *cx, const char *id)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query(cx->pg, &rows, "DELETE FROM push_subscriptions WHERE id = $1 AND user_id = $2",
	    PS(id), PS(cx->caller.user_id));

	if (st != OK)
		return fail(cx, st, "remove a device: %s", pg_error(cx->pg));
	return rows_affected(rows) > 0 ? OK : fail(cx, E_NOT_FOUND, "device %s", id == NULL ? "" : id);
}

enum status
push_try(struct context *cx)
{
	AUTO_ROWS struct rows *rows = NULL;
	const char *id;
	enum status st = pg_query_again(cx->pg, &rows,
	    "SELECT id FROM push_subscriptions WHERE session_id = $1 AND user_id = $2", PS(cx->caller.session_id),
	    PS(cx->caller.user_id));

	if (st != OK)
		return fail(cx, st, "find a device: %s", pg_error(cx->pg));
	if (rows_count(rows) == 0)
		return fail(cx, E_NOT_FOUND, "this session has no device");
	id = row_text(rows, 0, "id");
	return job_submit(cx,
	    &(struct job_ask){ .kind = "push",
		.payload = json_pack("{s:s, s:s, s:s, s:s}", "device_id", id, "about", "test", "tag", "test", "path",
		    "/settings/notifications"),
		.unique_key = arena_printf(cx->arena, "%s test", id),
		.user_id = cx->caller.user_id },
	    NULL);
}
