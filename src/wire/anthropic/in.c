/*
 * What a client of Anthropic's Messages API asks, in neutral words.
 *
 * Fields that are not known are passed over, as cache_control is, and
 * context_management: they change what an answer costs, not what it is.  Blocks and
 * tools that are not known are refused: without them another thing would be asked.
 *
 * Source: docs.anthropic.com/en/api/messages, /en/docs/build-with-claude/search-results,
 * …/adaptive-thinking, …/structured-outputs, read 2026-11; and the requests recorded of
 * Claude Code 2.1, anthropic-sdk-python 2.14 and -typescript 1.14.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "wire/anthropic/anthropic.h"

#define JSON_FLAGS (JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15))
#define INTEGER_MAX 1000000000

struct reader {
	struct arena *a;
	struct dialect_problem *problem;
	char path[64];		/* "messages.2.content", of what is being read */
	struct ask_part *parts; /* of the message being read */
	size_t n_parts;
	json_t *names; /* id of a call: name of its function */
};

/* ---- paths and problems -------------------------------------------------------- */

/* Something is wrong with the member of that name of what is being read; "": with itself. */
static enum status
bad(struct reader *r, const char *name, const char *problem)
{
	snprintf(r->problem->field, sizeof(r->problem->field), "%s%s%s", r->path,
	    *r->path != '\0' && *name != '\0' ? "." : "", name);
	snprintf(r->problem->text, sizeof(r->problem->text), "%s", problem);
	return E_INVALID_REQUEST;
}

/* Go into a member, or (name NULL) an element; returns what leave() wants. */
static size_t
enter(struct reader *r, const char *name, size_t index)
{
	size_t before = strlen(r->path);
	const char *dot = before > 0 ? "." : "";

	if (name != NULL)
		snprintf(r->path + before, sizeof(r->path) - before, "%s%s", dot, name);
	else
		snprintf(r->path + before, sizeof(r->path) - before, "%s%zu", dot, index);
	return before;
}

static void
leave(struct reader *r, size_t before)
{
	r->path[before] = '\0';
}

/* ---- strings ------------------------------------------------------------------- */

static const char *
text_of(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

/* A member that is there, and not null. */
static const json_t *
given(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);

	return json_is_null(value) ? NULL : value;
}

static bool
type_is(const json_t *object, const char *type)
{
	const char *said = text_of(object, "type");

	return said != NULL && strcmp(said, type) == 0;
}

/* A string that lives as long as the arena and may be larger than it: taken over. */
static const char *
own(struct reader *r, char *text)
{
	if (text != NULL)
		arena_cleanup(r->a, free, text);
	return text;
}

static const char *
dumped(struct reader *r, const json_t *value)
{
	return own(r, json_dumps(value, JSON_FLAGS));
}

static struct ask_part *
add(struct reader *r, enum ask_part_kind kind, const char *text)
{
	struct ask_part *part = &r->parts[r->n_parts++];

	*part = (struct ask_part){ .kind = kind, .text = text };
	return part;
}

static void
add_text(struct reader *r, const char *text)
{
	if (text != NULL && *text != '\0')
		add(r, ASK_TEXT, text);
}

/* ---- sources ------------------------------------------------------------------- */

/* "source" of an image or a document, as a URL. */
static enum status
read_source(struct reader *r, const json_t *block, const char **url)
{
	const json_t *source = json_object_get(block, "source");
	const char *data = text_of(source, "data"), *type = text_of(source, "media_type");
	struct buf out = BUF_INIT(0);

	if (type_is(source, "url")) {
		*url = text_of(source, "url");
		return *url != NULL ? OK : bad(r, "source.url", "is not a string");
	}
	if (!type_is(source, "base64"))
		return bad(r, "source.type", "is not base64 or url: nothing else is understood here");
	if (data == NULL || type == NULL)
		return bad(r, "source", "has no media_type and data");
	buf_puts(&out, "data:");
	buf_puts(&out, type);
	buf_puts(&out, ";base64,");
	buf_puts(&out, data);
	*url = own(r, out.data);
	return OK;
}

static enum status
read_image(struct reader *r, const json_t *block)
{
	const char *url;
	enum status st;

	if ((st = read_source(r, block, &url)) == OK)
		add(r, ASK_IMAGE, NULL)->url = url;
	return st;
}

static enum status read_blocks(struct reader *r, const json_t *blocks);

