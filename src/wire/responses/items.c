/*
 * The items of a request's input, as messages: the inverse of ask.c.
 *
 * What the assistant said, thought and called is one message as long as nobody else
 * speaks, and so are the results that follow each other: calls and their results stand
 * side by side then, as other wires want them.
 */
#include <string.h>

#include "base/memory.h"
#include "wire/openai/openai.h"
#include "wire/responses/responses.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct ask_message *
last_message(const struct reading *r)
{
	return r->n_messages == 0 ? NULL : &r->messages[r->n_messages - 1];
}

static bool
has_part(const struct ask_message *m, enum ask_part_kind kind)
{
	for (size_t i = 0; i < m->n_parts; i++)
		if (m->parts[i].kind == kind)
			return true;
	return false;
}

/* Go on with what the assistant says, unless it has said something and called nothing. */
static void
open_assistant(struct reading *r, bool is_call)
{
	const struct ask_message *m = last_message(r);

	if (m == NULL || strcmp(m->role, "assistant") != 0 ||
	    (!is_call && has_part(m, ASK_TEXT) && !has_part(m, ASK_CALL)))
		openai_message_add(r, "assistant");
}

/* ---- parts of a content -------------------------------------------------------------- */

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

static bool
read_image(struct reading *r, const json_t *part)
{
	const char *url;

	if (reading_member(part, "image_url") == NULL && reading_member(part, "file_id") != NULL)
		return reading_own_only(r, "file_id", "is not supported here, send image_url");
	if (!reading_need_string(r, part, "image_url", &url))
		return false;
	if (!openai_is_url(url))
		return reading_wrong(r, "image_url", "must be an http, https or data URL");
	return openai_part_add(r, (struct ask_part){ .kind = ASK_IMAGE, .url = url });
}

static bool
read_file(struct reading *r, const json_t *part)
{
	const char *data, *url, *name;

	if (!reading_string(r, part, "file_data", &data) || !reading_string(r, part, "file_url", &url) ||
	    !reading_string(r, part, "filename", &name))
		return false;
	if (data == NULL && url == NULL)
		return reading_member(part, "file_id") == NULL
		    ? reading_wrong(r, "file_data", "is missing")
		    : reading_own_only(r, "file_id", "is not supported here, send file_data");
	if (data != NULL)
		url = openai_is_url(data) ? data : openai_data_url(r, "application/pdf", data);
	else if (!openai_is_url(url))
		return reading_wrong(r, "file_url", "must be an http, https or data URL");
	return openai_part_add(r, (struct ask_part){ .kind = ASK_FILE, .url = url, .name = name });
}

static const struct part_row {
	const char *type;
	bool (*read)(struct reading *r, const json_t *part);
} part_rows[] = {
	{ "input_text", read_text },
	{ "output_text", read_text },
	{ "text", read_text },
	{ "input_image", read_image },
	{ "input_file", read_file },
	{ "refusal", read_refusal },
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
	return reading_own_only(r, "type", "is of a kind that is not supported here");
}

static bool
read_content(struct reading *r, const json_t *item)
{
	const json_t *content = reading_member(item, "content"), *part;
	size_t i, before;

	if (json_is_string(content))
		return openai_part_add(r, (struct ask_part){ .kind = ASK_TEXT, .text = json_string_value(content) });
	if (!json_is_array(content))
		return reading_wrong(r, "content", content == NULL ? "is missing" : "must be a string or an array");
	json_array_foreach(content, i, part) {
		before = reading_enter(r, ".content[%zu]", i);
		if (!read_part(r, part))
			return false;
		reading_leave(r, before);
	}
	return true;
}

/* ---- items ------------------------------------------------------------------------------ */

static bool
read_message(struct reading *r, const json_t *item)
{
	const char *role;

	if (!reading_need_string(r, item, "role", &role))
		return false;
	if (strcmp(role, "assistant") == 0)
		open_assistant(r, false);
	else if (strcmp(role, "user") == 0)
		openai_message_add(r, "user");
	else if (strcmp(role, "system") == 0 || strcmp(role, "developer") == 0)
		openai_message_add(r, "system");
	else
		return reading_wrong(r, "role", "must be user, assistant, system or developer");
	return read_content(r, item);
}

