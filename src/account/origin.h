/*
 * Which pages a request may come from.
 *
 * Browsers name the page that sends a request in the header Origin (RFC 6454 7),
 * and pages cannot change it.  SameSite keeps the refresh cookie from other
 * sites, but not from other hosts of the same site: the routes that take it look
 * at Origin as well.
 */
#ifndef WEIR_ACCOUNT_ORIGIN_H
#define WEIR_ACCOUNT_ORIGIN_H

#include "core/request.h"

/* True when `origin` stands in a space-separated list of origins ("*" is none). */
bool origin_listed(const char *list, const char *origin);
/* True when `url` ("https://host:port/path") belongs to `origin`; case counts in
 * neither scheme nor host, and a default port may be left out. */
bool origin_of_url(const char *origin, const char *url);
/* For routes that take the refresh cookie: OK when there is no Origin (curl,
 * programs), or it is that of conf->server_base_url, one of
 * conf->server_cors_origins, or the host that was asked (an http page only when
 * the request came without TLS, too).  cors_origins = * lets any page in that
 * sends no cookie.  E_FOREIGN_ORIGIN otherwise.  Worker. */
enum status origin_check(struct request *rq, const char *cookie) MUST_CHECK;

#endif
