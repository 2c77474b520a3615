#include "wire/override.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "wire/own.h"

#define NAME_BYTES_MAX 128
#define VALUE_BYTES_MAX 4096

/* ---- what may be said ----------------------------------------------------------- */

static bool
is_one_of(const char *name, const char *const *names)
{
	for (; *names != NULL; names++)
		if (strcasecmp(name, *names) == 0)
			return true;
	return false;
}

/* RFC 9110 5.6.2: a token. */
static bool
is_token(const char *name)
{
	size_t len = strlen(name);

	return len > 0 && len <= NAME_BYTES_MAX &&
	    strspn(name, "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == len;
}

static bool
is_value(const char *value)
{
	if (strlen(value) > VALUE_BYTES_MAX)
		return false;
	for (; *value != '\0'; value++)
		if ((unsigned char)*value < ' ' || *value == 0x7f)
			return false;
	return true;
}

static const char *
refuse_header(const char *name, const json_t *value)
{
	static const char *const framing[] = { "host", "connection", "content-length", "content-type",
		"transfer-encoding", "te", "trailer", "upgrade", "expect", "keep-alive", NULL };
	static const char *const keys[] = { "authorization", "proxy-authorization", "x-api-key", "x-goog-api-key",
		"api-key", "cookie", NULL };

	if (!is_token(name))
		return "has a name that no header can have";
	if (is_one_of(name, framing))
		return "must leave the framing of the request alone";
	if (is_one_of(name, keys))
		return "is no place for secrets: add them as keys";
	if (!json_is_null(value) && (!json_is_string(value) || !is_value(json_string_value(value))))
		return "must hold a text of one line, or null";
	return NULL;
}

const char *
override_refuse(const json_t *headers, const json_t *members)
{
	static const char *const ours[] = { "model", "stream", "stream_options", "messages", "input", "prompt",
		"contents", NULL };
	const char *name, *why;
	json_t *value;

	if (json_object_size(headers) > OVERRIDE_MAX || json_object_size(members) > OVERRIDE_MAX)
		return "has too many members";
	json_object_foreach((json_t *)headers, name, value)
		if ((why = refuse_header(name, value)) != NULL)
			return why;
	json_object_foreach((json_t *)members, name, value) {
		if (*name == '\0' || strlen(name) > NAME_BYTES_MAX)
			return "has a name that is empty or too long";
		if (is_one_of(name, ours))
			return "must not name model, stream, stream_options or what is said (messages, input, prompt, contents)";
	}
	return NULL;
}

/* ---- reading -------------------------------------------------------------------- */

static const struct override_header *
read_headers(struct arena *a, const json_t *headers)
{
	struct override_header *out = ARENA_ARRAY(a, struct override_header, json_object_size(headers) + 1);
	const char *name;
	json_t *value;
	size_t n = 0;

	json_object_foreach((json_t *)headers, name, value)
		out[n++] = (struct override_header){ arena_strdup(a, name), arena_strdup(a, json_string_value(value)) };
	return n > 0 ? out : NULL;
}

/* One that is set, behind those before it. */
static void
add_member(struct buf *out, const char *name, const json_t *value)
{
	char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));

	buf_puts(out, out->len > 0 ? "," : "");
	buf_json(out, name, strlen(name));
	buf_puts(out, ":");
	buf_puts(out, text);
	free(text);
}

static void
read_members(struct arena *a, const json_t *members, struct override *o)
{
	const char **names = ARENA_ARRAY(a, const char *, json_object_size(members) + 1), *name;
	struct buf text = BUF_INIT(0);
	json_t *value;
	size_t n = 0;

	json_object_foreach((json_t *)members, name, value) {
		names[n++] = arena_strdup(a, name);
		if (!json_is_null(value))
			add_member(&text, name, value);
	}
	o->names = n > 0 ? names : NULL;
	o->members = arena_strndup(a, buf_str(&text), text.len);
	o->members_len = text.len;
	buf_free(&text);
}

const struct override *
override_read(struct arena *a, const json_t *headers, const json_t *members)
{
	struct override *o;

	if (json_object_size(headers) == 0 && json_object_size(members) == 0)
		return NULL;
	o = ARENA_NEW(a, struct override);
	o->headers = read_headers(a, headers);
	read_members(a, members, o);
	return o;
}

/* ---- saying ---------------------------------------------------------------------- */

static bool
is_overridden(const struct override *o, const char *line)
{
	size_t len = strcspn(line, ":");

	for (const struct override_header *h = o->headers; h->name != NULL; h++)
		if (strlen(h->name) == len && strncasecmp(h->name, line, len) == 0)
			return true;
	return false;
}

const char *const *
override_headers(struct arena *a, const struct override *o, const char *const *lines)
{
	size_t n = OVERRIDE_MAX + 1, i = 0;
	const char **out;

	if (o == NULL || o->headers == NULL)
		return lines;
	while (lines[i] != NULL)
		i++;
	out = ARENA_ARRAY(a, const char *, n + i);
	n = 0;
	for (; *lines != NULL; lines++)
		if (!is_overridden(o, *lines))
			out[n++] = *lines;
	for (const struct override_header *h = o->headers; h->name != NULL; h++)
		if (h->value != NULL)
			out[n++] = arena_printf(a, "%s: %s", h->name, h->value);
	return out;
}

bool
override_body(struct arena *a, const struct override *o, const char **body, size_t *len)
{
	struct buf out = BUF_INIT(0);
	size_t before;

	if (o == NULL || o->names == NULL)
		return true;
	buf_puts(&out, "{");
	before = out.len;
	if (!own_members(&out, *body, *len, o->names)) {
		buf_free(&out);
		return false;
	}
	if (out.len > before && o->members_len > 0)
		buf_puts(&out, ",");
	buf_add(&out, o->members, o->members_len);
	buf_puts(&out, "}");
	arena_cleanup(a, free, out.data); /* not copied: it may be larger than the arena's cap */
	*body = out.data;
	*len = out.len;
	return true;
}
