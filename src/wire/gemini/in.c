/*
 * What a client of the Gemini API asks, in neutral words: the inverse of ask.c.
 *
 * The API is protobuf's JSON (protobuf.dev/programming-guides/json): members may be
 * named in snake_case too, numbers of 64 bits may be texts, and null is nothing.
 * Where a list is expected, one of its elements alone will do.
 *
 * Source: ai.google.dev/api/generate-content, ai.google.dev/api/caching (Content,
 * Part, Tool, ToolConfig, Schema) and ai.google.dev/gemini-api/docs/thinking.
 */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "base/utf8.h"
#include "wire/gemini/gemini.h"

#define NAME_BYTES 64
#define PARTS_MAX 65536 /* of all contents */
#define OPEN_MAX 256	/* calls of one turn whose results are told apart without ids */

/* A call of the model's last turn. */
struct open_call {
	const char *id, *name;
	bool is_answered;
};

/* What was malloc'ed for the question: with files in it, more than an arena may hold. */
struct kept {
	void **list;
	size_t n, room;
};

struct reader {
	struct kept *kept;
	struct dialect_problem *problem;
	size_t n_parts, n_calls; /* so far */
	struct open_call open[OPEN_MAX];
	size_t n_open;
	bool is_open; /* the last turn was the model's */
};

/* ---- reading JSON ------------------------------------------------------------ */

static void
free_kept(void *arg)
{
	struct kept *kept = arg;

	for (size_t i = 0; i < kept->n; i++)
		free(kept->list[i]);
	free(kept->list);
}

/* It lives as long as the arena. */
static void *
keep(struct reader *r, void *memory)
{
	struct kept *kept = r->kept;

	if (kept->n == kept->room) {
		kept->room = kept->room * 2 + 16;
		kept->list = xrealloc(kept->list, kept->room * sizeof(*kept->list));
	}
	kept->list[kept->n++] = memory;
	return memory;
}

static enum status wrong(struct reader *r, const char *text, const char *field, ...) PRINTF_LIKE(3, 4);

static enum status
wrong(struct reader *r, const char *text, const char *field, ...)
{
	char *at = r->problem->field;
	va_list ap;

	va_start(ap, field);
	vsnprintf(at, sizeof(r->problem->field), field, ap);
	va_end(ap);
	at[strlen(at) - utf8_tail(at, strlen(at))] = '\0'; /* the client's own name may be cut */
	snprintf(r->problem->text, sizeof(r->problem->text), "%s", text);
	return E_INVALID_REQUEST;
}

static void
to_snake_case(const char *name, char snake[static NAME_BYTES])
{
	size_t n = 0;

	for (; *name != '\0' && n + 2 < NAME_BYTES; name++) {
		if (isupper((unsigned char)*name))
			snake[n++] = '_';
		snake[n++] = (char)tolower((unsigned char)*name);
	}
	snake[n] = '\0';
}

/* A member by its name in camelCase, or by that in snake_case; NULL when it is null. */
static const json_t *
get(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);
	char snake[NAME_BYTES];

	if (value == NULL || json_is_null(value)) {
		to_snake_case(name, snake);
		value = json_object_get(object, snake);
	}
	return json_is_null(value) ? NULL : value;
}

/* Is a member there in both ways of writing?  Who is asked may take the one that was not read. */
static enum status
check_twins(struct reader *r, const json_t *object)
{
	char snake[NAME_BYTES];
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)object, name, value) {
		to_snake_case(name, snake);
		if (strcmp(snake, name) != 0 && json_object_get(object, snake) != NULL)
			return wrong(r, "is there twice", "%s", name);
	}
	return OK;
}

/* NULL when it is no text, or an empty one. */
static const char *
get_text(const json_t *object, const char *name)
{
	const char *text = json_string_value(get(object, name));

	return text == NULL || *text == '\0' ? NULL : text;
}

/* A list, or the one element of it. */
static size_t
list_size(const json_t *list)
{
	return json_is_array(list) ? json_array_size(list) : list == NULL ? 0 : 1;
}

static const json_t *
list_at(const json_t *list, size_t i)
{
	return json_is_array(list) ? json_array_get(list, i) : list;
}

