/*
 * What clients of OpenAI's Responses API ask, in neutral words: the inverse of ask.c.
 * Members that are not named here change nothing that could be said.
 */
#include <stdlib.h>
#include <string.h>

#include "wire/openai/openai.h"
#include "wire/responses/responses.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define ECHO_BYTES_MAX 16384   /* what an answer repeats of what was asked */
#define NAMES_BYTES_MAX 131072 /* of functions that have another name here than there */

/* ---- how -------------------------------------------------------------------------------- */

static bool
read_schema(struct reading *r, const json_t *format)
{
	struct ask_chat *chat = &r->out->ask.chat;
	const json_t *schema;

	if (!reading_string(r, format, "name", &chat->schema_name) ||
	    !reading_need_object(r, format, "schema", &schema) ||
	    !reading_bool(r, format, "strict", &chat->schema_strict))
		return false;
	chat->schema = reading_json(r, schema);
	chat->format = FORMAT_SCHEMA;
	return true;
}

static bool
read_format(struct reading *r, const json_t *text)
{
	const json_t *format;
	const char *type;

	if (!reading_object(r, text, "format", &format))
		return false;
	if (format == NULL)
		return true;
	reading_enter(r, ".format");
	if (!reading_need_string(r, format, "type", &type))
		return false;
	if (strcmp(type, "json_schema") == 0)
		return read_schema(r, format);
	if (strcmp(type, "json_object") == 0)
		r->out->ask.chat.format = FORMAT_JSON;
	else if (strcmp(type, "text") != 0)
		return reading_wrong(r, "type", "must be text, json_object or json_schema");
	return true;
}

static bool
read_text(struct reading *r, const json_t *body)
{
	const json_t *text;
	bool ok;

	if (!reading_object(r, body, "text", &text))
		return false;
	reading_enter(r, "text");
	if ((ok = read_format(r, text)))
		reading_leave(r, 0);
	return ok;
}

static bool
read_reasoning(struct reading *r, const json_t *body)
{
	const json_t *reasoning;

	if (!reading_object(r, body, "reasoning", &reasoning))
		return false;
	reading_enter(r, "reasoning");
	if (!openai_effort_read(r, reasoning, "effort"))
		return false;
	reading_leave(r, 0);
	return true;
}

static bool
read_limits(struct reading *r, const json_t *body)
{
	struct ask *ask = &r->out->ask;

	return reading_number(r, body, "temperature", 2, &ask->chat.temperature) &&
	    reading_number(r, body, "top_p", 1, &ask->chat.top_p) &&
	    reading_integer(r, body, "max_output_tokens", 1, &ask->max_output_tokens) &&
	    reading_string(r, body, "user", &ask->chat.user) &&
	    (ask->chat.user != NULL || reading_string(r, body, "safety_identifier", &ask->chat.user));
}

/* ---- what is kept, and what is not done --------------------------------------------------- */

/* What works while nobody waits could not be charged for as it comes; and conversations lie
 * at an account of ours. */
static bool
is_possible(struct reading *r, const json_t *body)
{
	if (json_is_true(json_object_get(body, "background")))
		return reading_unsupported(r, "background", "is not supported: ask without, or with stream");
	return reading_member(body, "conversation") == NULL ||
	    reading_unsupported(r, "conversation", "is not supported: send the items, or previous_response_id");
}

static bool
wants_logprobs(const json_t *include)
{
	const json_t *word;
	size_t i;

	json_array_foreach(include, i, word)
		if (json_is_string(word) && strcmp(json_string_value(word), "message.output_text.logprobs") == 0)
			return true;
	return false;
}

/* What only a provider that speaks so can do. */
static bool
read_own_only(struct reading *r, const json_t *body)
{
	const json_t *include;

	if (!reading_array(r, body, "include", &include) ||
	    !reading_string(r, body, "previous_response_id", &r->out->after))
		return false;
	if (r->out->after != NULL)
		reading_own_only(r, "previous_response_id", "is not supported here: send the items before it as well");
	if (reading_member(body, "prompt") != NULL)
		reading_own_only(r, "prompt", "is not supported here: send its text");
	if (json_number_value(json_object_get(body, "top_logprobs")) > 0)
		reading_own_only(r, "top_logprobs", "is not supported here");
	return !wants_logprobs(include) || reading_own_only(r, "include", "of logprobs is not supported here");
}

/* ---- what the answer says again ------------------------------------------------------------ */

static json_t *
echo_of(const json_t *body)
{
	static const char *const names[] = { "max_output_tokens", "max_tool_calls", "metadata", "parallel_tool_calls",
		"prompt_cache_key", "reasoning", "safety_identifier", "temperature", "text", "tool_choice", "top_p",
		"truncation", "user" };
	json_t *echo = json_object();

	for (size_t i = 0; i < COUNT(names); i++)
		if (reading_member(body, names[i]) != NULL)
			json_object_set(echo, names[i], json_object_get(body, names[i]));
	return echo;
}

/* Takes over `names`.  False: there are too many of them. */
static bool
put_echo(struct reading *r, const json_t *body, json_t *names)
{
	json_t *echo = json_object(), *said = echo_of(body);
	bool fits = json_dumpb(said, NULL, 0, JSON_COMPACT) <= ECHO_BYTES_MAX;
	bool has_room = json_dumpb(names, NULL, 0, JSON_COMPACT) <= NAMES_BYTES_MAX;

	if (fits && json_object_size(said) > 0)
		json_object_set(echo, "asked", said);
	if (json_object_size(names) > 0)
		json_object_set(echo, "names", names);
	if (has_room && json_object_size(echo) > 0)
		r->out->echo = reading_json(r, echo);
	json_decref(said);
	json_decref(names);
	json_decref(echo);
	return has_room || reading_wrong(r, "tools", "are too many");
}

/* ---- all of it ------------------------------------------------------------------------------- */

static bool
read_model(struct reading *r, const json_t *body, const char *path_model)
{
	if (path_model == NULL)
		return reading_need_string(r, body, "model", &r->out->model);
	r->out->model = path_model;
	return true;
}

static bool
read_body(struct reading *r, const json_t *body, const char *path_model, json_t *names)
{
	if (!json_is_object(body))
		return reading_wrong(r, "", "must be an object");
	return read_model(r, body, path_model) && is_possible(r, body) &&
	    reading_bool(r, body, "stream", &r->out->stream) && read_own_only(r, body) &&
	    responses_items_read(r, body) && responses_tools_read(r, body, names) && read_text(r, body) &&
	    read_reasoning(r, body) && read_limits(r, body);
}

enum status
responses_read(struct arena *a, const json_t *body, const char *path_model, bool path_stream, struct dialect_ask *out,
    struct dialect_problem *problem)
{
	struct reading r = { .a = a, .problem = problem, .out = out };
	json_t *names = json_object();
	bool ok;

	*out = (struct dialect_ask){
		.ask = { .op = OP_CHAT, .chat = { ASK_CHAT_PLAIN } }, .stream = path_stream, .wants_usage = true
	};
	ok = read_body(&r, body, path_model, names);
	json_decref(r.names);
	if (ok)
		ok = put_echo(&r, body, names);
	else
		json_decref(names);
	return ok ? OK : E_INVALID_REQUEST;
}
