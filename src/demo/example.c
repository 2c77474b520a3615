/* An example of what a schema describes. The contract is in ask.h. */
#include <string.h>

#include "demo/ask.h"

#define DEPTH_MAX 16
#define ITEMS_MAX 64
#define TEXT_MAX 4096
/* A schema that refers to itself could grow without end. */
#define OUT_MAX (1u << 20)

struct example {
	struct buf *out;
	const json_t *root; /* where #/... begins */
};

static void write_value(const struct example *e, const json_t *schema, unsigned depth);

/* What "#/$defs/name" points at. */
static const json_t *
resolve(const json_t *root, const char *ref)
{
	const json_t *at = root;

	if (*ref != '#')
		return NULL;
	for (ref++; at != NULL && *ref == '/';) {
		size_t len = strcspn(ref + 1, "/");
		char name[128];

		if (len >= sizeof name)
			return NULL;
		memcpy(name, ref + 1, len);
		name[len] = '\0';
		at = json_object_get(at, name);
		ref += 1 + len;
	}
	return at;
}

static void
write_dump(struct buf *out, const json_t *value)
{
	char *json = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

	buf_puts(out, json != NULL ? json : "null");
	free(json);
}

static uint32_t
bound(const json_t *schema, const char *name, uint32_t otherwise, uint32_t max)
{
	const json_t *n = json_object_get(schema, name);

	if (!json_is_integer(n) || json_integer_value(n) < 0)
		return otherwise;
	return json_integer_value(n) > max ? max : (uint32_t)json_integer_value(n);
}

static void
write_string(const struct example *e, const json_t *schema)
{
	const char *format = json_string_value(json_object_get(schema, "format"));
	const char *text = "example";
	struct buf padded = BUF_INIT(0);

	if (format != NULL)
		text = strcmp(format, "date") == 0     ? "2026-11-30"
		    : strcmp(format, "date-time") == 0 ? "2026-11-30T12:00:00Z"
		    : strcmp(format, "email") == 0     ? "weir@example.org"
		    : strcmp(format, "uri") == 0       ? "https://example.org/"
						       : text;
	buf_puts(&padded, text);
	while (padded.len < bound(schema, "minLength", 0, TEXT_MAX))
		buf_puts(&padded, "e");
	if (padded.len > bound(schema, "maxLength", TEXT_MAX, TEXT_MAX))
		padded.len = bound(schema, "maxLength", TEXT_MAX, TEXT_MAX);
	buf_json(e->out, buf_str(&padded), padded.len);
	buf_free(&padded);
}

static void
write_number(const struct example *e, const json_t *schema)
{
	const json_t *least = json_object_get(schema, "minimum"), *most = json_object_get(schema, "maximum");

	if (json_is_number(least))
		write_dump(e->out, least);
	else if (json_is_number(most) && json_number_value(most) < 1)
		write_dump(e->out, most);
	else
		buf_puts(e->out, "1");
}

static void
write_array(const struct example *e, const json_t *schema, unsigned depth)
{
	uint32_t count = bound(schema, "minItems", 1, ITEMS_MAX), most = bound(schema, "maxItems", count, ITEMS_MAX);

	count = count == 0 ? 1 : count;
	buf_puts(e->out, "[");
	for (uint32_t i = 0; i < count && i < most; i++) {
		buf_puts(e->out, i > 0 ? "," : "");
		write_value(e, json_object_get(schema, "items"), depth);
	}
	buf_puts(e->out, "]");
}

static void
write_object(const struct example *e, json_t *schema, unsigned depth)
{
	json_t *value, *members = json_object_get(schema, "properties");
	const char *name;
	bool is_first = true;

	buf_puts(e->out, "{");
	json_object_foreach(members, name, value) {
		buf_puts(e->out, is_first ? "" : ",");
		buf_json(e->out, name, strlen(name));
		buf_puts(e->out, ":");
		write_value(e, value, depth);
		is_first = false;
	}
	buf_puts(e->out, "}");
}

static const char *
type_of(const json_t *schema)
{
	const json_t *type = json_object_get(schema, "type");

	if (json_is_array(type))
		type = json_array_get(type, 0);
	if (json_is_string(type))
		return json_string_value(type);
	return json_object_get(schema, "properties") != NULL ? "object" : "string";
}

static void
write_typed(const struct example *e, const json_t *schema, unsigned depth)
{
	const char *type = type_of(schema);

	if (strcasecmp(type, "object") == 0)
		write_object(e, (json_t *)(uintptr_t)schema, depth);
	else if (strcasecmp(type, "array") == 0)
		write_array(e, schema, depth);
	else if (strcasecmp(type, "integer") == 0 || strcasecmp(type, "number") == 0)
		write_number(e, schema);
	else if (strcasecmp(type, "boolean") == 0)
		buf_puts(e->out, "true");
	else if (strcasecmp(type, "null") == 0)
		buf_puts(e->out, "null");
	else
		write_string(e, schema);
}

static void
write_value(const struct example *e, const json_t *schema, unsigned depth)
{
	static const char *const choices[] = { "anyOf", "oneOf", "allOf" };
	const char *ref = json_string_value(json_object_get(schema, "$ref"));
	const json_t *any = json_object_get(schema, "enum"), *only = json_object_get(schema, "const");

	if (depth >= DEPTH_MAX || e->out->len > OUT_MAX || !json_is_object(schema)) {
		buf_puts(e->out, "null");
		return;
	}
	if (ref != NULL) {
		write_value(e, resolve(e->root, ref), depth + 1);
		return;
	}
	if (only != NULL || json_array_size(any) > 0) {
		write_dump(e->out, only != NULL ? only : json_array_get(any, 0));
		return;
	}
	for (size_t i = 0; i < sizeof choices / sizeof choices[0]; i++)
		if (json_array_size(json_object_get(schema, choices[i])) > 0) {
			write_value(e, json_array_get(json_object_get(schema, choices[i]), 0), depth + 1);
			return;
		}
	write_typed(e, schema, depth + 1);
}

void
example_json(struct buf *out, const json_t *schema)
{
	struct example e = { out, schema };

	if (json_object_size(schema) == 0)
		buf_puts(out, "{}");
	else
		write_value(&e, schema, 0);
}