/* A number, or a text that is one; *out stays when there is none. */
static enum status
get_number(struct reader *r, const json_t *object, const char *name, double max, double *out)
{
	const json_t *value = get(object, name);
	const char *text = json_string_value(value);
	char *end = NULL;
	double n;

	if (value == NULL)
		return OK;
	n = text != NULL ? strtod(text, &end) : json_number_value(value);
	if (text != NULL ? *text == '\0' || *end != '\0' : !json_is_number(value))
		return wrong(r, "is not a number", "generationConfig.%s", name);
	if (!(n >= 0 && n <= max))
		return wrong(r, "is out of range", "generationConfig.%s", name);
	*out = n;
	return OK;
}

/* An integer, also one that is written as a fraction or as a text. */
static bool
is_integer(const json_t *value, int64_t *out)
{
	const char *text = json_string_value(value);
	double real = json_real_value(value);
	char *end;

	if (json_is_integer(value)) {
		*out = json_integer_value(value);
		return true;
	}
	if (text != NULL) {
		errno = 0;
		*out = strtoll(text, &end, 10);
		return *text != '\0' && *end == '\0' && errno == 0;
	}
	if (!json_is_real(value) || real < INT32_MIN || real > INT32_MAX)
		return false;
	*out = (int64_t)real;
	return (double)*out == real;
}

static enum status
get_integer(struct reader *r, const json_t *object, const char *where, const char *name, int64_t min, int64_t *out)
{
	const json_t *value = get(object, name);
	int64_t n;

	if (value == NULL)
		return OK;
	if (!is_integer(value, &n))
		return wrong(r, "is not an integer", "%s.%s", where, name);
	if (n < min || n > INT32_MAX)
		return wrong(r, "is out of range", "%s.%s", where, name);
	*out = n;
	return OK;
}

/* ---- schemas ----------------------------------------------------------------- */

static void lower_schema(json_t *schema);

static void
lower_each(json_t *schemas)
{
	json_t *schema;
	const char *name;
	size_t i;

	json_object_foreach(schemas, name, schema)
		lower_schema(schema);
	json_array_foreach(schemas, i, schema)
		lower_schema(schema);
}

/* "STRING" is "string" everywhere else, and what may be null is of two types. */
static void
lower_type(json_t *schema)
{
	const char *type = json_string_value(json_object_get(schema, "type"));
	bool may_be_null = json_is_true(json_object_get(schema, "nullable"));
	char lower[NAME_BYTES];
	size_t n = 0;

	if (type == NULL)
		return;
	for (; type[n] != '\0' && n < sizeof(lower) - 1; n++)
		lower[n] = (char)tolower((unsigned char)type[n]);
	lower[n] = '\0';
	json_object_del(schema, "nullable");
	if (strcmp(lower, "type_unspecified") == 0)
		json_object_del(schema, "type");
	else if (may_be_null)
		json_object_set_new(schema, "type", json_pack("[s, s]", lower, "null"));
	else
		json_object_set_new(schema, "type", json_string(lower));
}

/* Google's Schema, which is OpenAPI's with types in capitals and limits as texts, as
 * a JSON Schema.  As deep as jansson reads. */
static void
lower_schema(json_t *schema)
{
	static const char *const limits[] = { "minItems", "maxItems", "minLength", "maxLength", "minProperties",
		"maxProperties" };
	static const char *const nested[] = { "properties", "anyOf", "prefixItems", "$defs" };

	if (!json_is_object(schema))
		return;
	lower_type(schema);
	json_object_del(schema, "propertyOrdering");
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		const char *text = json_string_value(json_object_get(schema, limits[i]));

		if (text != NULL)
			json_object_set_new(schema, limits[i], json_integer(strtoll(text, NULL, 10)));
	}
	for (size_t i = 0; i < sizeof(nested) / sizeof(nested[0]); i++)
		lower_each(json_object_get(schema, nested[i]));
	lower_schema(json_object_get(schema, "items"));
	lower_schema(json_object_get(schema, "additionalProperties"));
}

/* As text: `any` is a JSON Schema already, `own` one of Google's.  NULL: neither is there. */
static const char *
schema_text(struct reader *r, const json_t *any, const json_t *own)
{
	json_t *copy = json_deep_copy(json_is_object(any) ? any : own);
	char *text;

	if (!json_is_object(copy)) {
		json_decref(copy);
		return NULL;
	}
	if (!json_is_object(any))
		lower_schema(copy);
	text = json_dumps(copy, JSON_COMPACT);
	json_decref(copy);
	return keep(r, text);
}

