/*
 * What clients of OpenAI's chat completions ask, in neutral words: the inverse
 * of chat_ask.c.
 *
 * Source: platform.openai.com/docs/api-reference/chat/create.  reasoning_content
 * in what the assistant said is DeepSeek's, api-docs.deepseek.com "Thinking Mode";
 * video_url and audio_url are vLLM's, docs.vllm.ai "Multimodal Inputs"; top_k is
 * both's.  Members that are not named here change nothing that could be said.
 *
 * A body may be nearly as large as the request's arena: lists and made texts are
 * malloc'ed and freed with it.
 */
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "base/scan.h"
#include "wire/openai/openai.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct reading {
	struct arena *a;
	struct dialect_problem *problem;
	struct dialect_ask *out;
	char at[64];   /* where we are: "messages[2].content[0]" */
	size_t at_len; /* of it */

	struct ask_message *messages;
	struct ask_part *parts; /* of all messages, one after the other */
	size_t n_messages, n_parts;
	json_t *names;		 /* of the functions called so far, by the id of the call */
	bool is_after_result;	 /* the message before brought the result of a call */
	const char *function_id; /* of the last call of the old kind, which has none */
};

/* ---- where we are, and what is wrong there ---------------------------------------- */

/* Go to a place within this one; returns what leave() takes. */
PRINTF_LIKE(2, 3)
static size_t
enter(struct reading *r, const char *fmt, ...)
{
	size_t before = r->at_len, room = sizeof(r->at) - before;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(r->at + before, room, fmt, ap);
	va_end(ap);
	if (n > 0)
		r->at_len += (size_t)n < room ? (size_t)n : room - 1;
	return before;
}

static void
leave(struct reading *r, size_t before)
{
	r->at_len = before;
	r->at[before] = '\0';
}

/* Always false. */
static bool
wrong(struct reading *r, const char *member, const char *text)
{
	snprintf(r->problem->field, sizeof(r->problem->field), "%s%s%s", r->at,
	    r->at_len > 0 && *member != '\0' ? "." : "", member);
	snprintf(r->problem->text, sizeof(r->problem->text), "%s", text);
	return false;
}

/* ---- members ------------------------------------------------------------------------ */

/* A member that may be absent or null, which is NULL. */
static const json_t *
member(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);

	return json_is_null(value) ? NULL : value;
}

static bool
get_string(struct reading *r, const json_t *object, const char *name, const char **out)
{
	const json_t *value = member(object, name);

	*out = json_string_value(value);
	return value == NULL || *out != NULL || wrong(r, name, "must be a string");
}

/* One that must be there and say something. */
static bool
need_string(struct reading *r, const json_t *object, const char *name, const char **out)
{
	if (!get_string(r, object, name, out))
		return false;
	if (*out == NULL)
		return wrong(r, name, "is missing");
	return **out != '\0' || wrong(r, name, "must not be empty");
}

static bool
get_object(struct reading *r, const json_t *object, const char *name, const json_t **out)
{
	*out = member(object, name);
	return *out == NULL || json_is_object(*out) || wrong(r, name, "must be an object");
}

static bool
need_object(struct reading *r, const json_t *object, const char *name, const json_t **out)
{
	return get_object(r, object, name, out) && (*out != NULL || wrong(r, name, "is missing"));
}

static bool
get_array(struct reading *r, const json_t *object, const char *name, const json_t **out)
{
	*out = member(object, name);
	return *out == NULL || json_is_array(*out) || wrong(r, name, "must be an array");
}

/* *out stays what it was when the member is absent. */
static bool
get_bool(struct reading *r, const json_t *object, const char *name, bool *out)
{
	const json_t *value = member(object, name);

	if (value == NULL)
		return true;
	*out = json_is_true(value);
	return json_is_boolean(value) || wrong(r, name, "must be true or false");
}

static bool
get_number(struct reading *r, const json_t *object, const char *name, double max, double *out)
{
	const json_t *value = member(object, name);
	char text[64];

	if (value == NULL)
		return true;
	*out = json_number_value(value);
	if (json_is_number(value) && *out >= 0 && *out <= max)
		return true;
	snprintf(text, sizeof(text), "must be a number from 0 to %g", max);
	return wrong(r, name, text);
}