/* A document of words, or of blocks, is as good as those. */
static enum status
read_document(struct reader *r, const json_t *block)
{
	const json_t *source = json_object_get(block, "source");
	const char *url, *title = text_of(block, "title");
	size_t before = strlen(r->path);
	struct ask_part *part;
	enum status st;

	if (type_is(source, "text") ||
	    (type_is(source, "content") && json_is_string(json_object_get(source, "content")))) {
		add_text(r, title);
		add_text(r, text_of(source, type_is(source, "text") ? "data" : "content"));
		return OK;
	}
	if (type_is(source, "content")) {
		add_text(r, title);
		enter(r, "source.content", 0);
		st = read_blocks(r, json_object_get(source, "content"));
		leave(r, before);
		return st;
	}
	if ((st = read_source(r, block, &url)) != OK)
		return st;
	part = add(r, ASK_FILE, NULL);
	part->url = url;
	part->name = title;
	return OK;
}

static enum status
read_search_result(struct reader *r, const json_t *block)
{
	size_t before = strlen(r->path);
	enum status st;

	add_text(r, text_of(block, "title"));
	add_text(r, text_of(block, "source"));
	enter(r, "content", 0);
	st = read_blocks(r, json_object_get(block, "content"));
	leave(r, before);
	return st;
}

/* ---- calls and results --------------------------------------------------------- */

static enum status
read_call(struct reader *r, const json_t *block)
{
	const char *id = text_of(block, "id"), *name = text_of(block, "name");
	const json_t *input = json_object_get(block, "input");
	struct ask_part *part;

	if (id == NULL || name == NULL)
		return bad(r, id == NULL ? "id" : "name", "is not a string");
	if (input != NULL && !json_is_object(input))
		return bad(r, "input", "is not an object");
	part = add(r, ASK_CALL, input == NULL ? "{}" : dumped(r, input));
	part->id = id;
	part->name = name;
	json_object_set(r->names, id, json_object_get(block, "name"));
	return OK;
}

/* The texts among the parts from `from` on, as one; the others move up. */
static const char *
gather_text(struct reader *r, size_t from)
{
	const char *only = "";
	struct buf all = BUF_INIT(0);
	size_t n = 0, to = from;

	for (size_t i = from; i < r->n_parts; i++) {
		if (r->parts[i].kind != ASK_TEXT) {
			r->parts[to++] = r->parts[i];
			continue;
		}
		only = r->parts[i].text;
		if (n++ > 0)
			buf_puts(&all, "\n");
		buf_puts(&all, only);
	}
	r->n_parts = to;
	if (n > 1)
		return own(r, all.data);
	buf_free(&all);
	return only;
}

/* A result is text; its images and documents follow it. */
static enum status
read_result(struct reader *r, const json_t *block)
{
	const json_t *content = given(block, "content");
	const char *id = text_of(block, "tool_use_id");
	size_t before = strlen(r->path), at = r->n_parts;
	struct ask_part *part;
	enum status st = OK;

	if (id == NULL)
		return bad(r, "tool_use_id", "is not a string");
	part = add(r, ASK_RESULT, json_is_string(content) ? json_string_value(content) : "");
	part->id = id;
	part->name = text_of(r->names, id);
	part->is_error = json_is_true(json_object_get(block, "is_error"));
	if (content == NULL || json_is_string(content))
		return OK;
	enter(r, "content", 0);
	st = read_blocks(r, content);
	leave(r, before);
	if (st == OK)
		part->text = gather_text(r, at + 1);
	return st;
}

/* ---- thought ------------------------------------------------------------------- */

static enum status
read_thinking(struct reader *r, const json_t *block)
{
	const char *text = text_of(block, "thinking"), *seal = text_of(block, "signature");

	add(r, ASK_THINKING, text == NULL ? "" : text)->signature = seal != NULL && *seal != '\0' ? seal : NULL;
	return OK;
}

static enum status
read_redacted(struct reader *r, const json_t *block)
{
	const char *data = text_of(block, "data");
	struct buf seal = BUF_INIT(0);

	if (data == NULL)
		return bad(r, "data", "is not a string");
	buf_puts(&seal, ASK_SEAL_REDACTED);
	buf_puts(&seal, data);
	add(r, ASK_THINKING, "")->signature = own(r, seal.data);
	return OK;
}

/* ---- blocks -------------------------------------------------------------------- */

static enum status
read_text(struct reader *r, const json_t *block)
{
	if (text_of(block, "text") == NULL)
		return bad(r, "text", "is not a string");
	add_text(r, text_of(block, "text"));
	return OK;
}