/* ---- parts ------------------------------------------------------------------- */

/* The seal of a part; what only says that there is none, as gemini-cli does, is none. */
static const char *
seal_of(const json_t *part)
{
	const char *seal = get_text(part, "thoughtSignature");

	return seal != NULL && strcmp(seal, GEMINI_ANY_SEAL) != 0 ? seal : NULL;
}

static enum ask_part_kind
kind_of(const char *type)
{
	if (type != NULL && strncmp(type, "video/", 6) == 0)
		return ASK_VIDEO;
	if (type != NULL && strncmp(type, "audio/", 6) == 0)
		return ASK_AUDIO;
	if (type != NULL && strncmp(type, "image/", 6) == 0)
		return ASK_IMAGE;
	return ASK_FILE;
}

/* data:TYPE;base64,… of a blob; the letters of base64url become those of base64. */
static const char *
data_url(struct reader *r, const char *type, const char *data)
{
	size_t len = strlen("data:;base64,") + strlen(type) + strlen(data) + 1;
	char *url = keep(r, xmalloc(len));

	snprintf(url, len, "data:%s;base64,%s", type, data);
	for (char *p = url + len - 1 - strlen(data); *p != '\0'; p++)
		*p = *p == '-' ? '+' : *p == '_' ? '/' : *p;
	return url;
}

static enum status
read_blob(struct reader *r, const json_t *blob, const char *where, struct ask_part *out)
{
	const char *type = get_text(blob, "mimeType"), *data = get_text(blob, "data");

	if (data == NULL || type == NULL || strpbrk(type, ",;") != NULL)
		return wrong(r, "has no mimeType and data", "%s.inlineData", where);
	out->kind = kind_of(type);
	out->name = get_text(blob, "displayName");
	out->url = data_url(r, type, data);
	return OK;
}

static enum status
read_file(struct reader *r, const json_t *file, const char *where, struct ask_part *out)
{
	out->url = get_text(file, "fileUri");
	out->name = get_text(file, "displayName");
	out->kind = kind_of(get_text(file, "mimeType"));
	return out->url != NULL ? OK : wrong(r, "has no fileUri", "%s.fileData", where);
}

static const char *
mint_id(struct reader *r, size_t number)
{
	char *id = keep(r, xmalloc(NAME_BYTES));

	snprintf(id, NAME_BYTES, "call_%zu", number);
	return id;
}

/* Results that name no id go to the first call of that name which has none yet. */
static const char *
match_call(struct reader *r, const char *id, const char *name)
{
	for (size_t i = 0; i < r->n_open; i++) {
		struct open_call *c = &r->open[i];

		if (c->is_answered || (id != NULL ? strcmp(c->id, id) != 0 : strcmp(c->name, name) != 0))
			continue;
		c->is_answered = true;
		return c->id;
	}
	return id != NULL ? id : mint_id(r, r->n_calls++);
}

static enum status
read_call(struct reader *r, const json_t *call, const char *where, struct ask_part *out)
{
	const json_t *args = get(call, "args");

	out->kind = ASK_CALL;
	out->id = get_text(call, "id");
	out->name = get_text(call, "name");
	if (out->name == NULL)
		return wrong(r, "has no name", "%s.functionCall", where);
	if (args != NULL && !json_is_object(args))
		return wrong(r, "is not an object", "%s.functionCall.args", where);
	if (out->id == NULL)
		out->id = mint_id(r, r->n_calls);
	r->n_calls++;
	out->text = args == NULL ? "{}" : keep(r, json_dumps(args, JSON_COMPACT));
	if (r->n_open < OPEN_MAX)
		r->open[r->n_open++] = (struct open_call){ out->id, out->name, false };
	return OK;
}

/* {"output":…} or {"error":…} holds the result; otherwise all of it is. */
static const char *
result_text(struct reader *r, const json_t *response, bool *is_error)
{
	const json_t *value = response;

	*is_error = false;
	if (json_object_size(response) == 1) {
		*is_error = json_object_get(response, "error") != NULL;
		value = json_object_get(response, *is_error ? "error" : "output");
		if (value == NULL)
			value = response;
	}
	if (value == NULL)
		return "";
	return json_is_string(value) ? json_string_value(value)
				     : keep(r, json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY));
}