/* Some clients have one kind of number only, and say 4096.0. */
static bool
get_integer(struct reading *r, const json_t *object, const char *name, int64_t min, int64_t *out)
{
	const json_t *value = member(object, name);
	double real = json_real_value(value);
	char text[64];

	if (value == NULL)
		return true;
	if (json_is_real(value) && real >= -1e15 && real <= 1e15 && real == (double)(int64_t)real)
		*out = (int64_t)real;
	else if (json_is_integer(value))
		*out = json_integer_value(value);
	else
		return wrong(r, name, "must be an integer");
	if (*out >= min)
		return true;
	snprintf(text, sizeof(text), "must be %lld or more", (long long)min);
	return wrong(r, name, text);
}

/* ---- what is made ------------------------------------------------------------------- */

static void *
freed_with(struct arena *a, void *memory)
{
	arena_cleanup(a, free, memory);
	return memory;
}

static const char *
json_text(struct reading *r, const json_t *value)
{
	return freed_with(r->a, json_dumps(value, JSON_COMPACT | JSON_REAL_PRECISION(15)));
}

/* Always true. */
static bool
add_part(struct reading *r, struct ask_part part)
{
	r->parts[r->n_parts++] = part;
	r->messages[r->n_messages - 1].n_parts++;
	return true;
}

static void
add_message(struct reading *r, const char *role)
{
	r->messages[r->n_messages++] = (struct ask_message){ .role = role, .parts = r->parts + r->n_parts };
}

/* ---- parts of a content ---------------------------------------------------------------- */

static bool
is_url(const char *url)
{
	return strncasecmp(url, "https://", 8) == 0 || strncasecmp(url, "http://", 7) == 0 ||
	    strncasecmp(url, "data:", 5) == 0;
}

static bool
read_text(struct reading *r, const json_t *part)
{
	const char *text;

	if (!get_string(r, part, "text", &text))
		return false;
	return text == NULL ? wrong(r, "text", "is missing")
			    : add_part(r, (struct ask_part){ .kind = ASK_TEXT, .text = text });
}

static bool
read_refusal(struct reading *r, const json_t *part)
{
	const char *text;

	return need_string(r, part, "refusal", &text) &&
	    add_part(r, (struct ask_part){ .kind = ASK_TEXT, .text = text });
}

/* {"image_url":{"url":…}}; some say {"image_url":"…"}. */
static bool
read_attachment(struct reading *r, const json_t *part, const char *name, enum ask_part_kind kind)
{
	const json_t *object = json_object_get(part, name);
	const char *url = json_string_value(object);
	size_t before = enter(r, ".%s", name);

	if (url == NULL && !json_is_object(object))
		return wrong(r, "", "must be an object with a url");
	if (url == NULL && !need_string(r, object, "url", &url))
		return false;
	if (!is_url(url))
		return wrong(r, "url", "must be an http, https or data URL");
	leave(r, before);
	return add_part(r, (struct ask_part){ .kind = kind, .url = url });
}

static bool
read_image(struct reading *r, const json_t *part)
{
	return read_attachment(r, part, "image_url", ASK_IMAGE);
}

static bool
read_video(struct reading *r, const json_t *part)
{
	return read_attachment(r, part, "video_url", ASK_VIDEO);
}

static bool
read_audio_url(struct reading *r, const json_t *part)
{
	return read_attachment(r, part, "audio_url", ASK_AUDIO);
}

static const char *
data_url(struct reading *r, const char *type, const char *base64)
{
	struct buf b = BUF_INIT(0);

	buf_printf(&b, "data:%s;base64,", type);
	buf_puts(&b, base64);
	return freed_with(r->a, b.data);
}

/* DashScope's clients give the whole URL here. */
static bool
read_audio(struct reading *r, const json_t *part)
{
	const json_t *audio;
	const char *data, *format;
	char type[32];
	size_t before;

	if (!need_object(r, part, "input_audio", &audio))
		return false;
	before = enter(r, ".input_audio");
	if (!need_string(r, audio, "data", &data) || !get_string(r, audio, "format", &format))
		return false;
	if (!is_url(data)) {
		if (format == NULL)
			return wrong(r, "format", "is missing");
		if (strspn(format, "abcdefghijklmnopqrstuvwxyz0123456789") != strlen(format) || strlen(format) > 16)
			return wrong(r, "format", "is not the name of a format");
		snprintf(type, sizeof(type), "audio/%s", strcmp(format, "mp3") == 0 ? "mpeg" : format);
		data = data_url(r, type, data);
	}
	leave(r, before);
	return add_part(r, (struct ask_part){ .kind = ASK_AUDIO, .url = data });
}

