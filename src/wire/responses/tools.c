/*
 * The tools of a request.  Functions have names of one kind elsewhere: those of a
 * namespace get its name before theirs, and a custom tool, which is given text, becomes
 * a function of one argument; out.c turns the calls back.  Tools that a provider has of
 * its own are asked for in the client's words, or not at all.
 */
#include <stdio.h>
#include <string.h>

#include "base/crypto.h"
#include "base/memory.h"
#include "wire/openai/openai.h"
#include "wire/responses/responses.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define NAME_BYTES_MAX 64 /* of a function, as OpenAI and Anthropic have it */
#define HASH_HEX 8

const char *
responses_flat_name(struct arena *a, const char *space, const char *name)
{
	const char *flat = arena_printf(a, "%s__%s", space, name);
	unsigned char hash[SHA256_BYTES];
	char hex[2 * SHA256_BYTES + 1];

	if (strlen(flat) <= NAME_BYTES_MAX)
		return flat;
	crypto_sha256(flat, strlen(flat), hash);
	crypto_hex(hash, sizeof(hash), hex);
	return arena_printf(a, "%.*s_%.*s", NAME_BYTES_MAX - HASH_HEX - 1, flat, HASH_HEX, hex);
}

/* ---- the list ------------------------------------------------------------------------- */

struct list {
	struct ask_tool *tools;
	size_t n;
	json_t *names;
};

static bool
add_function(struct reading *r, const json_t *tool, const char *space, struct list *list)
{
	struct ask_tool *out = &list->tools[list->n];

	if (!openai_tool_read(r, tool, out))
		return false;
	if (space != NULL) {
		const char *flat = responses_flat_name(r->a, space, out->name);

		json_object_set_new(list->names, flat, json_pack("{s:s, s:s}", "name", out->name, "namespace", space));
		out->name = flat;
	}
	list->n++;
	return true;
}

/* What it may be given, in words: elsewhere nobody is held to a grammar. */
static const char *
describe_custom(struct reading *r, const json_t *tool, const char *description)
{
	const json_t *format = json_object_get(tool, "format");
	const char *definition = json_string_value(json_object_get(format, "definition"));
	const char *syntax = json_string_value(json_object_get(format, "syntax"));
	struct buf text = BUF_INIT(0);

	if (definition == NULL)
		return description;
	if (description != NULL)
		buf_printf(&text, "%s\n\n", description);
	buf_printf(&text, "The input must match this grammar (%s):\n", syntax == NULL ? "lark" : syntax);
	buf_puts(&text, definition);
	return reading_keep(r, text.data);
}

static bool
add_custom(struct reading *r, const json_t *tool, struct list *list)
{
	struct ask_tool *out = &list->tools[list->n];

	if (!reading_need_string(r, tool, "name", &out->name) ||
	    !reading_string(r, tool, "description", &out->description))
		return false;
	out->description = describe_custom(r, tool, out->description);
	out->parameters = "{\"type\":\"object\",\"properties\":{\"input\":{\"type\":\"string\"}},"
			  "\"required\":[\"input\"],\"additionalProperties\":false}";
	json_object_set_new(list->names, out->name, json_pack("{s:s, s:b}", "name", out->name, "is_custom", true));
	list->n++;
	return true;
}

static bool
add_namespace(struct reading *r, const json_t *tool, struct list *list)
{
	const json_t *tools, *row;
	const char *space, *type;
	size_t i, before;

	if (!reading_need_string(r, tool, "name", &space) || !reading_array(r, tool, "tools", &tools))
		return false;
	json_array_foreach(tools, i, row) {
		before = reading_enter(r, ".tools[%zu]", i);
		if (!json_is_object(row))
			return reading_wrong(r, "", "must be an object");
		if (!reading_need_string(r, row, "type", &type))
			return false;
		if (strcmp(type, "function") == 0 ? !add_function(r, row, space, list)
						  : !reading_own_only(r, "type", "is not supported here"))
			return false;
		reading_leave(r, before);
	}
	return true;
}

/* Codex offers a search of its provider's cache, whatever is asked: answers without it are as good. */
static bool
is_left_out(const json_t *tool)
{
	const char *type = json_string_value(json_object_get(tool, "type"));

	return type != NULL && strcmp(type, "web_search") == 0 &&
	    json_is_false(json_object_get(tool, "external_web_access"));
}