static enum status
read_result(struct reader *r, const json_t *result, const char *where, struct ask_part *out)
{
	out->kind = ASK_RESULT;
	out->name = get_text(result, "name");
	if (out->name == NULL)
		return wrong(r, "has no name", "%s.functionResponse", where);
	out->id = match_call(r, get_text(result, "id"), out->name);
	out->text = result_text(r, get(result, "response"), &out->is_error);
	return OK;
}

/* A part of a result may be a file; that follows it as a part of its own. */
static enum status
read_result_files(struct reader *r, const json_t *result, const char *where, struct ask_message *m)
{
	const json_t *parts = get(result, "parts");
	enum status st = OK;

	for (size_t i = 0; i < list_size(parts) && st == OK; i++) {
		const json_t *blob = get(list_at(parts, i), "inlineData");

		if (blob != NULL)
			st = read_blob(r, blob, where, &m->parts[m->n_parts++]);
	}
	return st;
}

static bool
is_thought(const json_t *part)
{
	return json_is_true(get(part, "thought"));
}

/* What the model thought comes back in the pieces it was told in: one up to its seal. */
static size_t
read_thoughts(struct reader *r, const json_t *parts, size_t i, struct ask_part *out)
{
	struct buf text = BUF_INIT(0);

	*out = (struct ask_part){ .kind = ASK_THINKING };
	for (; i < list_size(parts) && is_thought(list_at(parts, i)) && out->signature == NULL; i++) {
		const char *piece = get_text(list_at(parts, i), "text");

		buf_puts(&text, piece == NULL ? "" : piece);
		out->signature = seal_of(list_at(parts, i));
	}
	out->text = text.data == NULL ? "" : keep(r, text.data);
	return i;
}

/* A part without anything in it may still carry a seal. */
static enum status
read_part(struct reader *r, const json_t *part, const char *where, struct ask_message *m)
{
	struct ask_part *out = &m->parts[m->n_parts++];
	const json_t *value;

	*out = (struct ask_part){ .kind = ASK_TEXT, .text = "", .signature = seal_of(part) };
	if (!json_is_object(part))
		return wrong(r, "is not an object", "%s", where);
	if ((value = get(part, "functionCall")) != NULL)
		return read_call(r, value, where, out);
	if ((value = get(part, "functionResponse")) != NULL) {
		enum status st = read_result(r, value, where, out);

		return st == OK ? read_result_files(r, value, where, m) : st;
	}
	if ((value = get(part, "inlineData")) != NULL)
		return read_blob(r, value, where, out);
	if ((value = get(part, "fileData")) != NULL)
		return read_file(r, value, where, out);
	if (get(part, "executableCode") != NULL || get(part, "codeExecutionResult") != NULL)
		return wrong(r, "holds code that was executed, which is not supported", "%s", where);
	if ((value = get(part, "text")) != NULL && !json_is_string(value))
		return wrong(r, "is not a text", "%s.text", where);
	if (value != NULL)
		out->text = json_string_value(value);
	return OK;
}

/* ---- contents ---------------------------------------------------------------- */

/* Room for a content's parts, and for the files in its results. */
static enum status
make_room(struct reader *r, const json_t *parts, const char *where, struct ask_message *m)
{
	size_t n = list_size(parts);

	for (size_t i = 0; i < list_size(parts); i++)
		n += list_size(get(get(list_at(parts, i), "functionResponse"), "parts"));
	r->n_parts += n + 1;
	if (r->n_parts > PARTS_MAX)
		return wrong(r, "is one part too many", "%s", where);
	m->parts = keep(r, xcalloc(n + 1, sizeof(*m->parts)));
	return OK;
}

/* NULL for a role nobody has. */
static const char *
role_of(const json_t *content)
{
	const char *role = get_text(content, "role");

	if (role == NULL || strcmp(role, "user") == 0 || strcmp(role, "function") == 0)
		return "user";
	return strcmp(role, "model") == 0 ? "assistant" : strcmp(role, "system") == 0 ? "system" : NULL;
}

static enum status
read_parts(struct reader *r, const json_t *content, const char *where, struct ask_message *m)
{
	const json_t *parts = get(content, "parts");
	enum status st = make_room(r, parts, where, m);
	char place[NAME_BYTES];

	for (size_t i = 0; i < list_size(parts) && st == OK;) {
		if (is_thought(list_at(parts, i))) {
			i = read_thoughts(r, parts, i, &m->parts[m->n_parts++]);
			continue;
		}
		snprintf(place, sizeof(place), "%s.parts[%zu]", where, i);
		st = read_part(r, list_at(parts, i++), place, m);
	}
	return st;
}

