#include "account/origin.h"

#include <string.h>
#include <strings.h>

#include "io/fcgi.h"

bool
origin_listed(const char *list, const char *origin)
{
	size_t len = strlen(origin), n;

	for (const char *p = list; *p != '\0'; p += n) {
		p += strspn(p, " \t");
		n = strcspn(p, " \t");
		if (n > 0 && n == len && strncmp(p, origin, n) == 0)
			return true;
	}
	return false;
}

/* The bytes of scheme://host:port at the start of `url`, without a default port;
 * 0 when it is none. */
static size_t
origin_length(const char *url)
{
	bool secure = strncasecmp(url, "https://", 8) == 0;
	const char *port = secure ? ":443" : ":80";
	size_t scheme = secure ? 8 : 7, len, port_len = strlen(port);

	if (!secure && strncasecmp(url, "http://", 7) != 0)
		return 0;
	len = scheme + strcspn(url + scheme, "/?#");
	if (len == scheme)
		return 0;
	if (len > scheme + port_len && strncmp(url + len - port_len, port, port_len) == 0)
		len -= port_len;
	return len;
}

bool
origin_of_url(const char *origin, const char *url)
{
	size_t len = origin_length(url);

	return len > 0 && origin_length(origin) == len && strncasecmp(origin, url, len) == 0;
}

/* The page is of that host.  Behind a TLS terminator we see plain HTTP for an
 * https page; the other way round it is another origin. */
static bool
is_host(struct request *rq, const char *origin, const char *host)
{
	const char *https = fcgi_param(rq->conn, "HTTPS");
	bool tls = https != NULL && *https != '\0' && strcasecmp(https, "off") != 0;

	return origin_of_url(origin, arena_printf(rq->cx.arena, "https://%s", host)) ||
	    (!tls && origin_of_url(origin, arena_printf(rq->cx.arena, "http://%s", host)));
}

/* The page is of the host that was asked.  Some web servers (nginx as Debian
 * has it) leave the port out of Host: then it may be the one they listen on. */
static bool
is_asked_host(struct request *rq, const char *origin)
{
	const char *host = request_header(rq, "Host"), *port = fcgi_param(rq->conn, "SERVER_PORT"), *name_end;

	if (host == NULL)
		return false;
	if (is_host(rq, origin, host))
		return true;
	name_end = *host == '[' ? strchr(host, ']') : host;
	return port != NULL && name_end != NULL && strchr(name_end, ':') == NULL &&
	    is_host(rq, origin, arena_printf(rq->cx.arena, "%s:%s", host, port));
}

enum status
origin_check(struct request *rq, const char *cookie)
{
	const char *origin = request_header(rq, "Origin"), *list = rq->cx.conf->server_cors_origins;

	if (origin == NULL || origin_of_url(origin, rq->cx.conf->server_base_url) || origin_listed(list, origin) ||
	    is_asked_host(rq, origin))
		return OK;
	if (strcmp(list, "*") == 0 && request_cookie(rq, cookie) == NULL)
		return OK;
	return fail(&rq->cx, E_FOREIGN_ORIGIN, "Origin %.200s", origin);
}