static const struct block_row {
	const char *type;
	enum status (*read)(struct reader *r, const json_t *block);
	size_t n_parts;		   /* at most, beside those of the blocks within it */
	const char *within, *list; /* where these are: in member `list` of `within`, or of itself */
} rows[] = {
	{ "text", read_text, 1, NULL, NULL },
	{ "image", read_image, 1, NULL, NULL },
	{ "document", read_document, 2, "source", "content" },
	{ "search_result", read_search_result, 2, NULL, "content" },
	{ "tool_use", read_call, 1, NULL, NULL },
	{ "tool_result", read_result, 1, NULL, "content" },
	{ "thinking", read_thinking, 1, NULL, NULL },
	{ "redacted_thinking", read_redacted, 1, NULL, NULL },
};

static const struct block_row *
row_of(const json_t *block)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (type_is(block, rows[i].type))
			return &rows[i];
	return NULL;
}

/* How many parts a content may become. */
static size_t
count_parts(const json_t *content)
{
	const struct block_row *row;
	const json_t *block, *within;
	size_t i, n = 1; /* it may be a string */

	json_array_foreach(content, i, block) {
		if ((row = row_of(block)) == NULL)
			continue;
		within = row->within == NULL ? block : json_object_get(block, row->within);
		n += row->n_parts;
		if (row->list != NULL)
			n += count_parts(json_object_get(within, row->list));
	}
	return n;
}

static enum status
read_block(struct reader *r, const json_t *block)
{
	const struct block_row *row = row_of(block);

	if (row == NULL)
		return bad(r, "type", "is not a block that is understood here");
	/* What strings cost is small, and there may be a million of them. */
	if (arena_exhausted(r->a))
		return E_TOO_LARGE;
	return row->read(r, block);
}

static enum status
read_blocks(struct reader *r, const json_t *blocks)
{
	const json_t *block;
	enum status st;
	size_t i;

	if (json_is_string(blocks)) {
		add_text(r, json_string_value(blocks));
		return OK;
	}
	if (!json_is_array(blocks))
		return bad(r, "", "is not a string or a list of blocks");
	json_array_foreach(blocks, i, block) {
		size_t before = enter(r, NULL, i);

		if ((st = read_block(r, block)) != OK)
			return st;
		leave(r, before);
	}
	return OK;
}

/* ---- messages ------------------------------------------------------------------ */

/* r->path stands at the content.  The parts follow those of the message before. */
static enum status
read_content(struct reader *r, const char *role, const json_t *content, struct ask_message *out)
{
	enum status st = read_blocks(r, content);

	*out = (struct ask_message){ .role = role, .parts = r->parts, .n_parts = r->n_parts };
	r->parts += r->n_parts;
	r->n_parts = 0;
	return st;
}

static enum status
read_message(struct reader *r, const json_t *message, struct ask_message *out)
{
	static const char *const roles[] = { "user", "assistant", "system" };
	const char *role = text_of(message, "role");

	for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
		if (role != NULL && strcmp(roles[i], role) == 0) {
			enter(r, "content", 0);
			return read_content(r, roles[i], json_object_get(message, "content"), out);
		}
	return bad(r, "role", "is not user, assistant or system");
}

/* Room for all messages and all their parts: there may be a million of them, which is
 * more than an arena holds. */
static void
make_room(struct reader *r, const json_t *body, struct ask_message **messages)
{
	const json_t *list = json_object_get(body, "messages"), *message;
	size_t i, n = count_parts(json_object_get(body, "system"));

	json_array_foreach(list, i, message)
		n += count_parts(json_object_get(message, "content"));
	r->parts = xcalloc(n, sizeof(*r->parts));
	*messages = xcalloc(json_array_size(list) + 1, sizeof(**messages));
	arena_cleanup(r->a, free, r->parts);
	arena_cleanup(r->a, free, *messages);
}

static enum status
read_messages(struct reader *r, const json_t *body, struct ask_chat *chat)
{
	const json_t *system = given(body, "system"), *list = json_object_get(body, "messages"), *message;
	struct ask_message *out;
	enum status st;
	size_t i;

	if (!json_is_array(list) || json_array_size(list) == 0)
		return bad(r, "messages", "is not a list of messages");
	make_room(r, body, &out);
	chat->messages = out;
	if (system != NULL) {
		enter(r, "system", 0);
		if ((st = read_content(r, "system", system, out)) != OK)
			return st;
		chat->n_messages += out->n_parts > 0;
		leave(r, 0);
	}
	json_array_foreach(list, i, message) {
		enter(r, "messages", 0);
		enter(r, NULL, i);
		if ((st = read_message(r, message, &out[chat->n_messages++])) != OK)
			return st;
		leave(r, 0);
	}
	return OK;
}

/* ---- tools --------------------------------------------------------------------- */