/* A file named by its id lies at an account that is not the channel's. */
static bool
read_file(struct reading *r, const json_t *part)
{
	const json_t *file;
	const char *data, *name;
	size_t before;

	if (!need_object(r, part, "file", &file))
		return false;
	before = enter(r, ".file");
	if (member(file, "file_id") != NULL && member(file, "file_data") == NULL)
		return wrong(r, "file_id", "is not supported, send file_data");
	if (!need_string(r, file, "file_data", &data) || !get_string(r, file, "filename", &name))
		return false;
	if (!is_url(data))
		data = data_url(r, "application/pdf", data);
	leave(r, before);
	return add_part(r, (struct ask_part){ .kind = ASK_FILE, .url = data, .name = name });
}

/* What a model thought has no place in this wire's content; Mistral's clients send it back so. */
static bool
pass_over(struct reading *r, const json_t *part)
{
	(void)r;
	(void)part;
	return true;
}

static const struct part_row {
	const char *type;
	bool (*read)(struct reading *r, const json_t *part);
} part_rows[] = {
	{ "text", read_text },
	{ "image_url", read_image },
	{ "input_audio", read_audio },
	{ "file", read_file },
	{ "refusal", read_refusal },
	{ "video_url", read_video },
	{ "audio_url", read_audio_url },
	{ "thinking", pass_over },
};

static bool
read_part(struct reading *r, const json_t *part)
{
	const char *type;

	if (!json_is_object(part))
		return wrong(r, "", "must be an object");
	if (!need_string(r, part, "type", &type))
		return false;
	for (size_t i = 0; i < COUNT(part_rows); i++)
		if (strcmp(part_rows[i].type, type) == 0)
			return part_rows[i].read(r, part);
	return wrong(r, "type", "is of a kind that is not supported");
}

/* A string, an array of parts, or nothing. */
static bool
read_content(struct reading *r, const json_t *message)
{
	const json_t *content = member(message, "content"), *part;
	size_t i, before;

	if (content == NULL)
		return true;
	if (json_is_string(content))
		return add_part(r, (struct ask_part){ .kind = ASK_TEXT, .text = json_string_value(content) });
	if (!json_is_array(content))
		return wrong(r, "content", "must be a string or an array");
	json_array_foreach(content, i, part) {
		before = enter(r, ".content[%zu]", i);
		if (!read_part(r, part))
			return false;
		leave(r, before);
	}
	return true;
}

/* ---- calls and their results ------------------------------------------------------------ */

/* The arguments of a call are promised to be an object; models break that now and
 * then, and clients send back what they got. */
static const char *
call_arguments(struct reading *r, const json_t *value)
{
	const char *text = json_string_value(value);
	struct buf wrapped = BUF_INIT(0);
	struct scan s;

	if (text == NULL)
		return json_is_object(value) ? json_text(r, value) : "{}";
	if (text[strspn(text, " \t\r\n")] == '\0')
		return "{}";
	scan_init(&s, text, strlen(text));
	if (*(text + strspn(text, " \t\r\n")) == '{') {
		scan_skip(&s);
		if (scan_end(&s))
			return text;
	}
	buf_puts(&wrapped, "{\"arguments\":");
	buf_json(&wrapped, text, strlen(text));
	buf_puts(&wrapped, "}");
	return freed_with(r->a, wrapped.data);
}

static bool
add_call(struct reading *r, const char *id, const json_t *function)
{
	const char *name;

	if (!need_string(r, function, "name", &name))
		return false;
	if (r->names == NULL)
		r->names = json_object();
	json_object_set(r->names, id, json_object_get(function, "name"));
	return add_part(r,
	    (struct ask_part){ .kind = ASK_CALL,
		.id = id,
		.name = name,
		.text = call_arguments(r, json_object_get(function, "arguments")) });
}

static bool
read_call(struct reading *r, const json_t *call)
{
	const json_t *function;
	const char *id, *type;

	if (!json_is_object(call))
		return wrong(r, "", "must be an object");
	if (!get_string(r, call, "type", &type))
		return false;
	if (type != NULL && strcmp(type, "function") != 0)
		return wrong(r, "type", "is not supported: only calls of functions are");
	if (!need_string(r, call, "id", &id) || !need_object(r, call, "function", &function))
		return false;
	enter(r, ".function");
	return add_call(r, id, function);
}

