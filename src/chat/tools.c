#include "chat/tools.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/tokens.h"

#define TOOL_TOKENS 16	/* a tool's frame on the wire, beyond its text */
#define CALLED_MAX 64	/* characters of a name, as all providers take it */
#define CALL_ID_MAX 200 /* as tool_calls keeps it */

/* ---- what there is ---------------------------------------------------------- */

static const char *
text_of(struct arena *a, const json_t *from, const char *member)
{
	return arena_strdup(a, json_string_value(json_object_get(from, member)));
}

struct chat_tools *
tools_take(struct arena *a, const json_t *told)
{
	size_t n = json_array_size(told), i;
	struct chat_tools *tools;
	const json_t *one;

	if (n == 0)
		return NULL;
	tools = ARENA_NEW(a, struct chat_tools);
	tools->n = n;
	tools->asked = ARENA_ARRAY(a, struct ask_tool, n);
	tools->list = ARENA_ARRAY(a, struct chat_tool, n);
	json_array_foreach(told, i, one) {
		char *schema = json_dumps(json_object_get(one, "parameters"), JSON_COMPACT);
		struct ask_tool *t = &tools->asked[i];

		*t = (struct ask_tool){ .name = text_of(a, one, "called"),
			.description = text_of(a, one, "description"),
			.parameters = arena_strdup(a, schema) };
		free(schema);
		tools->list[i] = (struct chat_tool){ .server_id = text_of(a, one, "server_id"),
			.server = text_of(a, one, "server"),
			.name = text_of(a, one, "tool"),
			.always = json_is_true(json_object_get(one, "always")) };
		tools->tokens += TOOL_TOKENS + tokens_estimate(t->name, strlen(t->name)) +
		    tokens_estimate(t->description, strlen(t->description)) +
		    tokens_estimate(t->parameters, strlen(t->parameters));
	}
	return tools;
}

struct chat_tools *
tools_copy(struct arena *a, const struct chat_tools *tools)
{
	struct chat_tools *copy;

	if (tools == NULL)
		return NULL;
	copy = ARENA_NEW(a, struct chat_tools);
	*copy = (struct chat_tools){ .n = tools->n, .tokens = tools->tokens, .is_over = tools->is_over };
	copy->asked = ARENA_ARRAY(a, struct ask_tool, tools->n);
	copy->list = ARENA_ARRAY(a, struct chat_tool, tools->n);
	for (size_t i = 0; i < tools->n; i++) {
		copy->asked[i].name = arena_strdup(a, tools->asked[i].name); /* what settling needs */
		copy->list[i] = (struct chat_tool){ .server_id = arena_strdup(a, tools->list[i].server_id),
			.server = arena_strdup(a, tools->list[i].server),
			.name = arena_strdup(a, tools->list[i].name),
			.always = tools->list[i].always };
	}
	return copy;
}

/* ---- what is called ----------------------------------------------------------- */

static const struct chat_tool *
find_tool(const struct chat_tools *tools, const char *called)
{
	for (size_t i = 0; called != NULL && i < tools->n; i++)
		if (strcmp(tools->asked[i].name, called) == 0)
			return &tools->list[i];
	return NULL;
}