static enum status
read_content(struct reader *r, const json_t *content, const char *where, struct ask_message *m)
{
	bool is_model;

	if (!json_is_object(content))
		return wrong(r, "is not an object", "%s", where);
	m->role = role_of(content);
	if (m->role == NULL)
		return wrong(r, "is neither \"user\" nor \"model\"", "%s.role", where);
	is_model = strcmp(m->role, "assistant") == 0;
	if (is_model && !r->is_open) /* a new turn; clients may keep it in many pieces */
		r->n_open = 0;
	r->is_open = is_model;
	return read_parts(r, content, where, m);
}

/* Also {"parts":…} without a role, a part alone, or a text. */
static enum status
read_system(struct reader *r, const json_t *system, struct ask_message *m)
{
	m->role = "system";
	if (get(system, "parts") != NULL)
		return read_parts(r, system, "systemInstruction", m);
	m->parts = keep(r, xcalloc(1, sizeof(*m->parts)));
	m->n_parts = 1;
	m->parts[0].text = json_is_string(system) ? json_string_value(system) : get_text(system, "text");
	return m->parts[0].text != NULL ? OK : wrong(r, "has no parts", "systemInstruction");
}

static enum status
read_contents(struct reader *r, const json_t *body, struct ask_chat *chat)
{
	const json_t *contents = get(body, "contents"), *system = get(body, "systemInstruction");
	size_t n = list_size(contents), n_system = system == NULL ? 0 : 1;
	struct ask_message *messages;
	char where[NAME_BYTES];
	enum status st = OK;

	if (n == 0)
		return wrong(r, "is empty", "contents");
	if (n > PARTS_MAX)
		return wrong(r, "has too many elements", "contents");
	messages = keep(r, xcalloc(n + n_system, sizeof(*messages)));
	if (system != NULL)
		st = read_system(r, system, &messages[0]);
	for (size_t i = 0; i < n && st == OK; i++) {
		snprintf(where, sizeof(where), "contents[%zu]", i);
		st = read_content(r, list_at(contents, i), where, &messages[n_system + i]);
	}
	chat->messages = messages;
	chat->n_messages = n_system + n;
	return st;
}

/* ---- tools ------------------------------------------------------------------- */

/* Only functions; what Google itself would do for the model nobody else can. */
static enum status
check_tool(struct reader *r, const json_t *tool, size_t i)
{
	const char *name;
	json_t *value;

	if (!json_is_object(tool))
		return wrong(r, "is not an object", "tools[%zu]", i);
	json_object_foreach((json_t *)tool, name, value) {
		if (strcmp(name, "functionDeclarations") != 0 && strcmp(name, "function_declarations") != 0 &&
		    !json_is_null(value))
			return wrong(r, "is not supported", "tools[%zu].%s", i, name);
	}
	return OK;
}

static enum status
read_function(struct reader *r, const json_t *function, size_t i, struct ask_tool *out)
{
	*out = (struct ask_tool){ .name = get_text(function, "name"),
		.description = get_text(function, "description"),
		.parameters = schema_text(r, get(function, "parametersJsonSchema"), get(function, "parameters")) };
	return out->name != NULL ? OK : wrong(r, "has a function without a name", "tools[%zu]", i);
}

static enum status
read_tools(struct reader *r, const json_t *body, struct ask_chat *chat)
{
	const json_t *tools = get(body, "tools");
	struct ask_tool *list;
	size_t n = 0;

	for (size_t i = 0; i < list_size(tools); i++) {
		if (check_tool(r, list_at(tools, i), i) != OK)
			return E_INVALID_REQUEST;
		n += list_size(get(list_at(tools, i), "functionDeclarations"));
	}
	list = keep(r, xcalloc(n + 1, sizeof(*list)));
	for (size_t i = 0; i < list_size(tools); i++) {
		const json_t *functions = get(list_at(tools, i), "functionDeclarations");

		for (size_t j = 0; j < list_size(functions); j++)
			if (read_function(r, list_at(functions, j), i, &list[chat->n_tools++]) != OK)
				return E_INVALID_REQUEST;
	}
	chat->tools = list;
	return OK;
}