static bool
read_calls(struct reading *r, const json_t *message)
{
	const json_t *calls, *call, *function;
	size_t i, before;

	if (!get_array(r, message, "tool_calls", &calls) || !get_object(r, message, "function_call", &function))
		return false;
	json_array_foreach(calls, i, call) {
		before = enter(r, ".tool_calls[%zu]", i);
		if (!read_call(r, call))
			return false;
		leave(r, before);
	}
	if (function == NULL)
		return true;
	before = enter(r, ".function_call");
	r->function_id = arena_printf(r->a, "call_%zu", r->n_parts);
	if (!add_call(r, r->function_id, function))
		return false;
	leave(r, before);
	return true;
}

/* Text in several parts, as one; what is no text follows the result. */
static bool
read_result_parts(struct reading *r, const json_t *content, struct ask_part *result)
{
	struct buf text = BUF_INIT(0);
	const json_t *part;
	size_t i, before;
	bool ok = true;

	json_array_foreach(content, i, part) {
		struct ask_part *added = r->parts + r->n_parts;

		before = enter(r, ".content[%zu]", i);
		ok = read_part(r, part);
		if (!ok)
			break;
		leave(r, before);
		if (r->parts + r->n_parts > added && added->kind == ASK_TEXT) {
			buf_puts(&text, added->text);
			r->n_parts--;
			r->messages[r->n_messages - 1].n_parts--;
		}
	}
	if (text.data != NULL)
		result->text = freed_with(r->a, text.data);
	return ok;
}

/* Results that follow each other are one message of the user's. */
static bool
read_result(struct reading *r, const json_t *message, const char *id)
{
	const json_t *content = member(message, "content");
	const char *name = json_string_value(json_object_get(r->names, id));
	struct ask_part *result = r->parts + r->n_parts;

	if (!r->is_after_result)
		add_message(r, "user");
	if (name == NULL && !get_string(r, message, "name", &name))
		return false;
	add_part(r, (struct ask_part){ .kind = ASK_RESULT, .id = id, .name = name, .text = "" });
	if (json_is_array(content))
		return read_result_parts(r, content, result);
	if (content != NULL && !json_is_string(content))
		return wrong(r, "content", "must be a string or an array");
	if (content != NULL)
		result->text = json_string_value(content);
	return true;
}

/* ---- messages ----------------------------------------------------------------------------- */

static bool
read_tool(struct reading *r, const json_t *message)
{
	const char *id;

	return need_string(r, message, "tool_call_id", &id) && read_result(r, message, id);
}

/* The old kind of result names the function, not the call. */
static bool
read_function(struct reading *r, const json_t *message)
{
	const char *name;

	if (!need_string(r, message, "name", &name))
		return false;
	return read_result(r, message, r->function_id == NULL ? name : r->function_id);
}

static bool
read_system(struct reading *r, const json_t *message)
{
	add_message(r, "system");
	return read_content(r, message);
}

static bool
read_user(struct reading *r, const json_t *message)
{
	add_message(r, "user");
	return read_content(r, message);
}

static bool
read_assistant(struct reading *r, const json_t *message)
{
	const char *thought, *refusal;

	add_message(r, "assistant");
	if (member(message, "audio") != NULL)
		return wrong(r, "audio", "is not supported");
	if (!get_string(r, message, "reasoning_content", &thought) || !get_string(r, message, "refusal", &refusal))
		return false;
	if (thought != NULL && *thought != '\0')
		add_part(r, (struct ask_part){ .kind = ASK_THINKING, .text = thought });
	if (!read_content(r, message))
		return false;
	if (refusal != NULL && *refusal != '\0')
		add_part(r, (struct ask_part){ .kind = ASK_TEXT, .text = refusal });
	return read_calls(r, message);
}

static const struct role_row {
	const char *role;
	bool (*read)(struct reading *r, const json_t *message);
	bool is_result;
} role_rows[] = {
	{ "user", read_user, false },
	{ "assistant", read_assistant, false },
	{ "tool", read_tool, true },
	{ "system", read_system, false },
	{ "developer", read_system, false },
	{ "function", read_function, true },
};

static bool
read_message(struct reading *r, const json_t *message)
{
	const char *role;

	if (!json_is_object(message))
		return wrong(r, "", "must be an object");
	if (!need_string(r, message, "role", &role))
		return false;
	for (size_t i = 0; i < COUNT(role_rows); i++)
		if (strcmp(role_rows[i].role, role) == 0) {
			bool ok = role_rows[i].read(r, message);

			r->is_after_result = role_rows[i].is_result;
			return ok;
		}
	return wrong(r, "role", "must be system, developer, user, assistant, tool or function");
}