/* What was thought, or told of it: the texts, one behind the other. */
static const char *
thought_of(struct reading *r, const json_t *item)
{
	const json_t *list = json_object_get(item, "summary"), *row;
	struct buf text = BUF_INIT(0);
	size_t i;

	if (json_array_size(list) == 0)
		list = json_object_get(item, "content");
	json_array_foreach(list, i, row) {
		const char *said = json_string_value(json_object_get(row, "text"));

		if (said != NULL && text.len > 0)
			buf_puts(&text, "\n\n");
		if (said != NULL)
			buf_puts(&text, said);
	}
	return text.data == NULL ? "" : reading_keep(r, text.data);
}

/* As the wire tells of it (answer.c): of OpenAI's, when it did not leave as ours. */
static const char *
seal_of(struct reading *r, const char *sealed)
{
	struct buf seal = BUF_INIT(0);

	if (sealed == NULL || *sealed == '\0')
		return NULL;
	if (strncmp(sealed, RESPONSES_SEAL, strlen(RESPONSES_SEAL)) == 0)
		return sealed[strlen(RESPONSES_SEAL)] == '\0' ? NULL : sealed + strlen(RESPONSES_SEAL);
	buf_puts(&seal, ASK_SEAL_OPENAI);
	buf_puts(&seal, sealed);
	return reading_keep(r, seal.data);
}

/* What nothing is left of is dropped. */
static bool
read_reasoning(struct reading *r, const json_t *item)
{
	struct ask_part part = { .kind = ASK_THINKING, .text = thought_of(r, item) };
	const char *sealed;

	if (!reading_string(r, item, "encrypted_content", &sealed))
		return false;
	part.signature = seal_of(r, sealed);
	if (*part.text == '\0' && part.signature == NULL)
		return true;
	open_assistant(r, false);
	return openai_part_add(r, part);
}

static void
forget_json(void *value)
{
	json_decref(value);
}

/* Takes over `arguments`. */
static bool
add_call(struct reading *r, const json_t *item, const char *name, json_t *arguments)
{
	json_t *function = json_pack("{s:s, s:o}", "name", name, "arguments", arguments);
	const char *id;

	arena_cleanup(r->a, forget_json, function);
	if (!reading_need_string(r, item, "call_id", &id))
		return false;
	open_assistant(r, true);
	return openai_call_add(r, id, function);
}

static bool
read_call(struct reading *r, const json_t *item)
{
	const char *name, *space, *arguments;

	if (!reading_need_string(r, item, "name", &name) || !reading_string(r, item, "namespace", &space) ||
	    !reading_string(r, item, "arguments", &arguments))
		return false;
	if (space != NULL && *space != '\0')
		name = responses_flat_name(r->a, space, name);
	return add_call(r, item, name, json_string(arguments == NULL ? "" : arguments));
}

static bool
read_custom_call(struct reading *r, const json_t *item)
{
	const char *name, *input;

	return reading_need_string(r, item, "name", &name) && reading_string(r, item, "input", &input) &&
	    add_call(r, item, name, json_pack("{s:s}", "input", input == NULL ? "" : input));
}

/* Text in several parts, as one; what is no text follows the result. */
static bool
read_result_parts(struct reading *r, const json_t *list, struct ask_part *result)
{
	struct buf text = BUF_INIT(0);
	const json_t *part;
	size_t i, before;
	bool ok = true;

	json_array_foreach(list, i, part) {
		struct ask_part *added = r->parts + r->n_parts;

		before = reading_enter(r, ".output[%zu]", i);
		if (!(ok = read_part(r, part)))
			break;
		reading_leave(r, before);
		if (r->parts + r->n_parts > added && added->kind == ASK_TEXT) {
			buf_puts(&text, added->text);
			r->n_parts--;
			last_message(r)->n_parts--;
		}
	}
	if (text.data != NULL)
		result->text = reading_keep(r, text.data);
	return ok;
}

