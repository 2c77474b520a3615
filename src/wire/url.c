#include "wire/url.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/* How many bytes are "https://" or "http://"; 0: it begins otherwise, or is that alone. */
static size_t
scheme_length(const char *text)
{
	size_t len = strncasecmp(text, "https://", 8) == 0 ? 8 : strncasecmp(text, "http://", 7) == 0 ? 7 : 0;

	return len == 0 || strchr("/?", text[len]) != NULL ? 0 : len; /* or at its end */
}

bool
url_read(const char *text, struct url *out)
{
	size_t scheme, len;

	if (text == NULL || (scheme = scheme_length(text)) == 0)
		return false;
	for (const char *p = text; *p != '\0'; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f || *p == '#')
			return false;
	len = strcspn(text, "?");
	*out = (struct url){ .base = text, .query = text + len };
	while (text[len - 1] == '/') /* not the scheme's: a host begins behind them */
		len--;
	out->len = len;
	out->path = memchr(text + scheme, '/', len - scheme);
	out->path_len = out->path == NULL ? 0 : len - (size_t)(out->path - text);
	return true;
}

bool
url_ends(const char *at, size_t len, const char *tail)
{
	size_t n = strlen(tail);

	return len >= n && memcmp(at + len - n, tail, n) == 0;
}

static bool
is_version(const char *segment, size_t len)
{
	return len >= 2 && segment[0] == 'v' && isdigit((unsigned char)segment[1]);
}

bool
url_has_version(const struct url *url)
{
	for (size_t i = 0; i < url->path_len; i++)
		if (url->path[i] == '/' && is_version(url->path + i + 1, url->path_len - i - 1))
			return true;
	return false;
}

bool
url_ends_in_version(const struct url *url)
{
	size_t at = url->path_len;

	while (at > 0 && url->path[at - 1] != '/')
		at--;
	return at > 0 && is_version(url->path + at, url->path_len - at);
}

const char *
url_join(struct arena *a, const struct url *url, const char *behind)
{
	return arena_printf(a, "%.*s%s%s", (int)url->len, url->base, behind, url->query);
}
