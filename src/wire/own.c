#include "wire/own.h"

#include <string.h>
#include <strings.h>

#define NAME_BYTES_MAX 256 /* of a name of ours with each letter escaped */

bool
own_words(const struct ask *ask, const char *wire)
{
	return ask->own_wire != NULL && strcmp(ask->own_wire, wire) == 0 && ask->shape == 0;
}

/* Is it this name, however it is escaped?  In whatever letters when `any_case`. */
static bool
is_name(const struct scan_text *text, const char *name, bool any_case)
{
	char plain[NAME_BYTES_MAX];
	struct scan_text found = *text;

	if (text->len > sizeof(plain))
		return false;
	if (text->has_escapes)
		found = (struct scan_text){ plain, scan_decode(text, plain), false };
	return found.len == strlen(name) &&
	    (any_case ? strncasecmp(found.at, name, found.len) : memcmp(found.at, name, found.len)) == 0;
}

/* Some providers do not tell "Model" from "model". */
static bool
is_one_of(const struct scan_text *name, const char *const *names)
{
	for (; *names != NULL; names++)
		if (is_name(name, *names, true))
			return true;
	return false;
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
		if (!is_name(&name, path[0], false))
			continue;
		while (at < s.at && (*at == ' ' || *at == '\t' || *at == '\r' || *at == '\n'))
			at++;
		*value = (struct scan_text){ at, (size_t)(s.at - at), false };
		return path[1] == NULL || own_find(value->at, value->len, path + 1, value);
	}
	return false;
}

static bool
says(struct scan *s, const char *member)
{
	struct scan_text name, text;
	bool found = false;

	if (!scan_object(s)) {
		scan_skip(s);
		return false;
	}
	while (scan_member(s, &name))
		if (is_name(&name, member, false) && scan_string(s, &text))
			found |= text.len > 0;
		else
			scan_skip(s);
	return found;
}

bool
own_says(const char *json, size_t len, const char *list, const char *member)
{
	struct scan_text elements;
	bool found = false;
	struct scan s;

	if (!own_find(json, len, (const char *const[]){ list, NULL }, &elements))
		return false;
	scan_init(&s, elements.at, elements.len);
	if (scan_array(&s))
		while (scan_element(&s))
			found |= says(&s, member);
	return found;
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

/* With another value of a member, or one that was not there. */
static bool
put_instead(struct buf *out, const struct buf *json, const char *member, const char *value)
{
	const char *const ours[] = { member, NULL };
	bool ok;

	buf_puts(out, "{");
	ok = own_members(out, json->data, json->len, ours);
	buf_printf(out, "%s\"%s\":", out->len > 1 ? "," : "", member);
	buf_puts(out, value);
	buf_puts(out, "}");
	return ok;
}

char *
own_whole(
    const struct buf *own, const char *model_member, const char *model, const char *usage_member, const char *usage)
{
	struct buf named = BUF_INIT(0), out = BUF_INIT(0);
	size_t len = own->len > 0 && !own->overflow ? strcspn(own->data, "\n") : 0;

	if (len == 0 || len + 1 != own->len)
		return NULL;
	own_rename(&named, own->data, len, (const char *const[]){ model_member, NULL }, model);
	if (usage == NULL)
		return named.data;
	if (!put_instead(&out, &named, usage_member, usage))
		buf_free(&out);
	buf_free(&named);
	return out.data;
}
