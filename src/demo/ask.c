/* What a request asks for. The contract is in ask.h. */
#include "demo/ask.h"

#include <stdio.h>
#include <string.h>

#include "base/multipart.h"
#include "demo/answer.h"
#include "demo/route.h"

#define MESSAGE_TOKENS 4 /* claimed for the frame of each message */
#define IMAGE_TOKENS 85	 /* claimed for each image, as for "detail": "low" */

bool
ask_refuse(struct wire_error *err, const char *param, const char *code, const char *message)
{
	*err = (struct wire_error){ 400, "invalid_request_error", param, code, "" };
	snprintf(err->message, sizeof err->message, "%s", message);
	return false;
}

static bool
set_model(struct ask *ask, const char *name, size_t len, struct wire_error *err)
{
	if (len >= ASK_MODEL_BYTES)
		return ask_refuse(err, "model", "string_above_max_length", "Invalid 'model': too long.");
	ask->model_len = len;
	memcpy(ask->model, name, len);
	ask->model[len] = '\0';
	ask->base_len = script_base_len(ask->model, len);
	return true;
}

bool
ask_model(struct ask *ask, const json_t *root, struct wire_error *err)
{
	const json_t *model = json_object_get(root, "model");

	if (!json_is_object(root))
		return ask_refuse(err, NULL, NULL, "The request body must be a JSON object.");
	if (!json_is_string(model) || json_string_length(model) == 0)
		return ask_refuse(err, NULL, NULL, "you must provide a model parameter");
	return set_model(ask, json_string_value(model), json_string_length(model), err);
}

bool
ask_limit(struct ask *ask, const json_t *limit, const char *name, struct wire_error *err)
{
	char message[80];

	if (limit == NULL || json_is_null(limit))
		return true;
	if (!json_is_integer(limit) || json_integer_value(limit) < 1) {
		snprintf(message, sizeof message, "Invalid '%s': expected an integer of at least 1.", name);
		return ask_refuse(err, name, "integer_below_min_value", message);
	}
	ask->max_tokens = json_integer_value(limit) > UINT32_MAX ? UINT32_MAX : (uint32_t)json_integer_value(limit);
	return true;
}

void
ask_text(struct ask *ask, const json_t *text, bool keep)
{
	ask->bytes += json_string_length(text);
	if (!keep && json_is_string(text) && strstr(json_string_value(text), "\n\n[1] ") != NULL)
		ask->passages = json_string_value(text);
	if (keep)
		buf_add(&ask->prompt, json_string_value(text), json_string_length(text));
}

void
ask_image(struct ask *ask, const char *url, bool keep)
{
	ask->all_images++;
	if (!keep)
		return;
	ask->images++;
	if (ask->images == 1 && url != NULL)
		snprintf(ask->image, sizeof ask->image, "%s", url);
}

/* The text of a result: a string, the texts of its parts, or its JSON. */
static void
put_result(struct buf *out, const json_t *said)
{
	const json_t *part;
	char *json;
	size_t i;

	if (json_is_string(said)) {
		buf_add(out, json_string_value(said), json_string_length(said));
	} else if (json_is_array(said)) {
		json_array_foreach(said, i, part)
			buf_puts(out,
			    json_is_string(json_object_get(part, "text"))
				? json_string_value(json_object_get(part, "text"))
				: "");
	} else if (said != NULL && (json = json_dumps(said, JSON_COMPACT)) != NULL) {
		buf_puts(out, json);
		free(json);
	}
}

void
ask_result(struct ask *ask, const json_t *said, bool keep)
{
	struct buf text = BUF_INIT(0);

	put_result(&text, said);
	ask->bytes += text.len;
	if (keep) {
		buf_puts(&ask->result, ask->result.len > 0 ? "\nThe tool said: " : "The tool said: ");
		buf_add(&ask->result, buf_str(&text), text.len);
	}
	buf_free(&text);
}

void
ask_tool(struct ask *ask, const json_t *name, const json_t *schema, const char *wanted)
{
	const char *word = json_string_value(name);

	if (word == NULL)
		return;
	ask->has_tools = true;
	if (wanted != NULL ? strcmp(wanted, word) != 0 : ask->tool[0] != '\0')
		return;
	snprintf(ask->tool, sizeof ask->tool, "%s", word);
	ask->tool_schema = schema;
}

void
ask_claim(struct ask *ask, size_t messages)
{
	ask->messages = (uint32_t)messages;
	ask->prompt_tokens = ask->messages * MESSAGE_TOKENS + answer_tokens(ask->bytes) +
	    ask->all_images * IMAGE_TOKENS;
}

uint32_t
ask_effort(const json_t *effort)
{
	const char *word = json_string_value(effort);

	if (word == NULL)
		return 0;
	return strcasecmp(word, "low") == 0   ? 8
	    : strcasecmp(word, "medium") == 0 ? 16
	    : strcasecmp(word, "high") == 0   ? 32
					      : 0;
}

/* ---- forms --------------------------------------------------------------- */

static json_t *
form_value(const struct multipart_part *part)
{
	bool is_binary = memchr(part->data, '\0', part->len) != NULL;
	json_t *text = is_binary ? NULL : json_stringn(part->data, part->len); /* NULL: not UTF-8, too */

	if (!part->is_file)
		return text != NULL ? text : json_string("");
	return json_pack("{s:I, s:o}", "size", (json_int_t)part->len, "text", text != NULL ? text : json_null());
}

/* Fields of one name, with or without brackets behind it, are a list. */
static void
add_field(json_t *root, const struct multipart_part *part)
{
	char name[MULTIPART_NAME_MAX + 1];
	size_t len = strlen(part->name);
	json_t *value = form_value(part), *before;

	if (len > 2 && strcmp(part->name + len - 2, "[]") == 0)
		len -= 2;
	snprintf(name, sizeof name, "%.*s", (int)len, part->name);
	before = json_object_get(root, name);
	if (before == NULL)
		json_object_set_new(root, name, value);
	else if (json_is_array(before))
		json_array_append_new(before, value);
	else
		json_object_set_new(root, name, json_pack("[O, o]", before, value));
}

/* NULL: it is no form. */
static json_t *
read_form(const char *type, const char *body, size_t len)
{
	json_t *root = json_object();
	struct multipart_part part;
	struct multipart form;

	if (!multipart_init(&form, type, body, len)) {
		json_decref(root);
		return NULL;
	}
	while (multipart_next(&form, &part))
		add_field(root, &part);
	if (form.is_whole)
		return root;
	json_decref(root);
	return NULL;
}

bool
ask_parse(const struct route *route, struct span model, const char *type, const char *body, size_t len, struct ask *ask,
    struct wire_error *err)
{
	memset(ask, 0, sizeof *ask);
	ask->stream = route->is_stream;
	if (model.len > 0 && !set_model(ask, model.at, model.len, err))
		return false;
	ask->root = route->is_form ? read_form(type, body, len) : json_loadb(body, len, 0, NULL);
	if (ask->root == NULL)
		return ask_refuse(err, NULL, NULL,
		    "We could not parse the JSON body of your request. (HINT: This likely means "
		    "you aren't using your HTTP library correctly. The API expects a"
		    " JSON payload, but what was sent was not valid JSON.)");
	return route->read(ask, ask->root, err);
}

void
ask_free(struct ask *ask)
{
	buf_free(&ask->prompt);
	buf_free(&ask->result);
	json_decref(ask->root);
}
