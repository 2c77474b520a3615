#include "parse/rels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "parse/xml.h"

#define RELS_MAX 20000

struct rel {
	char *id, *type, *target;
};

/* "word/document.xml" and "media/../styles.xml" are word/styles.xml; the caller frees it. */
static char *
resolve(const char *part, const char *target)
{
	const char *slash = strrchr(part, '/');
	char *made, *at, *out;
	size_t folder = *target == '/' || slash == NULL ? 0 : (size_t)(slash - part) + 1;

	target += *target == '/';
	made = xmalloc(folder + strlen(target) + 1);
	memcpy(made, part, folder);
	memcpy(made + folder, target, strlen(target) + 1);
	for (at = out = made; *at != '\0';) { /* without . and .. */
		size_t len = strcspn(at, "/");
		bool more = at[len] == '/';

		if (len == 2 && at[0] == '.' && at[1] == '.') {
			if (out > made)
				for (out--; out > made && out[-1] != '/'; out--)
					;
		} else if (len != 1 || at[0] != '.') {
			memmove(out, at, len + more);
			out += len + more;
		}
		at += len + more;
	}
	*out = '\0';
	return made;
}

/* a/b.xml has a/_rels/b.xml.rels; the caller frees it. */
static char *
rels_part(const char *part)
{
	const char *slash = strrchr(part, '/'), *base = slash == NULL ? part : slash + 1;
	size_t size = strlen(part) + sizeof("_rels/.rels");
	char *made = xmalloc(size);

	snprintf(made, size, "%.*s_rels/%s.rels", (int)(base - part), part, base);
	return made;
}

static void
add(struct rels *r, struct xml *x, const char *part)
{
	struct rel rel;
	const char *mode = xml_attr(x, "TargetMode"), *value;

	if ((mode != NULL && strcmp(mode, "External") == 0) || r->n >= RELS_MAX || xml_attr(x, "Target") == NULL ||
	    xml_attr(x, "Id") == NULL || xml_attr(x, "Type") == NULL)
		return;
	value = xml_attr(x, "Target");
	rel.target = resolve(part, value);
	rel.id = xstrdup(xml_attr(x, "Id"));
	rel.type = xstrdup(xml_attr(x, "Type"));
	if ((r->n & (r->n - 1)) == 0) /* full at each power of two */
		r->items = xrealloc(r->items, (r->n == 0 ? 1 : 2 * r->n) * sizeof(*r->items));
	r->items[r->n++] = rel;
}

void
rels_read(struct rels *r, struct zipbox *z, const char *part)
{
	char *name = rels_part(part);
	enum xml_event e;
	struct xml x;

	*r = (struct rels){ 0 };
	if (xml_open(&x, z, name))
		while ((e = xml_next(&x)) > XML_END)
			if (e == XML_OPEN && xml_is(&x, "Relationship"))
				add(r, &x, part);
	xml_close(&x);
	free(name);
}

void
rels_free(struct rels *r)
{
	for (size_t i = 0; i < r->n; i++) {
		free(r->items[i].id);
		free(r->items[i].type);
		free(r->items[i].target);
	}
	free(r->items);
	*r = (struct rels){ 0 };
}

const char *
rels_by_id(const struct rels *r, const char *id)
{
	for (size_t i = 0; id != NULL && i < r->n; i++)
		if (strcmp(r->items[i].id, id) == 0)
			return r->items[i].target;
	return NULL;
}

static bool
ends(const char *s, const char *end)
{
	size_t len = strlen(s), end_len = strlen(end);

	return len >= end_len && strcmp(s + len - end_len, end) == 0;
}

bool
rels_is(const struct rels *r, const char *id, const char *type_end)
{
	for (size_t i = 0; id != NULL && i < r->n; i++)
		if (strcmp(r->items[i].id, id) == 0)
			return ends(r->items[i].type, type_end);
	return false;
}

const char *
rels_by_type(const struct rels *r, const char *type_end)
{
	for (size_t i = 0; i < r->n; i++)
		if (ends(r->items[i].type, type_end))
			return r->items[i].target;
	return NULL;
}