static bool
is_allowed(const json_t *names, const char *name)
{
	for (size_t i = 0; i < list_size(names); i++) {
		const char *allowed = json_string_value(list_at(names, i));

		if (allowed != NULL && strcmp(allowed, name) == 0)
			return true;
	}
	return false;
}

/* One of some functions is one of all when the model knows no others. */
static enum status
allow(struct reader *r, const json_t *names, struct ask_chat *chat)
{
	struct ask_tool *list = keep(r, xcalloc(chat->n_tools + 1, sizeof(*list)));
	size_t n = 0;

	if (list_size(names) == 1) {
		chat->choice = CHOICE_NAMED;
		chat->choice_name = json_string_value(list_at(names, 0));
		if (chat->choice_name != NULL)
			return OK;
	}
	for (size_t i = 0; i < chat->n_tools; i++)
		if (is_allowed(names, chat->tools[i].name))
			list[n++] = chat->tools[i];
	if (n == 0)
		return wrong(r, "names no function there is", "toolConfig.functionCallingConfig.allowedFunctionNames");
	chat->choice = CHOICE_ANY;
	chat->tools = list;
	chat->n_tools = n;
	return OK;
}

static enum status
read_choice(struct reader *r, const json_t *body, struct ask_chat *chat)
{
	const json_t *config = get(get(body, "toolConfig"), "functionCallingConfig");
	const json_t *names = get(config, "allowedFunctionNames");
	const char *mode = get_text(config, "mode");

	if (mode == NULL || strcasecmp(mode, "AUTO") == 0 || strcasecmp(mode, "VALIDATED") == 0 ||
	    strcasecmp(mode, "MODE_UNSPECIFIED") == 0)
		return OK;
	if (strcasecmp(mode, "NONE") == 0) {
		chat->choice = CHOICE_NONE;
		return OK;
	}
	if (strcasecmp(mode, "ANY") != 0)
		return wrong(r, "is none of AUTO, ANY and NONE", "toolConfig.functionCallingConfig.mode");
	chat->choice = CHOICE_ANY;
	return list_size(names) > 0 ? allow(r, names, chat) : OK;
}

/* ---- generationConfig -------------------------------------------------------- */

static enum status
read_level(struct reader *r, const char *level, struct ask_chat *chat)
{
	static const char *const levels[] = {
		[EFFORT_MINIMAL] = "MINIMAL", [EFFORT_LOW] = "LOW", [EFFORT_MEDIUM] = "MEDIUM", [EFFORT_HIGH] = "HIGH"
	};

	if (level == NULL || strcasecmp(level, "THINKING_LEVEL_UNSPECIFIED") == 0)
		return OK;
	for (int i = EFFORT_MINIMAL; i <= EFFORT_HIGH; i++) {
		if (strcasecmp(levels[i], level) != 0)
			continue;
		chat->effort = (enum ask_effort)i;
		return OK;
	}
	return wrong(r, "is none of minimal, low, medium and high", "generationConfig.thinkingConfig.thinkingLevel");
}

/* A budget of 0 is not to think, one of -1 is up to the model. */
static enum status
read_thinking(struct reader *r, const json_t *config, struct ask_chat *chat)
{
	const json_t *thinking = get(config, "thinkingConfig");
	int64_t budget = -1;
	enum status st = get_integer(r, thinking, "generationConfig.thinkingConfig", "thinkingBudget", -1, &budget);

	if (st == OK)
		st = read_level(r, get_text(thinking, "thinkingLevel"), chat);
	if (budget == 0)
		chat->effort = EFFORT_NONE;
	else if (budget > 0)
		chat->thinking_tokens = budget;
	return st;
}

static enum status
read_format(struct reader *r, const json_t *config, struct ask_chat *chat)
{
	const char *type = get_text(config, "responseMimeType");
	const json_t *any = get(config, "responseJsonSchema");

	if (any == NULL)
		any = json_object_get(config, "_responseJsonSchema"); /* the SDKs', before it had its name */
	if (type != NULL && strcmp(type, "text/plain") != 0 && strcmp(type, "application/json") != 0)
		return wrong(r, "is neither text/plain nor application/json", "generationConfig.responseMimeType");
	chat->schema = schema_text(r, any, get(config, "responseSchema"));
	if (chat->schema != NULL)
		chat->format = FORMAT_SCHEMA;
	else if (type != NULL && strcmp(type, "application/json") == 0)
		chat->format = FORMAT_JSON;
	return OK;
}

