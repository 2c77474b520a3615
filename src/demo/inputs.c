/* What OpenAI is asked besides completions: to embed and to judge texts. The
 * contract is in route.h. */
#include <string.h>

#include "demo/route.h"

#define DIMENSIONS_MAX 8192

/* ---- requests ------------------------------------------------------------ */

static bool
read_dimensions(struct ask *ask, const json_t *root, struct wire_error *err)
{
	const json_t *n = json_object_get(root, "dimensions");
	const char *format = json_string_value(json_object_get(root, "encoding_format"));

	if (json_is_integer(n) && json_integer_value(n) >= 1 && json_integer_value(n) <= DIMENSIONS_MAX)
		ask->dimensions = (uint32_t)json_integer_value(n);
	else if (n != NULL && !json_is_null(n))
		return ask_refuse(
		    err, "dimensions", "invalid_value", "Invalid 'dimensions': expected an integer from 1 to 8192.");
	ask->wants_base64 = format != NULL && strcmp(format, "base64") == 0;
	return true;
}

/* A list of tokens is one text. */
static bool
is_one(const json_t *input)
{
	return !json_is_array(input) || json_is_integer(json_array_get(input, 0));
}

/* A text, a part with a text, or a list of tokens. */
static void
read_item(struct ask *ask, const json_t *item)
{
	ask_text(ask, json_is_object(item) ? json_object_get(item, "text") : item, true);
	ask->bytes += 4 * json_array_size(item);
}

static bool
read_input(struct ask *ask, const json_t *root, struct wire_error *err)
{
	const json_t *item, *input = json_object_get(root, "input");
	size_t i;

	if (!json_is_string(input) && json_array_size(input) == 0)
		return ask_refuse(
		    err, "input", "invalid_type", "Invalid 'input': expected a string or an array that is not empty.");
	ask->input = input;
	if (is_one(input))
		read_item(ask, input);
	else
		json_array_foreach(input, i, item)
			read_item(ask, item);
	ask_claim(ask, 0);
	return true;
}

bool
openai_read_embed(struct ask *ask, const json_t *root, struct wire_error *err)
{
	return ask_model(ask, root, err) && read_dimensions(ask, root, err) && read_input(ask, root, err);
}

/* It need not name a model. */
bool
openai_read_moderation(struct ask *ask, const json_t *root, struct wire_error *err)
{
	if (!json_is_object(root) || json_object_get(root, "model") != NULL)
		return ask_model(ask, root, err) && read_input(ask, root, err);
	memcpy(ask->model, "demo", sizeof "demo");
	ask->model_len = ask->base_len = sizeof "demo" - 1;
	return read_input(ask, root, err);
}

/* ---- answers ------------------------------------------------------------- */

static void
put_embedding(struct buf *out, const struct ask *ask, const json_t *text, size_t index)
{
	const char *ends = ask->wants_base64 ? "\"\"" : "[]";

	buf_printf(
	    out, "%s{\"object\":\"embedding\",\"index\":%zu,\"embedding\":%c", index > 0 ? "," : "", index, ends[0]);
	speak_vector(out, text, ask->dimensions, ask->wants_base64);
	buf_printf(out, "%c}", ends[1]);
}

void
openai_embeddings(struct buf *out, const struct ask *ask, const struct speech *sp)
{
	const json_t *text;
	size_t i;

	buf_puts(out, "{\"object\":\"list\",\"data\":[");
	if (is_one(ask->input))
		put_embedding(out, ask, ask->input, 0);
	else
		json_array_foreach(ask->input, i, text)
			put_embedding(out, ask, text, i);
	buf_puts(out, "],\"model\":");
	buf_json(out, sp->model, sp->model_len);
	if (sp->has_usage)
		buf_printf(out, ",\"usage\":{\"prompt_tokens\":%s%lld%s,\"total_tokens\":%s%lld%s}", sp->counts.quote,
		    (long long)sp->counts.in, sp->counts.quote, sp->counts.quote, (long long)sp->counts.in,
		    sp->counts.quote);
	buf_puts(out, "}");
}

/* Whatever has the word "violent" in it is flagged. */
static void
put_moderation(struct buf *out, const char *said, bool is_first)
{
	bool is_flagged = said != NULL && strstr(said, "violent") != NULL;
	const char *yes = is_flagged ? "true" : "false";

	buf_printf(out,
	    "%s{\"flagged\":%s,\"categories\":{\"harassment\":false,\"hate\":false,\"violence\":%s},"
	    "\"category_scores\":{\"harassment\":0.001,\"hate\":0.001,\"violence\":%s},"
	    "\"category_applied_input_types\":{\"harassment\":[\"text\"],\"hate\":[\"text\"],\"violence\":[\"text\"]}}",
	    is_first ? "" : ",", yes, yes, is_flagged ? "0.99" : "0.001");
}

void
openai_moderation(struct buf *out, const struct ask *ask, const struct speech *sp)
{
	const json_t *item;
	size_t i;

	buf_printf(out, "{\"id\":\"modr-%s\",\"model\":", sp->serial);
	buf_json(out, sp->model, sp->model_len);
	buf_puts(out, ",\"results\":[");
	if (!json_is_string(json_array_get(ask->input, 0))) /* a text, or the parts of one */
		put_moderation(out, buf_str(&ask->prompt), true);
	else
		json_array_foreach(ask->input, i, item)
			put_moderation(out, json_string_value(item), i == 0);
	buf_puts(out, "]}");
}
