/*
 * What clients of OpenAI's chat completions ask, in neutral words: the inverse
 * of chat_ask.c.
 *
 * Source: platform.openai.com/docs/api-reference/chat/create; top_k is vLLM's,
 * docs.vllm.ai "Extra parameters".  Members that are not named here change nothing
 * that could be said.
 */
#include <string.h>

#include "base/memory.h"
#include "wire/openai/openai.h"
#include "wire/openai/reading.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* ---- tools --------------------------------------------------------------------------------- */

bool
openai_tool_read(struct reading *r, const json_t *function, struct ask_tool *out)
{
	const json_t *parameters;

	if (!reading_need_string(r, function, "name", &out->name) ||
	    !reading_string(r, function, "description", &out->description) ||
	    !reading_object(r, function, "parameters", &parameters) ||
	    !reading_bool(r, function, "strict", &out->strict))
		return false;
	out->parameters = parameters == NULL ? NULL : reading_json(r, parameters);
	return true;
}

static bool
read_tool_row(struct reading *r, const json_t *tool, struct ask_tool *out)
{
	const json_t *function;
	const char *type;

	if (!json_is_object(tool))
		return reading_wrong(r, "", "must be an object");
	if (!reading_need_string(r, tool, "type", &type))
		return false;
	if (strcmp(type, "function") != 0)
		return reading_wrong(r, "type", "is not supported: only functions are");
	if (!reading_need_object(r, tool, "function", &function))
		return false;
	reading_enter(r, ".function");
	return openai_tool_read(r, function, out);
}

/* "tools", or "functions" of the old kind, which are not wrapped. */
static bool
read_tools(struct reading *r, const json_t *body, const char *name, bool is_wrapped)
{
	const json_t *list, *row;
	struct ask_tool *tools;
	size_t i, before;

	if (!reading_array(r, body, name, &list))
		return false;
	if (json_array_size(list) == 0)
		return true;
	tools = reading_keep(r, xcalloc(json_array_size(list), sizeof(*tools)));
	json_array_foreach(list, i, row) {
		before = reading_enter(r, "%s[%zu]", name, i);
		if (!is_wrapped && !json_is_object(row))
			return reading_wrong(r, "", "must be an object");
		if (!(is_wrapped ? read_tool_row : openai_tool_read)(r, row, &tools[i]))
			return false;
		reading_leave(r, before);
	}
	r->out->ask.chat.tools = tools;
	r->out->ask.chat.n_tools = json_array_size(list);
	return true;
}

bool
openai_choice_word(struct reading *r, const char *name, const char *word)
{
	static const struct {
		const char *word;
		enum ask_choice choice;
	} words[] = {
		{ "auto", CHOICE_AUTO },
		{ "none", CHOICE_NONE },
		{ "required", CHOICE_ANY },
		{ "any", CHOICE_ANY },
	};

	for (size_t i = 0; i < COUNT(words); i++)
		if (strcmp(words[i].word, word) == 0) {
			r->out->ask.chat.choice = words[i].choice;
			return true;
		}
	return reading_wrong(r, name, "must be none, auto, required or an object");
}

/* {"type":"function","function":{"name":…}}, or {"name":…} of the old kind. */
static bool
read_choice(struct reading *r, const json_t *body, const char *name, bool is_wrapped)
{
	const json_t *choice = reading_member(body, name);
	const char *type = json_string_value(json_object_get(choice, "type"));

	if (choice == NULL)
		return true;
	if (json_is_string(choice))
		return openai_choice_word(r, name, json_string_value(choice));
	if (!json_is_object(choice))
		return reading_wrong(r, name, "must be a string or an object");
	reading_enter(r, "%s", name);
	if (is_wrapped) {
		if (type == NULL || strcmp(type, "function") != 0)
			return reading_wrong(r, "type", "is not supported: only function is");
		if (!reading_need_object(r, choice, "function", &choice))
			return false;
		reading_enter(r, ".function");
	}
	if (!reading_need_string(r, choice, "name", &r->out->ask.chat.choice_name))
		return false;
	reading_leave(r, 0);
	r->out->ask.chat.choice = CHOICE_NAMED;
	return true;
}

