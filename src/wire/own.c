#include "wire/own.h"

#include <string.h>

bool
own_words(const struct ask *ask, const char *wire)
{
	return ask->own_wire != NULL && strcmp(ask->own_wire, wire) == 0;
}

/* The names of our wires need no escapes: one that has some may be one of these in
 * disguise, which the provider would take for it. */
static bool
is_one_of(const struct scan_text *name, const char *const *names)
{
	for (; *names != NULL; names++)
		if (scan_is(name, *names))
			return true;
	return name->has_escapes;
}

bool
own_members(struct buf *out, const char *json, size_t len, const char *const *ours)
{
	struct scan_text name;
	const char *value;
	struct scan s;
	bool any = false;

	scan_init(&s, json, len);
	if (!scan_object(&s))
		return false;
	while (scan_member(&s, &name)) {
		value = s.at;
		scan_skip(&s);
		if (is_one_of(&name, ours))
			continue;
		buf_puts(out, any ? ",\"" : "\"");
		buf_add(out, name.at, name.len);
		buf_puts(out, "\":");
		buf_add(out, value, (size_t)(s.at - value));
		any = true;
	}
	return scan_end(&s);
}

bool
own_find(const char *json, size_t len, const char *const *path, struct scan_text *value)
{
	struct scan_text name;
	const char *at;
	struct scan s;

	scan_init(&s, json, len);
	if (!scan_object(&s))
		return false;
	while (scan_member(&s, &name)) {
		at = s.at;
		scan_skip(&s);
		if (!scan_is(&name, path[0]))
			continue;
		while (at < s.at && (*at == ' ' || *at == '\t' || *at == '\r' || *at == '\n'))
			at++;
		*value = (struct scan_text){ at, (size_t)(s.at - at), false };
		return path[1] == NULL || own_find(value->at, value->len, path + 1, value);
	}
	return false;
}

void
own_rename(struct buf *out, const char *json, size_t len, const char *const *path, const char *text)
{
	struct scan_text value;
	size_t from = 0, to = 0;

	if (own_find(json, len, path, &value) && value.len > 0 && *value.at == '"') {
		from = (size_t)(value.at - json);
		to = from + value.len;
		buf_add(out, json, from);
		buf_json(out, text, strlen(text));
	}
	buf_add(out, json + to, len - to);
}