/* Providers charge for each use of these, which no price of a model covers. */
static bool
is_paid(const char *type)
{
	static const char *const types[] = { "web_search", "file_search", "code_interpreter", "image_generation",
		"shell" };

	for (size_t i = 0; i < COUNT(types); i++)
		if (strncmp(type, types[i], strlen(types[i])) == 0)
			return true;
	return false;
}

/* For accounts that are asked in the client's words: all tools but those that are left out. */
static const char *
own_tools(struct reading *r, const json_t *rows)
{
	json_t *kept = json_array(), *row;
	const char *text = NULL;
	size_t i;

	json_array_foreach((json_t *)rows, i, row)
		if (!is_left_out(row))
			json_array_append(kept, row);
	if (json_array_size(kept) < json_array_size(rows))
		text = reading_json(r, kept);
	json_decref(kept);
	return text;
}

static bool
add_tool(struct reading *r, const json_t *tool, struct list *list)
{
	const char *type;

	if (!json_is_object(tool))
		return reading_wrong(r, "", "must be an object");
	if (!reading_need_string(r, tool, "type", &type))
		return false;
	if (strcmp(type, "function") == 0)
		return add_function(r, tool, NULL, list);
	if (strcmp(type, "namespace") == 0)
		return add_namespace(r, tool, list);
	if (strcmp(type, "custom") == 0)
		return add_custom(r, tool, list);
	if (is_left_out(tool))
		return true;
	return is_paid(type) ? reading_unsupported(r, "type", "is not supported: its use has no price here")
			     : reading_own_only(r, "type", "is not supported here: functions are");
}

static bool
read_list(struct reading *r, const json_t *body, json_t *names)
{
	const json_t *rows, *row;
	struct list list = { .names = names };
	size_t i, before, n = 0;

	if (!reading_array(r, body, "tools", &rows))
		return false;
	json_array_foreach(rows, i, row)
		n += 1 + json_array_size(json_object_get(row, "tools"));
	list.tools = reading_keep(r, xcalloc(n + 1, sizeof(*list.tools)));
	json_array_foreach(rows, i, row) {
		before = reading_enter(r, "tools[%zu]", i);
		if (!add_tool(r, row, &list))
			return false;
		reading_leave(r, before);
	}
	r->out->ask.chat.tools = list.tools;
	r->out->ask.chat.n_tools = list.n;
	r->out->ask.own_tools = own_tools(r, rows);
	return true;
}

/* ---- the choice ------------------------------------------------------------------------ */

/* {"type":"function","name":…}; what else may be chosen only its own provider has. */
static bool
read_choice_object(struct reading *r, const json_t *choice)
{
	const char *type, *name, *space;

	if (!reading_need_string(r, choice, "type", &type))
		return false;
	if (strcmp(type, "function") != 0 && strcmp(type, "custom") != 0)
		return reading_own_only(r, "type", "is not supported here: function and custom are");
	if (!reading_need_string(r, choice, "name", &name) || !reading_string(r, choice, "namespace", &space))
		return false;
	r->out->ask.chat.choice = CHOICE_NAMED;
	r->out->ask.chat.choice_name = space == NULL ? name : responses_flat_name(r->a, space, name);
	return true;
}

static bool
read_choice(struct reading *r, const json_t *body)
{
	const json_t *choice = reading_member(body, "tool_choice");
	size_t before;

	if (choice == NULL)
		return true;
	if (json_is_string(choice))
		return openai_choice_word(r, "tool_choice", json_string_value(choice));
	if (!json_is_object(choice))
		return reading_wrong(r, "tool_choice", "must be a string or an object");
	before = reading_enter(r, "tool_choice");
	if (!read_choice_object(r, choice))
		return false;
	reading_leave(r, before);
	return true;
}

bool
responses_tools_read(struct reading *r, const json_t *body, json_t *names)
{
	bool parallel = true;

	if (!read_list(r, body, names) || !read_choice(r, body) ||
	    !reading_bool(r, body, "parallel_tool_calls", &parallel))
		return false;
	r->out->ask.chat.one_call = !parallel;
	return true;
}