static bool
read_all_tools(struct reading *r, const json_t *body)
{
	struct ask_chat *chat = &r->out->ask.chat;
	bool parallel = true;

	if (!read_tools(r, body, "functions", false) || !read_tools(r, body, "tools", true) ||
	    !read_choice(r, body, "function_call", false) || !read_choice(r, body, "tool_choice", true) ||
	    !reading_bool(r, body, "parallel_tool_calls", &parallel))
		return false;
	chat->one_call = !parallel;
	return true;
}

/* ---- how ------------------------------------------------------------------------------------ */

static bool
read_schema(struct reading *r, const json_t *format)
{
	struct ask_chat *chat = &r->out->ask.chat;
	const json_t *object, *schema;

	if (!reading_need_object(r, format, "json_schema", &object))
		return false;
	reading_enter(r, ".json_schema");
	if (!reading_string(r, object, "name", &chat->schema_name) ||
	    !reading_need_object(r, object, "schema", &schema) ||
	    !reading_bool(r, object, "strict", &chat->schema_strict))
		return false;
	chat->schema = reading_json(r, schema);
	chat->format = FORMAT_SCHEMA;
	return true;
}

static bool
read_format(struct reading *r, const json_t *body)
{
	const json_t *format;
	const char *type;

	if (!reading_object(r, body, "response_format", &format))
		return false;
	if (format == NULL)
		return true;
	reading_enter(r, "response_format");
	if (!reading_need_string(r, format, "type", &type))
		return false;
	if (strcmp(type, "json_schema") == 0 && !read_schema(r, format))
		return false;
	if (strcmp(type, "json_object") == 0)
		r->out->ask.chat.format = FORMAT_JSON;
	else if (strcmp(type, "json_schema") != 0 && strcmp(type, "text") != 0)
		return reading_wrong(r, "type", "must be text, json_object or json_schema");
	reading_leave(r, 0);
	return true;
}

bool
openai_effort_read(struct reading *r, const json_t *object, const char *name)
{
	static const struct {
		const char *word;
		enum ask_effort effort;
	} words[] = {
		{ "none", EFFORT_NONE },
		{ "minimal", EFFORT_MINIMAL },
		{ "low", EFFORT_LOW },
		{ "medium", EFFORT_MEDIUM },
		{ "high", EFFORT_HIGH },
		{ "xhigh", EFFORT_MAX },
		{ "max", EFFORT_MAX },
		{ "auto", EFFORT_UNSAID },
		{ "default", EFFORT_UNSAID },
	};
	const char *effort;

	if (!reading_string(r, object, name, &effort))
		return false;
	if (effort == NULL)
		return true;
	for (size_t i = 0; i < COUNT(words); i++)
		if (strcmp(words[i].word, effort) == 0) {
			r->out->ask.chat.effort = words[i].effort;
			return true;
		}
	return reading_wrong(r, name, "must be none, minimal, low, medium, high or xhigh");
}

bool
openai_stop_read(struct reading *r, const json_t *body)
{
	const json_t *stop = reading_member(body, "stop"), *word;
	const char **words;
	size_t i, n = json_is_string(stop) ? 1 : json_array_size(stop);

	if (stop != NULL && !json_is_string(stop) && !json_is_array(stop))
		return reading_wrong(r, "stop", "must be a string or an array of strings");
	if (n == 0)
		return true;
	words = reading_keep(r, xcalloc(n, sizeof(*words)));
	words[0] = json_string_value(stop);
	json_array_foreach(stop, i, word)
		if ((words[i] = json_string_value(word)) == NULL)
			return reading_wrong(r, "stop", "must be a string or an array of strings");
	r->out->ask.chat.stop = words;
	r->out->ask.chat.n_stop = n;
	return true;
}

