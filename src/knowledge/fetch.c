#include "knowledge/fetch.h"

#include <string.h>

#include "base/fields.h"
#include "media/ask.h"

#define FETCH_MS 120000
#define HOPS_MAX 4
#define URL_BYTES_MAX 2000
#define NAME_BYTES_MAX 200

/* The last part of its path, decoded; "" where that is no name. */
static const char *
name_of(struct arena *a, const char *url)
{
	const char *path = strstr(url, "://"), *end, *name;

	path = path == NULL ? NULL : strchr(path + 3, '/');
	if (path == NULL)
		return "";
	end = path + strcspn(path, "?#");
	name = end;
	while (name > path && name[-1] != '/')
		name--;
	name = percent_decode(a, name, (size_t)(end - name), false);
	if (name == NULL || strlen(name) > NAME_BYTES_MAX || strchr(name, '/') != NULL)
		return "";
	for (const char *p = name; *p != '\0'; p++)
		if ((unsigned char)*p < ' ')
			return "";
	return name;
}

/* Where a redirection leads; one to a path leads to the same host. */
static const char *
resolve(struct arena *a, const char *url, const char *location)
{
	const char *host = strstr(url, "://");

	if (location == NULL || *location != '/' || host == NULL)
		return location;
	if (location[1] == '/')
		return arena_printf(a, "%.*s%s", (int)(host + 1 - url), url, location);
	host += 3;
	return arena_printf(a, "%.*s%s", (int)(host + strcspn(host, "/?#") - url), url, location);
}

static enum status
result_of(struct context *cx, const struct exchange *e, const struct spool *file)
{
	if (e->was_full)
		return fail(cx, E_STORAGE_FULL, "%s", e->detail);
	if (e->result == HTTP_FORBIDDEN)
		return fail(cx, E_FORBIDDEN, "%s", e->detail);
	if (e->result == HTTP_TOO_LONG)
		return fail(cx, E_TOO_LARGE, "%s", e->detail);
	if (e->result != HTTP_OK || e->http_status != 200 || file->len == 0)
		return fail(cx, E_UPSTREAM_FAILED, "HTTP %d %s", e->http_status, e->detail);
	return OK;
}

enum status
knowledge_fetch(struct context *cx, const struct job *job, const char *url, struct spool *file, const char **filename)
{
	static const char *const headers[] = { "User-Agent: weir", "Accept: */*", NULL };
	struct offer_account *nobody = ARENA_NEW(cx->arena, struct offer_account);
	struct exchange *e = NULL;

	*nobody = (struct offer_account){ .allow_private = cx->conf->knowledge_allow_private };
	for (int hop = 0; hop < HOPS_MAX; hop++) {
		if (url == NULL || !field_is_url(url, URL_BYTES_MAX))
			return fail(cx, E_FORBIDDEN, "that is no address to fetch from");
		e = ARENA_NEW(cx->arena, struct exchange);
		*e = (struct exchange){ .account = nobody,
			.rq = { .method = "GET", .url = url, .headers = headers },
			.total_ms = FETCH_MS,
			.max_bytes = cx->conf->knowledge_max_bytes,
			.file = file,
			.job = job };
		exchange_run(cx, e);
		if (job_stopping(job))
			return fail(cx, E_INTERRUPTED, "the program is stopping");
		if (e->result != HTTP_OK || e->http_status / 100 != 3)
			break;
		url = resolve(cx->arena, url, e->location);
	}
	*filename = name_of(cx->arena, url);
	return result_of(cx, e, file);
}
