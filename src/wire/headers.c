#include "wire/headers.h"

#define HEADERS_MAX (HEADERS_LINES_MAX + 6) /* with the NULL */

/* Nothing in a header's value may end its line. */
static bool
is_value(const char *value)
{
	for (; *value != '\0'; value++)
		if ((unsigned char)*value < ' ' || *value == 0x7f)
			return false;
	return true;
}

static bool
add(struct arena *a, const char **headers, size_t *n, const char *before, const char *value)
{
	if (value == NULL || *value == '\0')
		return true;
	if (!is_value(value))
		return false;
	headers[(*n)++] = arena_printf(a, "%s%s", before, value);
	return true;
}

const char *const *
headers_make_as(struct arena *a, const struct wire_target *to, const char *type, const char *accept,
    const char *key_name, const char *const *lines)
{
	const char **headers = ARENA_ARRAY(a, const char *, HEADERS_MAX);
	size_t n = 0;

	headers[n++] = arena_printf(a, "Content-Type: %s", type);
	headers[n++] = arena_printf(a, "Accept: %s", accept);
	for (size_t i = 0; lines != NULL && lines[i] != NULL && i < HEADERS_LINES_MAX; i++)
		headers[n++] = lines[i];
	if (!add(a, headers, &n, key_name, to->api_key) || !add(a, headers, &n, "traceparent: ", to->traceparent) ||
	    !add(a, headers, &n, "X-Weir-Task: ", to->task_id))
		return NULL;
	return headers;
}

const char *const *
headers_make(struct arena *a, const struct wire_target *to, const char *key_name, const char *const *lines)
{
	return headers_make_as(
	    a, to, "application/json", to->stream ? "text/event-stream" : "application/json", key_name, lines);
}