/* A negative seed cannot be said, and promises nothing. */
bool
openai_sampling_read(struct reading *r, const json_t *body)
{
	struct ask_chat *chat = &r->out->ask.chat;

	if (!reading_number(r, body, "temperature", 2, &chat->temperature) ||
	    !reading_number(r, body, "top_p", 1, &chat->top_p) ||
	    !reading_integer(r, body, "top_k", -1, &chat->top_k) ||
	    !reading_integer(r, body, "seed", INT64_MIN, &chat->seed))
		return false;
	chat->top_k = chat->top_k < 0 ? 0 : chat->top_k;
	chat->seed = chat->seed < 0 ? -1 : chat->seed;
	return true;
}

/* The newer name of the cap wins, and of the name of whoever asks the older one. */
static bool
read_limits(struct reading *r, const json_t *body)
{
	struct ask *ask = &r->out->ask;

	return reading_integer(r, body, "max_tokens", 1, &ask->max_output_tokens) &&
	    reading_integer(r, body, "max_completion_tokens", 1, &ask->max_output_tokens) &&
	    reading_string(r, body, "user", &ask->chat.user) &&
	    (ask->chat.user != NULL || reading_string(r, body, "safety_identifier", &ask->chat.user));
}

/* ---- what we do not do ------------------------------------------------------------------------ */

static bool
is_several(const json_t *value)
{
	return json_number_value(value) > 1;
}

static bool
is_true(const json_t *value)
{
	return json_is_true(value);
}

static bool
is_there(const json_t *value)
{
	return value != NULL;
}

static bool
has_audio(const json_t *value)
{
	const json_t *word;
	size_t i;

	json_array_foreach(value, i, word)
		if (json_is_string(word) && strcmp(json_string_value(word), "audio") == 0)
			return true;
	return false;
}

/* What would make another answer than the one that is asked for. */
static bool
is_possible(struct reading *r, const json_t *body)
{
	static const struct {
		const char *name;
		bool (*is_asked)(const json_t *value);
		const char *problem;
	} rows[] = {
		{ "n", is_several, "must be 1: more than one answer is not supported" },
		{ "logprobs", is_true, "is not supported" },
		{ "modalities", has_audio, "is not supported: answers are text" },
		{ "web_search_options", is_there, "is not supported" },
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		if (rows[i].is_asked(reading_member(body, rows[i].name)))
			return reading_wrong(r, rows[i].name, rows[i].problem);
	return true;
}

/* ---- all of it ---------------------------------------------------------------------------------- */

bool
openai_stream_read(struct reading *r, const json_t *body)
{
	const json_t *options;

	if (!reading_bool(r, body, "stream", &r->out->stream) || !reading_object(r, body, "stream_options", &options))
		return false;
	reading_enter(r, "stream_options");
	if (!reading_bool(r, options, "include_usage", &r->out->wants_usage))
		return false;
	reading_leave(r, 0);
	return true;
}

static bool
read_model(struct reading *r, const json_t *body, const char *path_model)
{
	if (path_model == NULL)
		return reading_need_string(r, body, "model", &r->out->model);
	r->out->model = path_model;
	return true;
}

static bool
read_body(struct reading *r, const json_t *body, const char *path_model)
{
	if (!json_is_object(body))
		return reading_wrong(r, "", "must be an object");
	return read_model(r, body, path_model) && is_possible(r, body) && openai_stream_read(r, body) &&
	    openai_messages_read(r, body) && read_all_tools(r, body) && read_format(r, body) &&
	    openai_effort_read(r, body, "reasoning_effort") && openai_stop_read(r, body) &&
	    openai_sampling_read(r, body) && read_limits(r, body);
}

enum status
openai_chat_read(struct arena *a, const json_t *body, const char *path_model, bool path_stream, struct dialect_ask *out,
    struct dialect_problem *problem)
{
	struct reading r = { .a = a, .problem = problem, .out = out };
	bool ok;

	*out = (struct dialect_ask){ .ask = { .op = OP_CHAT, .chat = { ASK_CHAT_PLAIN } }, .stream = path_stream };
	ok = read_body(&r, body, path_model);
	json_decref(r.names);
	return ok ? OK : E_INVALID_REQUEST;
}