static enum status
read_tool(struct reader *r, const json_t *tool, struct ask_tool *out)
{
	const json_t *schema = json_object_get(tool, "input_schema");
	const char *type = text_of(tool, "type");

	out->name = text_of(tool, "name");
	if (type != NULL && strcmp(type, "custom") != 0)
		return bad(r, "type", "is a tool of its maker's: only tools of the caller are understood here");
	if (out->name == NULL)
		return bad(r, "name", "is not a string");
	if (!json_is_object(schema))
		return bad(r, "input_schema", "is not an object");
	if (arena_exhausted(r->a))
		return E_TOO_LARGE;
	out->description = text_of(tool, "description");
	out->parameters = dumped(r, schema);
	out->strict = json_is_true(json_object_get(tool, "strict"));
	return OK;
}

static enum status
read_tools(struct reader *r, const json_t *body, struct ask_chat *chat)
{
	const json_t *list = given(body, "tools"), *tool;
	struct ask_tool *out;
	enum status st;
	size_t i;

	if (list == NULL)
		return OK;
	if (!json_is_array(list))
		return bad(r, "tools", "is not a list");
	out = xcalloc(json_array_size(list) + 1, sizeof(*out));
	arena_cleanup(r->a, free, out);
	chat->tools = out;
	json_array_foreach(list, i, tool) {
		enter(r, "tools", 0);
		enter(r, NULL, i);
		if ((st = read_tool(r, tool, &out[chat->n_tools++])) != OK)
			return st;
		leave(r, 0);
	}
	return OK;
}

static enum status
read_choice(struct reader *r, const json_t *body, struct ask_chat *chat)
{
	static const struct {
		const char *type;
		enum ask_choice choice;
	} choices[] = { { "auto", CHOICE_AUTO }, { "any", CHOICE_ANY }, { "tool", CHOICE_NAMED },
		{ "none", CHOICE_NONE } };
	const json_t *choice = given(body, "tool_choice");

	if (choice == NULL)
		return OK;
	chat->one_call = json_is_true(json_object_get(choice, "disable_parallel_tool_use"));
	for (size_t i = 0; i < sizeof(choices) / sizeof(choices[0]); i++)
		if (type_is(choice, choices[i].type)) {
			chat->choice = choices[i].choice;
			chat->choice_name = text_of(choice, "name");
			return chat->choice != CHOICE_NAMED || chat->choice_name != NULL
			    ? OK
			    : bad(r, "tool_choice.name", "is not a string");
		}
	return bad(r, "tool_choice.type", "is not auto, any, tool or none");
}

/* ---- how to answer ------------------------------------------------------------- */

/* A number from 0 to 1; absent: nothing is changed. */
static enum status
read_share(struct reader *r, const json_t *body, const char *name, double *out)
{
	const json_t *value = given(body, name);
	double number = json_number_value(value);

	if (value == NULL)
		return OK;
	if (!json_is_number(value) || !(number >= 0 && number <= 1))
		return bad(r, name, "is not a number from 0 to 1");
	*out = number;
	return OK;
}

/* A whole number from min; absent: nothing is changed. */
static enum status
read_integer(struct reader *r, const json_t *object, const char *name, json_int_t min, int64_t *out)
{
	const json_t *value = given(object, name);
	json_int_t number = json_integer_value(value);

	if (value == NULL)
		return OK;
	if (!json_is_integer(value) || number < min || number > INTEGER_MAX)
		return bad(r, name, "is not a whole number that is right here");
	*out = number;
	return OK;
}

static enum status
read_stop(struct reader *r, const json_t *body, struct ask_chat *chat)
{
	const json_t *list = given(body, "stop_sequences"), *word;
	const char **out;
	size_t i;

	if (list == NULL)
		return OK;
	if (!json_is_array(list))
		return bad(r, "stop_sequences", "is not a list of strings");
	out = xcalloc(json_array_size(list) + 1, sizeof(*out));
	arena_cleanup(r->a, free, out);
	chat->stop = out;
	json_array_foreach(list, i, word) {
		if (!json_is_string(word))
			return bad(r, "stop_sequences", "is not a list of strings");
		out[chat->n_stop++] = json_string_value(word);
	}
	return OK;
}