/* A name as every provider takes it back, whatever the model wrote. */
static void
plain_name(const char *from, char to[CALLED_MAX + 1])
{
	snprintf(to, CALLED_MAX + 1, "%s", from == NULL || *from == '\0' ? "unknown" : from);
	for (char *p = to; *p != '\0'; p++)
		if (!((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') || *p == '_' ||
			*p == '-'))
			*p = '_';
}

static bool
is_object(const char *text)
{
	json_t *j = json_loads(text, 0, NULL);
	bool is = json_is_object(j);

	json_decref(j);
	return is;
}

static const char *
arguments_of(const struct answer_call *c)
{
	return c->arguments.len == 0 ? "{}" : buf_str(&c->arguments);
}

/* Why a call is not made; NULL: nothing is against it. */
static const char *
objection(const struct chat_tools *tools, const struct chat_tool *tool, const struct answer_call *c, size_t at)
{
	if (tool == NULL)
		return "There is no tool of this name.";
	if (tools->is_over)
		return "Tools have been called as often as they may for one question.";
	if (at >= TOOL_CALLS_MAX)
		return "Too many calls at once.";
	if (c->arguments.len > TOOL_ARGUMENTS_MAX)
		return "The arguments are too long.";
	return is_object(arguments_of(c)) ? NULL : "The arguments are no JSON object.";
}

/* In jsonb's order of keys, as tool_calls_json() tells it. */
static json_t *
called(const struct chat_tools *tools, const struct answer_call *c, size_t at)
{
	const struct chat_tool *tool = find_tool(tools, c->name);
	const char *against = objection(tools, tool, c, at), *arguments = arguments_of(c);
	char name[CALLED_MAX + 1], id[CALL_ID_MAX + 1];

	plain_name(c->name, name);
	if (c->id == NULL || *c->id == '\0')
		snprintf(id, sizeof(id), "call_%zu", at);
	else
		snprintf(id, sizeof(id), "%s", c->id);
	if (c->arguments.len > TOOL_ARGUMENTS_MAX)
		arguments = "{}";
	return json_pack("{s:s?, s:s, s:b, s:s?, s:s?, s:s, s:s, s:n, s:I, s:o, s:n}", "tool",
	    tool == NULL ? NULL : tool->name, "called", name, "is_cut", false, "result", against, "server",
	    tool == NULL ? NULL : tool->server, "status",
	    against != NULL    ? "failed"
		: tool->always ? "approved"
			       : "asked",
	    "call_id", id, "ended_at", "position", (json_int_t)at, "arguments", json_string_nocheck(arguments),
	    "started_at");
}

json_t *
tools_called_json(const struct chat_tools *tools, const struct answer *answer)
{
	json_t *list;

	if (tools == NULL || answer->n_calls == 0)
		return json_null();
	list = json_array();
	for (size_t i = 0; i < answer->n_calls; i++)
		json_array_append_new(list, called(tools, &answer->calls[i], i));
	return list;
}

json_t *
tools_called(const struct chat_tools *tools, const struct answer *answer)
{
	json_t *list = tools_called_json(tools, answer), *one;
	size_t i;

	if (json_is_null(list))
		return NULL;
	json_array_foreach(list, i, one) {
		const struct chat_tool *tool = find_tool(tools, answer->calls[i].name);
		const struct buf *signature = &answer->calls[i].signature;

		if (tool != NULL)
			json_object_set_new(one, "server_id", json_string(tool->server_id));
		if (signature->len > 0)
			json_object_set_new(one, "signature", json_string_nocheck(buf_str(signature)));
	}
	return list;
}

/* ---- as it goes upstream ---------------------------------------------------------- */

static const char *
result_text(struct arena *a, const json_t *call, const char *status)
{
	const char *result = json_string_value(json_object_get(call, "result"));

	if (strcmp(status, "running") == 0 || strcmp(status, "unclear") == 0)
		return "It is not known whether this call was made.";
	if (result == NULL)
		return "This call was not made.";
	return json_is_true(json_object_get(call, "is_cut"))
	    ? arena_printf(a, "%s\n[The result was longer; the rest was cut off.]", result)
	    : arena_strdup(a, result);
}

void
tools_history(struct arena *a, const json_t *calls, struct ask_message *call, struct ask_message *result)
{
	struct ask_part *parts = ARENA_ARRAY(a, struct ask_part, call->n_parts + json_array_size(calls));
	const json_t *one;
	size_t i;

	if (call->n_parts > 0)
		memcpy(parts, call->parts, call->n_parts * sizeof(*parts));
	call->parts = parts;
	*result = (struct ask_message){ .role = "user",
		.parts = ARENA_ARRAY(a, struct ask_part, json_array_size(calls)) };
	json_array_foreach(calls, i, one) {
		const char *status = json_string_value(json_object_get(one, "status"));
		const char *id = text_of(a, one, "call_id"), *name = text_of(a, one, "called");
		const char *arguments = text_of(a, one, "arguments");

		call->parts[call->n_parts++] = (struct ask_part){ .kind = ASK_CALL,
			.id = id,
			.name = name,
			.text = is_object(arguments) ? arguments : "{}",
			.signature = text_of(a, one, "signature") };
		result->parts[result->n_parts++] = (struct ask_part){ .kind = ASK_RESULT,
			.id = id,
			.name = name,
			.text = result_text(a, one, status),
			.is_error = strcmp(status, "done") != 0 };
	}
}

void
tools_in_words(struct arena *a, struct ask_message *messages, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < messages[i].n_parts; k++) {
			struct ask_part *p = &messages[i].parts[k];

			if (p->kind != ASK_CALL && p->kind != ASK_RESULT)
				continue;
			*p = (struct ask_part){ .kind = ASK_TEXT,
				.text = arena_printf(a,
				    p->kind == ASK_CALL ? "[Called the tool %s with %s]" : "[The tool %s said: %s]",
				    p->name, p->text) };
		}
}