static bool
read_result(struct reading *r, const json_t *item)
{
	const json_t *output = reading_member(item, "output");
	struct ask_part *result = r->parts + r->n_parts;
	const char *id;

	if (!reading_need_string(r, item, "call_id", &id))
		return false;
	if (!r->is_after_result)
		openai_message_add(r, "user");
	openai_part_add(r,
	    (struct ask_part){
		.kind = ASK_RESULT, .id = id, .name = json_string_value(json_object_get(r->names, id)), .text = "" });
	if (json_is_array(output))
		return read_result_parts(r, output, result);
	if (output != NULL && !json_is_string(output))
		return reading_wrong(r, "output", "must be a string or an array");
	if (output != NULL)
		result->text = json_string_value(output);
	return true;
}

static const struct item_row {
	const char *type;
	bool (*read)(struct reading *r, const json_t *item);
	bool is_result;
} item_rows[] = {
	{ "message", read_message, false },
	{ "function_call", read_call, false },
	{ "function_call_output", read_result, true },
	{ "reasoning", read_reasoning, false },
	{ "custom_tool_call", read_custom_call, false },
	{ "custom_tool_call_output", read_result, true },
};

/* {role, content} is a message that does not say so. */
static bool
read_item(struct reading *r, const json_t *item)
{
	const char *type;

	if (!json_is_object(item))
		return reading_wrong(r, "", "must be an object");
	if (!reading_string(r, item, "type", &type))
		return false;
	if (type == NULL)
		type = "message";
	for (size_t i = 0; i < COUNT(item_rows); i++)
		if (strcmp(item_rows[i].type, type) == 0) {
			bool ok = item_rows[i].read(r, item);

			r->is_after_result = item_rows[i].is_result;
			return ok;
		}
	return reading_own_only(r, "type", "is of a kind that is not supported here");
}

/* At most how many parts they have. */
static size_t
count_parts(const json_t *input)
{
	size_t i, n = 2;
	const json_t *item;

	json_array_foreach(input, i, item)
		n += 2 + json_array_size(json_object_get(item, "content")) +
		    json_array_size(json_object_get(item, "output"));
	return n;
}

static bool
read_list(struct reading *r, const json_t *input)
{
	const json_t *item;
	size_t i, before;

	json_array_foreach(input, i, item) {
		before = reading_enter(r, "input[%zu]", i);
		if (!read_item(r, item))
			return false;
		reading_leave(r, before);
	}
	return true;
}

bool
responses_items_read(struct reading *r, const json_t *body)
{
	const json_t *input = reading_member(body, "input");
	const char *instructions;

	if (!reading_string(r, body, "instructions", &instructions))
		return false;
	r->messages = reading_keep(r, xcalloc(json_array_size(input) + 2, sizeof(*r->messages)));
	r->parts = reading_keep(r, xcalloc(count_parts(input), sizeof(*r->parts)));
	if (instructions != NULL && *instructions != '\0') {
		openai_message_add(r, "system");
		openai_part_add(r, (struct ask_part){ .kind = ASK_TEXT, .text = instructions });
	}
	if (json_is_string(input)) {
		openai_message_add(r, "user");
		openai_part_add(r, (struct ask_part){ .kind = ASK_TEXT, .text = json_string_value(input) });
	} else if (input != NULL && !json_is_array(input)) {
		return reading_wrong(r, "input", "must be a string or an array");
	} else if (json_array_size(input) == 0 && r->n_messages == 0 && r->out->after == NULL) {
		return reading_wrong(r, "input", input == NULL ? "is missing" : "must not be empty");
	}
	if (json_is_array(input) && !read_list(r, input))
		return false;
	r->out->ask.chat.messages = r->messages;
	r->out->ask.chat.n_messages = r->n_messages;
	return true;
}