/* At most how many parts a message will have. */
static size_t
count_parts(const json_t *message)
{
	static const char *const single[] = { "reasoning_content", "refusal", "function_call", "tool_call_id", "name" };
	const json_t *content = json_object_get(message, "content");
	size_t n = json_array_size(json_object_get(message, "tool_calls"));

	n += json_is_string(content) ? 1 : json_array_size(content);
	for (size_t i = 0; i < COUNT(single); i++)
		n += member(message, single[i]) != NULL;
	return n;
}

static bool
read_messages(struct reading *r, const json_t *body)
{
	const json_t *messages, *message;
	size_t i, before, n_parts = 0;

	if (!get_array(r, body, "messages", &messages))
		return false;
	if (json_array_size(messages) == 0)
		return wrong(r, "messages", messages == NULL ? "is missing" : "must not be empty");
	json_array_foreach(messages, i, message)
		n_parts += count_parts(message);
	r->messages = freed_with(r->a, xcalloc(json_array_size(messages), sizeof(*r->messages)));
	r->parts = freed_with(r->a, xcalloc(n_parts + 1, sizeof(*r->parts)));
	json_array_foreach(messages, i, message) {
		before = enter(r, "messages[%zu]", i);
		if (!read_message(r, message))
			return false;
		leave(r, before);
	}
	r->out->ask.chat.messages = r->messages;
	r->out->ask.chat.n_messages = r->n_messages;
	return true;
}

/* ---- tools --------------------------------------------------------------------------------- */

static bool
read_function_tool(struct reading *r, const json_t *function, struct ask_tool *out)
{
	const json_t *parameters;

	if (!need_string(r, function, "name", &out->name) ||
	    !get_string(r, function, "description", &out->description) ||
	    !get_object(r, function, "parameters", &parameters) || !get_bool(r, function, "strict", &out->strict))
		return false;
	out->parameters = parameters == NULL ? NULL : json_text(r, parameters);
	return true;
}

static bool
read_tool_row(struct reading *r, const json_t *tool, struct ask_tool *out)
{
	const json_t *function;
	const char *type;

	if (!json_is_object(tool))
		return wrong(r, "", "must be an object");
	if (!need_string(r, tool, "type", &type))
		return false;
	if (strcmp(type, "function") != 0)
		return wrong(r, "type", "is not supported: only functions are");
	if (!need_object(r, tool, "function", &function))
		return false;
	enter(r, ".function");
	return read_function_tool(r, function, out);
}

/* "tools", or "functions" of the old kind, which are not wrapped. */
static bool
read_tools(struct reading *r, const json_t *body, const char *name, bool is_wrapped)
{
	const json_t *list, *row;
	struct ask_tool *tools;
	size_t i, before;

	if (!get_array(r, body, name, &list))
		return false;
	if (json_array_size(list) == 0)
		return true;
	tools = freed_with(r->a, xcalloc(json_array_size(list), sizeof(*tools)));
	json_array_foreach(list, i, row) {
		before = enter(r, "%s[%zu]", name, i);
		if (!is_wrapped && !json_is_object(row))
			return wrong(r, "", "must be an object");
		if (!(is_wrapped ? read_tool_row : read_function_tool)(r, row, &tools[i]))
			return false;
		leave(r, before);
	}
	r->out->ask.chat.tools = tools;
	r->out->ask.chat.n_tools = json_array_size(list);
	return true;
}

static bool
read_choice_word(struct reading *r, const char *name, const char *word)
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
	return wrong(r, name, "must be none, auto, required or an object");
}

/* {"type":"function","function":{"name":…}}, or {"name":…} of the old kind. */
static bool
read_choice(struct reading *r, const json_t *body, const char *name, bool is_wrapped)
{
	const json_t *choice = member(body, name);
	const char *type = json_string_value(json_object_get(choice, "type"));

	if (choice == NULL)
		return true;
	if (json_is_string(choice))
		return read_choice_word(r, name, json_string_value(choice));
	if (!json_is_object(choice))
		return wrong(r, name, "must be a string or an object");
	enter(r, "%s", name);
	if (is_wrapped) {
		if (type == NULL || strcmp(type, "function") != 0)
			return wrong(r, "type", "is not supported: only function is");
		if (!need_object(r, choice, "function", &choice))
			return false;
		enter(r, ".function");
	}
	if (!need_string(r, choice, "name", &r->out->ask.chat.choice_name))
		return false;
	leave(r, 0);
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
	    !get_bool(r, body, "parallel_tool_calls", &parallel))
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

	if (!need_object(r, format, "json_schema", &object))
		return false;
	enter(r, ".json_schema");
	if (!get_string(r, object, "name", &chat->schema_name) || !need_object(r, object, "schema", &schema))
		return false;
	chat->schema = json_text(r, schema);
	chat->format = FORMAT_SCHEMA;
	return true;
}

