/*
 * The messages of a request of OpenAI's chat completions.
 *
 * Source: platform.openai.com/docs/api-reference/chat/create.  reasoning_content
 * in what the assistant said is DeepSeek's, api-docs.deepseek.com "Thinking Mode";
 * video_url and audio_url are vLLM's, docs.vllm.ai "Multimodal Inputs".
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "wire/openai/openai.h"
#include "wire/openai/reading.h"
#include "wire/value.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

bool
openai_part_add(struct reading *r, struct ask_part part)
{
	r->parts[r->n_parts++] = part;
	r->messages[r->n_messages - 1].n_parts++;
	return true;
}

void
openai_message_add(struct reading *r, const char *role)
{
	r->messages[r->n_messages++] = (struct ask_message){ .role = role, .parts = r->parts + r->n_parts };
}

/* ---- parts of a content ---------------------------------------------------------------- */

bool
openai_is_url(const char *url)
{
	return strncasecmp(url, "https://", 8) == 0 || strncasecmp(url, "http://", 7) == 0 ||
	    strncasecmp(url, "data:", 5) == 0;
}

static bool
read_text(struct reading *r, const json_t *part)
{
	const char *text;

	if (!reading_string(r, part, "text", &text))
		return false;
	return text == NULL ? reading_wrong(r, "text", "is missing")
			    : openai_part_add(r, (struct ask_part){ .kind = ASK_TEXT, .text = text });
}

static bool
read_refusal(struct reading *r, const json_t *part)
{
	const char *text;

	return reading_need_string(r, part, "refusal", &text) &&
	    openai_part_add(r, (struct ask_part){ .kind = ASK_TEXT, .text = text });
}

