#include "core/schemas.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name, *text;
} schemas[] = {
#define SCHEMA(Name, text) { #Name, text },
#include "core/schemas.def"
#undef SCHEMA
};

/* Words of the table that are neither lists, choices nor other schemas. */
static const struct {
	const char *word, *type, *format;
} plain[] = {
	{ "text", "string", NULL },
	{ "id", "string", "uuid" },
	{ "time", "string", "date-time" },
	{ "url", "string", "uri" },
	{ "int", "integer", NULL },
	{ "number", "number", NULL },
	{ "bool", "boolean", NULL },
	{ "object", "object", NULL },
	{ "any", NULL, NULL },
};

/* A piece of the table. */
struct span {
	const char *at;
	size_t len;
};

static bool
is_word(struct span s, const char *word)
{
	return s.len == strlen(word) && memcmp(s.at, word, s.len) == 0;
}

/* Take the last character off when it is `c`. */
static bool
ends(struct span *s, char c)
{
	if (s->len == 0 || s->at[s->len - 1] != c)
		return false;
	s->len--;
	return true;
}

/* The next word of *text, whose length is 0 at its end. */
static struct span
next_word(const char **text)
{
	struct span word;

	*text += strspn(*text, " ");
	word = (struct span){ *text, strcspn(*text, " ") };
	*text += word.len;
	return word;
}

static json_t *
ref(struct span name)
{
	return json_pack("{s:o}", "$ref", json_sprintf("#/components/schemas/%.*s", (int)name.len, name.at));
}

static json_t *
choice_schema(struct span s)
{
	json_t *words = json_array();

	while (s.len > 0) {
		const char *bar = memchr(s.at, '|', s.len);
		size_t n = bar == NULL ? s.len : (size_t)(bar - s.at);

		if (n > 0)
			json_array_append_new(words, json_stringn(s.at, n));
		s.at += n + (bar != NULL);
		s.len -= n + (bar != NULL);
	}
	return json_pack("{s:s, s:o}", "type", "string", "enum", words);
}

static json_t *
plain_schema(struct span s)
{
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		if (is_word(s, plain[i].word))
			return json_pack("{s:s*, s:s*}", "type", plain[i].type, "format", plain[i].format);
	abort(); /* a word that is none: the table is wrong */
}

/* Allow null too. */
static json_t *
or_null(json_t *schema)
{
	json_t *type = json_object_get(schema, "type"), *words = json_object_get(schema, "enum");

	if (type == NULL)
		return json_pack("{s:[o, {s:s}]}", "anyOf", schema, "type", "null");
	json_object_set_new(schema, "type", json_pack("[O, s]", type, "null"));
	if (words != NULL)
		json_array_append_new(words, json_null());
	return schema;
}

static json_t *
type_schema(struct span s)
{
	bool nullable = ends(&s, '?');
	json_t *schema;

	if (s.len > 0 && s.at[0] == '[')
		schema = json_pack(
		    "{s:s, s:o}", "type", "array", "items", type_schema((struct span){ s.at + 1, s.len - 2 }));
	else if (memchr(s.at, '|', s.len) != NULL)
		schema = choice_schema(s);
	else if (s.len > 0 && s.at[0] >= 'A' && s.at[0] <= 'Z')
		schema = ref(s);
	else
		schema = plain_schema(s);
	return nullable ? or_null(schema) : schema;
}

static void
add_member(json_t *members, json_t *required, struct span word)
{
	const char *colon = memchr(word.at, ':', word.len);
	struct span name = { word.at, colon == NULL ? 0 : (size_t)(colon - word.at) };
	struct span type = { word.at + name.len + 1, word.len - name.len - 1 };
	json_t *schema;

	if (colon == NULL)
		abort(); /* the table is wrong */
	schema = type_schema(type);
	if (!ends(&name, '?'))
		json_array_append_new(required, json_stringn(name.at, name.len));
	json_object_setn_new(members, name.at, name.len, schema);
}

static json_t *
object_schema(const char *text)
{
	json_t *members = json_object(), *required = json_array(), *parts = json_array(), *own;
	struct span word;

	while ((word = next_word(&text)).len > 0) {
		if (word.len > 3 && memcmp(word.at, "...", 3) == 0)
			json_array_append_new(parts, ref((struct span){ word.at + 3, word.len - 3 }));
		else
			add_member(members, required, word);
	}
	own = json_pack("{s:s, s:o, s:o}", "type", "object", "required", required, "properties", members);
	if (json_array_size(parts) == 0) {
		json_decref(parts);
		return own;
	}
	if (json_object_size(members) > 0)
		json_array_append(parts, own);
	json_decref(own);
	return json_pack("{s:o}", "allOf", parts);
}

static json_t *
union_schema(const char *text)
{
	json_t *list = json_array();
	struct span word;

	while ((word = next_word(&text)).len > 0)
		json_array_append_new(list, ref(word));
	return json_pack("{s:o}", "oneOf", list);
}

json_t *
schemas_all(void)
{
	json_t *all = json_object();

	for (size_t i = 0; i < sizeof(schemas) / sizeof(schemas[0]); i++) {
		const char *text = schemas[i].text;

		json_object_set_new(all, schemas[i].name, *text == '=' ? union_schema(text + 1) : object_schema(text));
	}
	return all;
}

/* ---- replies ------------------------------------------------------------------ */

static json_t *
content(const char *type, json_t *schema)
{
	return json_pack("{s:{s:o}}", type, "schema", schema);
}

static json_t *
page_schema(struct span item)
{
	return json_pack("{s:s, s:[s, s], s:{s:{s:s, s:o}, s:{s:s}}}", "type", "object", "required", "items",
	    "has_more", "properties", "items", "type", "array", "items", ref(item), "has_more", "type", "boolean");
}

static json_t *
content_of(struct span kind, struct span name)
{
	if (is_word(kind, "page"))
		return content("application/json", page_schema(name));
	if (is_word(kind, "stream"))
		return content("text/event-stream", ref(name));
	if (is_word(kind, "file"))
		return content("*/*", json_pack("{s:s, s:s}", "type", "string", "format", "binary"));
	if (is_word(kind, "words"))
		return content("text/plain", json_pack("{s:s}", "type", "string"));
	return content("application/json", type_schema(kind));
}

json_t *
schemas_reply(const char *reply, char status[4])
{
	struct span code = next_word(&reply), kind = next_word(&reply), name = next_word(&reply);
	json_t *response;

	snprintf(status, 4, "%.*s", (int)code.len, code.at);
	response = json_pack("{s:s}", "description", kind.len == 0 ? "Done; no body." : "Done.");
	if (kind.len > 0)
		json_object_set_new(response, "content", content_of(kind, name));
	return response;
}