static bool
read_format(struct reading *r, const json_t *body)
{
	const json_t *format;
	const char *type;

	if (!get_object(r, body, "response_format", &format))
		return false;
	if (format == NULL)
		return true;
	enter(r, "response_format");
	if (!need_string(r, format, "type", &type))
		return false;
	if (strcmp(type, "json_schema") == 0 && !read_schema(r, format))
		return false;
	if (strcmp(type, "json_object") == 0)
		r->out->ask.chat.format = FORMAT_JSON;
	else if (strcmp(type, "json_schema") != 0 && strcmp(type, "text") != 0)
		return wrong(r, "type", "must be text, json_object or json_schema");
	leave(r, 0);
	return true;
}

static bool
read_effort(struct reading *r, const json_t *body)
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

	if (!get_string(r, body, "reasoning_effort", &effort))
		return false;
	if (effort == NULL)
		return true;
	for (size_t i = 0; i < COUNT(words); i++)
		if (strcmp(words[i].word, effort) == 0) {
			r->out->ask.chat.effort = words[i].effort;
			return true;
		}
	return wrong(r, "reasoning_effort", "must be none, minimal, low, medium, high or xhigh");
}

static bool
read_stop(struct reading *r, const json_t *body)
{
	const json_t *stop = member(body, "stop"), *word;
	const char **words;
	size_t i, n = json_is_string(stop) ? 1 : json_array_size(stop);

	if (stop != NULL && !json_is_string(stop) && !json_is_array(stop))
		return wrong(r, "stop", "must be a string or an array of strings");
	if (n == 0)
		return true;
	words = freed_with(r->a, xcalloc(n, sizeof(*words)));
	words[0] = json_string_value(stop);
	json_array_foreach(stop, i, word)
		if ((words[i] = json_string_value(word)) == NULL)
			return wrong(r, "stop", "must be a string or an array of strings");
	r->out->ask.chat.stop = words;
	r->out->ask.chat.n_stop = n;
	return true;
}

/* A negative seed cannot be said, and promises nothing. */
static bool
read_sampling(struct reading *r, const json_t *body)
{
	struct ask_chat *chat = &r->out->ask.chat;

	if (!get_number(r, body, "temperature", 2, &chat->temperature) ||
	    !get_number(r, body, "top_p", 1, &chat->top_p) || !get_integer(r, body, "top_k", -1, &chat->top_k) ||
	    !get_integer(r, body, "seed", INT64_MIN, &chat->seed))
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

	return get_integer(r, body, "max_tokens", 1, &ask->max_output_tokens) &&
	    get_integer(r, body, "max_completion_tokens", 1, &ask->max_output_tokens) &&
	    get_string(r, body, "user", &ask->chat.user) &&
	    (ask->chat.user != NULL || get_string(r, body, "safety_identifier", &ask->chat.user));
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
		if (rows[i].is_asked(member(body, rows[i].name)))
			return wrong(r, rows[i].name, rows[i].problem);
	return true;
}

/* ---- all of it ---------------------------------------------------------------------------------- */

static bool
read_stream(struct reading *r, const json_t *body)
{
	const json_t *options;

	if (!get_bool(r, body, "stream", &r->out->stream) || !get_object(r, body, "stream_options", &options))
		return false;
	enter(r, "stream_options");
	if (!get_bool(r, options, "include_usage", &r->out->wants_usage))
		return false;
	leave(r, 0);
	return true;
}

static bool
read_model(struct reading *r, const json_t *body, const char *path_model)
{
	if (path_model == NULL)
		return need_string(r, body, "model", &r->out->model);
	r->out->model = path_model;
	return true;
}

static bool
read_body(struct reading *r, const json_t *body, const char *path_model)
{
	if (!json_is_object(body))
		return wrong(r, "", "must be an object");
	return read_model(r, body, path_model) && is_possible(r, body) && read_stream(r, body) &&
	    read_messages(r, body) && read_all_tools(r, body) && read_format(r, body) && read_effort(r, body) &&
	    read_stop(r, body) && read_sampling(r, body) && read_limits(r, body);
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