static enum status
read_stop(struct reader *r, const json_t *config, struct ask_chat *chat)
{
	const json_t *list = get(config, "stopSequences");
	size_t n = list_size(list);
	const char **stop;

	if (n > PARTS_MAX)
		return wrong(r, "has too many elements", "generationConfig.stopSequences");
	stop = keep(r, xcalloc(n + 1, sizeof(*stop)));
	for (size_t i = 0; i < n; i++) {
		stop[i] = json_string_value(list_at(list, i));
		if (stop[i] == NULL)
			return wrong(r, "is not a text", "generationConfig.stopSequences[%zu]", i);
	}
	chat->stop = stop;
	chat->n_stop = n;
	return OK;
}

/* One answer, in words: what else could be asked for is refused by its name. */
static enum status
check_config(struct reader *r, const json_t *config)
{
	const json_t *modalities = get(config, "responseModalities");
	int64_t n = 1;

	if (get_integer(r, config, "generationConfig", "candidateCount", 0, &n) != OK)
		return E_INVALID_REQUEST;
	if (n > 1)
		return wrong(r, "is more than 1, which is not supported", "generationConfig.candidateCount");
	for (size_t i = 0; i < list_size(modalities); i++) {
		const char *modality = json_string_value(list_at(modalities, i));

		if (modality == NULL || strcasecmp(modality, "TEXT") != 0)
			return wrong(r, "is not supported", "generationConfig.responseModalities[%zu]", i);
	}
	return OK;
}

static enum status
read_config(struct reader *r, const json_t *body, struct ask *ask)
{
	const json_t *config = get(body, "generationConfig");
	struct ask_chat *chat = &ask->chat;
	int64_t seed = -1;
	enum status st;

	if (config == NULL)
		return OK;
	if (!json_is_object(config))
		return wrong(r, "is not an object", "generationConfig");
	if ((st = check_config(r, config)) != OK ||
	    (st = get_number(r, config, "temperature", 2, &chat->temperature)) != OK ||
	    (st = get_number(r, config, "topP", 1, &chat->top_p)) != OK ||
	    (st = get_integer(r, config, "generationConfig", "topK", 0, &chat->top_k)) != OK ||
	    (st = get_integer(r, config, "generationConfig", "maxOutputTokens", 0, &ask->max_output_tokens)) != OK ||
	    (st = get_integer(r, config, "generationConfig", "seed", INT32_MIN, &seed)) != OK ||
	    (st = read_stop(r, config, chat)) != OK || (st = read_thinking(r, config, chat)) != OK)
		return st;
	if (get(config, "seed") != NULL)
		chat->seed = seed & INT32_MAX; /* any number does, but none below zero */
	return read_format(r, config, chat);
}

/* ---- all of it --------------------------------------------------------------- */

/* Google's own name has "models/" in front. */
static const char *
model_of(const json_t *body, const char *path_model)
{
	const char *model = path_model != NULL && *path_model != '\0' ? path_model : get_text(body, "model");

	return model != NULL && strncmp(model, "models/", 7) == 0 ? model + 7 : model;
}

enum status
gemini_read(struct arena *a, const json_t *body, const char *path_model, bool path_stream, struct dialect_ask *out,
    struct dialect_problem *problem)
{
	struct reader *r = ARENA_NEW(a, struct reader);
	struct ask_chat *chat = &out->ask.chat;
	enum status st;

	r->kept = ARENA_NEW(a, struct kept);
	arena_cleanup(a, free_kept, r->kept);
	r->problem = problem;
	*out = (struct dialect_ask){ .ask = { .op = OP_CHAT, .chat = { ASK_CHAT_PLAIN } },
		.model = model_of(body, path_model),
		.stream = path_stream,
		.wants_usage = true };
	if (!json_is_object(body))
		return wrong(r, "is not an object", "body");
	if (out->model == NULL || *out->model == '\0')
		return wrong(r, "is missing", "model");
	if (get_text(body, "cachedContent") != NULL)
		return wrong(r, "is not supported", "cachedContent");
	if ((st = check_twins(r, body)) != OK || (st = check_twins(r, get(body, "generationConfig"))) != OK)
		return st;
	if ((st = read_contents(r, body, chat)) != OK || (st = read_tools(r, body, chat)) != OK ||
	    (st = read_choice(r, body, chat)) != OK)
		return st;
	return read_config(r, body, &out->ask);
}