/* {"image_url":{"url":…}}; some say {"image_url":"…"}. */
static bool
read_attachment(struct reading *r, const json_t *part, const char *name, enum ask_part_kind kind)
{
	const json_t *object = json_object_get(part, name);
	const char *url = json_string_value(object);
	size_t before = reading_enter(r, ".%s", name);

	if (url == NULL && !json_is_object(object))
		return reading_wrong(r, "", "must be an object with a url");
	if (url == NULL && !reading_need_string(r, object, "url", &url))
		return false;
	if (!openai_is_url(url))
		return reading_wrong(r, "url", "must be an http, https or data URL");
	reading_leave(r, before);
	return openai_part_add(r, (struct ask_part){ .kind = kind, .url = url });
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

const char *
openai_data_url(struct reading *r, const char *type, const char *base64)
{
	struct buf b = BUF_INIT(0);

	buf_printf(&b, "data:%s;base64,", type);
	buf_puts(&b, base64);
	return reading_keep(r, b.data);
}

/* DashScope's clients give the whole URL here. */
static bool
read_audio(struct reading *r, const json_t *part)
{
	const json_t *audio;
	const char *data, *format;
	char type[32];
	size_t before;

	if (!reading_need_object(r, part, "input_audio", &audio))
		return false;
	before = reading_enter(r, ".input_audio");
	if (!reading_need_string(r, audio, "data", &data) || !reading_string(r, audio, "format", &format))
		return false;
	if (!openai_is_url(data)) {
		if (format == NULL)
			return reading_wrong(r, "format", "is missing");
		if (strspn(format, "abcdefghijklmnopqrstuvwxyz0123456789") != strlen(format) || strlen(format) > 16)
			return reading_wrong(r, "format", "is not the name of a format");
		snprintf(type, sizeof(type), "audio/%s", strcmp(format, "mp3") == 0 ? "mpeg" : format);
		data = openai_data_url(r, type, data);
	}
	reading_leave(r, before);
	return openai_part_add(r, (struct ask_part){ .kind = ASK_AUDIO, .url = data });
}

/* A file named by its id lies at an account that is not the channel's. */
static bool
read_file(struct reading *r, const json_t *part)
{
	const json_t *file;
	const char *data, *name;
	size_t before;

	if (!reading_need_object(r, part, "file", &file))
		return false;
	before = reading_enter(r, ".file");
	if (reading_member(file, "file_id") != NULL && reading_member(file, "file_data") == NULL)
		return reading_wrong(r, "file_id", "is not supported, send file_data");
	if (!reading_need_string(r, file, "file_data", &data) || !reading_string(r, file, "filename", &name))
		return false;
	if (!openai_is_url(data))
		data = openai_data_url(r, "application/pdf", data);
	reading_leave(r, before);
	return openai_part_add(r, (struct ask_part){ .kind = ASK_FILE, .url = data, .name = name });
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
		return reading_wrong(r, "", "must be an object");
	if (!reading_need_string(r, part, "type", &type))
		return false;
	for (size_t i = 0; i < COUNT(part_rows); i++)
		if (strcmp(part_rows[i].type, type) == 0)
			return part_rows[i].read(r, part);
	return reading_wrong(r, "type", "is of a kind that is not supported");
}

/* A string, an array of parts, or nothing. */
static bool
read_content(struct reading *r, const json_t *message)
{
	const json_t *content = reading_member(message, "content"), *part;
	size_t i, before;

	if (content == NULL)
		return true;
	if (json_is_string(content))
		return openai_part_add(r, (struct ask_part){ .kind = ASK_TEXT, .text = json_string_value(content) });
	if (!json_is_array(content))
		return reading_wrong(r, "content", "must be a string or an array");
	json_array_foreach(content, i, part) {
		before = reading_enter(r, ".content[%zu]", i);
		if (!read_part(r, part))
			return false;
		reading_leave(r, before);
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

	if (text == NULL)
		return json_is_object(value) ? reading_json(r, value) : "{}";
	if (text[strspn(text, " \t\r\n")] == '\0')
		return "{}";
	if (value_is_object(text, strlen(text)))
		return text;
	buf_puts(&wrapped, "{\"arguments\":");
	buf_json(&wrapped, text, strlen(text));
	buf_puts(&wrapped, "}");
	return reading_keep(r, wrapped.data);
}

bool
openai_call_add(struct reading *r, const char *id, const json_t *function)
{
	const char *name;

	if (!reading_need_string(r, function, "name", &name))
		return false;
	if (r->names == NULL)
		r->names = json_object();
	json_object_set(r->names, id, json_object_get(function, "name"));
	return openai_part_add(r,
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
		return reading_wrong(r, "", "must be an object");
	if (!reading_string(r, call, "type", &type))
		return false;
	if (type != NULL && strcmp(type, "function") != 0)
		return reading_wrong(r, "type", "is not supported: only calls of functions are");
	if (!reading_need_string(r, call, "id", &id) || !reading_need_object(r, call, "function", &function))
		return false;
	reading_enter(r, ".function");
	return openai_call_add(r, id, function);
}

static bool
read_calls(struct reading *r, const json_t *message)
{
	const json_t *calls, *call, *function;
	size_t i, before;

	if (!reading_array(r, message, "tool_calls", &calls) || !reading_object(r, message, "function_call", &function))
		return false;
	json_array_foreach(calls, i, call) {
		before = reading_enter(r, ".tool_calls[%zu]", i);
		if (!read_call(r, call))
			return false;
		reading_leave(r, before);
	}
	if (function == NULL)
		return true;
	before = reading_enter(r, ".function_call");
	r->function_id = arena_printf(r->a, "call_%zu", r->n_parts);
	if (!openai_call_add(r, r->function_id, function))
		return false;
	reading_leave(r, before);
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

		before = reading_enter(r, ".content[%zu]", i);
		ok = read_part(r, part);
		if (!ok)
			break;
		reading_leave(r, before);
		if (r->parts + r->n_parts > added && added->kind == ASK_TEXT) {
			buf_puts(&text, added->text);
			r->n_parts--;
			r->messages[r->n_messages - 1].n_parts--;
		}
	}
	if (text.data != NULL)
		result->text = reading_keep(r, text.data);
	return ok;
}

/* Results that follow each other are one message of the user's. */
static bool
read_result(struct reading *r, const json_t *message, const char *id)
{
	const json_t *content = reading_member(message, "content");
	const char *name = json_string_value(json_object_get(r->names, id));
	struct ask_part *result = r->parts + r->n_parts;

	if (!r->is_after_result)
		openai_message_add(r, "user");
	if (name == NULL && !reading_string(r, message, "name", &name))
		return false;
	openai_part_add(r, (struct ask_part){ .kind = ASK_RESULT, .id = id, .name = name, .text = "" });
	if (json_is_array(content))
		return read_result_parts(r, content, result);
	if (content != NULL && !json_is_string(content))
		return reading_wrong(r, "content", "must be a string or an array");
	if (content != NULL)
		result->text = json_string_value(content);
	return true;
}

/* ---- messages ----------------------------------------------------------------------------- */

static bool
read_tool(struct reading *r, const json_t *message)
{
	const char *id;

	return reading_need_string(r, message, "tool_call_id", &id) && read_result(r, message, id);
}

/* The old kind of result names the function, not the call. */
static bool
read_function(struct reading *r, const json_t *message)
{
	const char *name;

	if (!reading_need_string(r, message, "name", &name))
		return false;
	return read_result(r, message, r->function_id == NULL ? name : r->function_id);
}

static bool
read_system(struct reading *r, const json_t *message)
{
	openai_message_add(r, "system");
	return read_content(r, message);
}

static bool
read_user(struct reading *r, const json_t *message)
{
	openai_message_add(r, "user");
	return read_content(r, message);
}

static bool
read_assistant(struct reading *r, const json_t *message)
{
	const char *thought, *refusal;

	openai_message_add(r, "assistant");
	if (reading_member(message, "audio") != NULL)
		return reading_wrong(r, "audio", "is not supported");
	if (!reading_string(r, message, "reasoning_content", &thought) ||
	    !reading_string(r, message, "refusal", &refusal))
		return false;
	if (thought != NULL && *thought != '\0')
		openai_part_add(r, (struct ask_part){ .kind = ASK_THINKING, .text = thought });
	if (!read_content(r, message))
		return false;
	if (refusal != NULL && *refusal != '\0')
		openai_part_add(r, (struct ask_part){ .kind = ASK_TEXT, .text = refusal });
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
		return reading_wrong(r, "", "must be an object");
	if (!reading_need_string(r, message, "role", &role))
		return false;
	for (size_t i = 0; i < COUNT(role_rows); i++)
		if (strcmp(role_rows[i].role, role) == 0) {
			bool ok = role_rows[i].read(r, message);

			r->is_after_result = role_rows[i].is_result;
			return ok;
		}
	return reading_wrong(r, "role", "must be system, developer, user, assistant, tool or function");
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
		n += reading_member(message, single[i]) != NULL;
	return n;
}

bool
openai_messages_read(struct reading *r, const json_t *body)
{
	const json_t *messages, *message;
	size_t i, before, n_parts = 0;

	if (!reading_array(r, body, "messages", &messages))
		return false;
	if (json_array_size(messages) == 0)
		return reading_wrong(r, "messages", messages == NULL ? "is missing" : "must not be empty");
	json_array_foreach(messages, i, message)
		n_parts += count_parts(message);
	r->messages = reading_keep(r, xcalloc(json_array_size(messages), sizeof(*r->messages)));
	r->parts = reading_keep(r, xcalloc(n_parts + 1, sizeof(*r->parts)));
	json_array_foreach(messages, i, message) {
		before = reading_enter(r, "messages[%zu]", i);
		if (!read_message(r, message))
			return false;
		reading_leave(r, before);
	}
	r->out->ask.chat.messages = r->messages;
	r->out->ask.chat.n_messages = r->n_messages;
	return true;
}