static enum status
read_effort(struct reader *r, const json_t *output, struct ask_chat *chat)
{
	static const struct {
		const char *word;
		enum ask_effort effort;
	} efforts[] = { { "low", EFFORT_LOW }, { "medium", EFFORT_MEDIUM }, { "high", EFFORT_HIGH },
		{ "xhigh", EFFORT_MAX }, { "max", EFFORT_MAX } };
	const json_t *value = given(output, "effort");

	if (value == NULL)
		return OK;
	for (size_t i = 0; i < sizeof(efforts) / sizeof(efforts[0]); i++)
		if (json_is_string(value) && strcmp(efforts[i].word, json_string_value(value)) == 0) {
			chat->effort = efforts[i].effort;
			return OK;
		}
	return bad(r, "output_config.effort", "is not low, medium, high, xhigh or max");
}

/* "thinking" says whether, "effort" how much; adaptive without an effort is high, as
 * the maker has it. */
static enum status
read_thinking_config(struct reader *r, const json_t *body, struct ask_chat *chat)
{
	const json_t *thinking = given(body, "thinking");
	enum status st = OK;

	if (thinking == NULL)
		return OK;
	if (type_is(thinking, "disabled")) {
		chat->effort = EFFORT_NONE;
	} else if (type_is(thinking, "adaptive")) {
		chat->effort = chat->effort == EFFORT_UNSAID ? EFFORT_HIGH : chat->effort;
	} else if (type_is(thinking, "enabled")) {
		enter(r, "thinking", 0);
		st = read_integer(r, thinking, "budget_tokens", 1, &chat->thinking_tokens);
		if (st == OK && chat->thinking_tokens == 0)
			st = bad(r, "budget_tokens", "is missing");
		leave(r, 0);
	} else {
		st = bad(r, "thinking.type", "is not enabled, disabled or adaptive");
	}
	return st;
}

/* The format has stood in two places. */
static enum status
read_format(struct reader *r, const json_t *body, struct ask_chat *chat)
{
	const json_t *format = given(given(body, "output_config"), "format");
	const json_t *schema;

	if (format == NULL)
		format = given(body, "output_format");
	if (format == NULL)
		return OK;
	schema = json_object_get(format, "schema");
	if (!type_is(format, "json_schema") || !json_is_object(schema))
		return bad(r, "output_config.format", "is not a json_schema with its schema");
	chat->format = FORMAT_SCHEMA;
	chat->schema = dumped(r, schema);
	return OK;
}

static enum status
read_manner(struct reader *r, const json_t *body, struct dialect_ask *out)
{
	struct ask_chat *chat = &out->ask.chat;
	enum status st;

	if ((st = read_integer(r, body, "max_tokens", 1, &out->ask.max_output_tokens)) != OK ||
	    (st = read_share(r, body, "temperature", &chat->temperature)) != OK ||
	    (st = read_share(r, body, "top_p", &chat->top_p)) != OK ||
	    (st = read_integer(r, body, "top_k", 0, &chat->top_k)) != OK || (st = read_stop(r, body, chat)) != OK ||
	    (st = read_effort(r, json_object_get(body, "output_config"), chat)) != OK ||
	    (st = read_thinking_config(r, body, chat)) != OK)
		return st;
	chat->user = text_of(json_object_get(body, "metadata"), "user_id");
	return read_format(r, body, chat);
}

static enum status
read_body(struct reader *r, const json_t *body, const char *path_model, bool path_stream, struct dialect_ask *out)
{
	const json_t *stream = given(body, "stream");
	enum status st;

	out->model = path_model != NULL ? path_model : text_of(body, "model");
	out->stream = path_stream || json_is_true(stream);
	out->wants_usage = true;
	if (!json_is_object(body))
		return bad(r, "", "the body is not an object");
	if (out->model == NULL)
		return bad(r, "model", "is not a string");
	if (json_array_size(json_object_get(body, "mcp_servers")) > 0)
		return bad(r, "mcp_servers", "is not understood here: let the caller call the tools");
	if (stream != NULL && !json_is_boolean(stream))
		return bad(r, "stream", "is not true or false");
	if ((st = read_messages(r, body, &out->ask.chat)) != OK || (st = read_tools(r, body, &out->ask.chat)) != OK ||
	    (st = read_choice(r, body, &out->ask.chat)) != OK)
		return st;
	return read_manner(r, body, out);
}

enum status
anthropic_read(struct arena *a, const json_t *body, const char *path_model, bool path_stream, struct dialect_ask *out,
    struct dialect_problem *problem)
{
	struct reader r = { .a = a, .problem = problem, .names = json_object() };
	enum status st;

	*out = (struct dialect_ask){ .ask = { .op = OP_CHAT, .chat = { ASK_CHAT_PLAIN } } };
	*problem = (struct dialect_problem){ .field = "" };
	st = read_body(&r, body, path_model, path_stream, out);
	json_decref(r.names);
	return st;
}
