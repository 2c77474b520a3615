/*
 * Vectors of texts in Gemini's words: what a client asks, how the wire asks it, and both
 * ways of the answer.
 *
 * Source: ai.google.dev/api/embeddings.  The model stands in the path and in each
 * request; its SDKs ask for a list even of one.  Names of members as in.c has them.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "wire/gemini/gemini.h"
#include "wire/headers.h"
#include "wire/own.h"
#include "wire/url.h"
#include "wire/value.h"

#define REQUESTS_MAX 2048
#define NUMBERS_MAX (REQUESTS_MAX * (size_t)16384) /* of an answer */

/* ---- what is asked ------------------------------------------------------------ */

static enum status
wrong(struct dialect_problem *problem, const char *field, const char *text)
{
	snprintf(problem->field, sizeof(problem->field), "%s", field);
	snprintf(problem->text, sizeof(problem->text), "%s", text);
	return E_INVALID_REQUEST;
}

/* A member by either of its names; NULL: none, or null. */
static const json_t *
member(const json_t *object, const char *camel, const char *snake)
{
	const json_t *value = json_object_get(object, camel);

	if (value == NULL || json_is_null(value))
		value = json_object_get(object, snake);
	return json_is_null(value) ? NULL : value;
}

/* The texts of a content, one behind the other; NULL: it has parts of another kind.  The caller's. */
static char *
content_text(const json_t *content)
{
	const json_t *parts = json_object_get(content, "parts"), *part;
	struct buf text = BUF_INIT(0);
	size_t i, n = json_is_array(parts) ? json_array_size(parts) : 1;

	for (i = 0; i < n; i++) {
		part = json_is_array(parts) ? json_array_get(parts, i) : parts;
		part = json_object_get(part, "text");
		if (!json_is_string(part)) {
			buf_free(&text);
			return NULL;
		}
		buf_puts(&text, json_string_value(part));
	}
	return text.data == NULL ? xstrdup("") : text.data;
}

static enum status
read_dimensions(const json_t *request, int64_t *out, struct dialect_problem *problem)
{
	const json_t *n = member(request, "outputDimensionality", "output_dimensionality");

	*out = json_integer_value(n);
	return n == NULL || *out > 0 ? OK : wrong(problem, "outputDimensionality", "is not a number above 0");
}

/* One of the requests; what only Gemini's own wire can say leaves the texts out. */
static enum status
read_request(struct arena *a, const json_t *request, struct ask_embed *embed, const char **texts, size_t i,
    struct dialect_problem *problem)
{
	const json_t *content = json_object_get(request, "content");
	int64_t dimensions;
	enum status st;
	char *text;

	if (!json_is_object(content) || json_object_get(content, "parts") == NULL)
		return wrong(problem, embed->is_single ? "content" : "requests[].content", "is missing");
	if ((st = read_dimensions(request, &dimensions, problem)) != OK)
		return st;
	if (i == 0) {
		embed->dimensions = dimensions;
		embed->purpose = json_string_value(member(request, "taskType", "task_type"));
		embed->title = json_string_value(json_object_get(request, "title"));
	}
	if ((text = content_text(content)) != NULL)
		arena_cleanup(a, free, text);
	texts[i] = text;
	if (text == NULL || dimensions != embed->dimensions)
		embed->texts = NULL;
	return OK;
}

enum status
gemini_embed_read(struct arena *a, const json_t *body, const char *path_model, bool is_single, struct dialect_ask *out,
    struct dialect_problem *problem)
{
	const json_t *list = is_single ? NULL : json_object_get(body, "requests");
	struct ask_embed *embed = &out->ask.embed;
	const char **texts;
	enum status st = OK;

	*out = (struct dialect_ask){ .ask = { .op = OP_EMBED, .embed = { .is_single = is_single } },
		.model = path_model };
	if (out->model != NULL && strncmp(out->model, "models/", 7) == 0)
		out->model += 7;
	if (!json_is_object(body))
		return wrong(problem, "body", "is not an object");
	if (!is_single && json_array_size(list) == 0)
		return wrong(problem, "requests", "is missing");
	if (json_array_size(list) > REQUESTS_MAX)
		return wrong(problem, "requests", "has too many elements");
	embed->n = is_single ? 1 : json_array_size(list);
	texts = xcalloc(embed->n, sizeof(*texts));
	arena_cleanup(a, free, texts);
	embed->texts = texts;
	for (size_t i = 0; st == OK && i < embed->n; i++)
		st = read_request(a, is_single ? body : json_array_get(list, i), embed, texts, i, problem);
	return st;
}

/* ---- how it is asked ------------------------------------------------------------ */

/* What head() must know: where the model's name belongs, in order. */
struct own {
	size_t *places;
	size_t n;
	bool is_single;
};

static void
free_own(void *arg)
{
	struct own *own = arg;

	free(own->places);
}

/* Begin a request, whose first member is the model. */
static void
begin_request(struct buf *out, struct own *own)
{
	buf_puts(out, "{");
	own->places = xrealloc(own->places, (own->n + 1) * sizeof(*own->places));
	own->places[own->n++] = out->len;
}

static const char *const ours[] = { "model", NULL };

/* The client's request, but for the model. */
static bool
put_own_request(struct buf *out, struct own *own, const char *json, size_t len)
{
	bool ok;

	begin_request(out, own);
	ok = own_members(out, json, len, ours);
	buf_puts(out, "}");
	return ok;
}

static bool
put_own_requests(struct buf *out, struct own *own, const struct ask *ask)
{
	struct scan_text list;
	const char *before = "", *from;
	struct scan s;
	bool ok = true;

	if (!own_find(ask->own_words, ask->own_words_len, (const char *const[]){ "requests", NULL }, &list))
		return false;
	scan_init(&s, list.at, list.len);
	if (!scan_array(&s))
		return false;
	buf_puts(out, "{\"requests\":[");
	while (ok && scan_element(&s)) {
		from = s.at;
		scan_skip(&s);
		buf_puts(out, before);
		ok = put_own_request(out, own, from, (size_t)(s.at - from));
		before = ",";
	}
	buf_puts(out, "]}");
	return ok && scan_end(&s);
}

static void
put_text(struct buf *out, const char *before, const char *text, const char *behind)
{
	if (text == NULL)
		return;
	buf_puts(out, before);
	buf_json(out, text, strlen(text));
	buf_puts(out, behind);
}

static bool
put_requests(struct buf *out, struct own *own, const struct ask_embed *embed)
{
	if (embed->texts == NULL)
		return false;
	buf_puts(out, "{\"requests\":[");
	for (size_t i = 0; i < embed->n; i++) {
		buf_puts(out, i > 0 ? "," : "");
		begin_request(out, own);
		put_text(out, "\"content\":{\"parts\":[{\"text\":", embed->texts[i], "}]}");
		put_text(out, ",\"taskType\":", embed->purpose, "");
		put_text(out, ",\"title\":", embed->title, "");
		if (embed->dimensions > 0)
			buf_printf(out, ",\"outputDimensionality\":%" PRId64, embed->dimensions);
		buf_puts(out, "}");
	}
	buf_puts(out, "]}");
	return true;
}

enum status
gemini_embed_body(struct arena *a, const struct ask *ask, bool stream, struct wire_body *out)
{
	struct own *own = ARENA_NEW(a, struct own);
	struct buf b = BUF_INIT(0);
	bool ok;

	(void)stream;
	arena_cleanup(a, free_own, own);
	own->is_single = own_words(ask, "gemini") && ask->embed.is_single;
	if (!own_words(ask, "gemini"))
		ok = put_requests(&b, own, &ask->embed);
	else if (own->is_single)
		ok = put_own_request(&b, own, ask->own_words, ask->own_words_len);
	else
		ok = put_own_requests(&b, own, ask);
	if (!ok) {
		buf_free(&b);
		return E_INVALID_REQUEST;
	}
	wire_body_make(a, &b, out);
	out->own = own;
	return OK;
}

/* The body with the model's name in each request: a copy. */
static void
with_model(struct arena *a, const struct wire_body *body, const char *model, struct wire_body *out)
{
	const struct own *own = body->own;
	struct buf b = BUF_INIT(0), name = BUF_INIT(0);
	size_t from = 0;

	buf_printf(&name, "%s%s", strchr(model, '/') == NULL ? "models/" : "", model);
	for (size_t i = 0; i < own->n; i++) {
		buf_add(&b, body->bytes + from, own->places[i] - from);
		put_text(&b, "\"model\":", name.data, ",");
		from = own->places[i];
	}
	buf_add(&b, body->bytes + from, body->len - from);
	buf_free(&name);
	wire_body_make(a, &b, out);
}

enum status
gemini_embed_head(struct arena *a, const struct wire_target *to, struct wire_body *body, struct wire_request *out)
{
	const char *const *headers = headers_make(a, to, "x-goog-api-key: ", NULL);
	const struct own *own = body->own;
	struct buf path = BUF_INIT(0);
	struct wire_body named;
	struct url url;

	if (headers == NULL || to->model == NULL || *to->model == '\0' || !url_read(to->base_url, &url))
		return E_INVALID_REQUEST;
	buf_puts(&path, url_has_version(&url) ? "/" : "/v1beta/");
	gemini_put_model(&path, to->model);
	buf_puts(&path, own->is_single ? ":embedContent" : ":batchEmbedContents");
	*out = (struct wire_request){ .method = "POST", .url = url_join(a, &url, path.data), .headers = headers };
	buf_free(&path);
	with_model(a, body, to->model, &named);
	out->body = named.bytes;
	out->body_len = named.len;
	return OK;
}

/* ---- what is answered ------------------------------------------------------------ */

bool
gemini_embed_meter(const char *json, size_t len, struct wire_units *out)
{
	static const char *const count[] = { "usageMetadata", "promptTokenCount", NULL };
	struct scan_text found;
	struct scan s;

	*out = WIRE_UNITS_UNTOLD;
	if (!value_is_object(json, len) || own_find(json, len, (const char *const[]){ "error", NULL }, &found))
		return false;
	if (own_find(json, len, count, &found)) {
		scan_init(&s, found.at, found.len);
		value_units(&s, &out->input_tokens);
	}
	return true;
}

/* {"values":[…]}: one more vector, as long as those before it. */
static bool
take_vector(struct scan *s, struct wire_vectors *out, size_t *n)
{
	struct scan_text name;
	size_t before = *n;
	bool ok = true;

	if (!value_object(s))
		return false;
	while (scan_member(s, &name))
		if (scan_is(&name, "values"))
			ok &= *n == before && value_floats(s, &out->values, n, NUMBERS_MAX);
		else
			scan_skip(s);
	if (!ok || *n == before || (out->n > 0 && *n - before != out->dimensions))
		return false;
	out->dimensions = *n - before;
	out->n++;
	return true;
}

static bool
take_answer(struct scan *s, struct wire_vectors *out)
{
	struct scan_text name;
	bool ok = true;
	size_t n = 0;

	if (!scan_object(s))
		return false;
	while (ok && scan_member(s, &name)) {
		if (scan_is(&name, "embedding"))
			ok = take_vector(s, out, &n);
		else if (scan_is(&name, "embeddings") && scan_array(s))
			while (ok && scan_element(s))
				ok = take_vector(s, out, &n);
		else
			scan_skip(s);
	}
	return ok && scan_end(s) && out->n > 0;
}

bool
gemini_vectors(const char *json, size_t len, struct wire_vectors *out)
{
	struct scan s;

	*out = (struct wire_vectors){ .values = NULL };
	scan_init(&s, json, len);
	if (take_answer(&s, out))
		return true;
	free(out->values);
	*out = (struct wire_vectors){ .values = NULL };
	return false;
}

/* ---- what is told ------------------------------------------------------------------ */

void
gemini_put_vectors(struct buf *out, const struct wire_vectors *vectors, const struct ask_embed *how, const char *model,
    int64_t input_tokens)
{
	(void)model;
	(void)input_tokens;
	buf_puts(out, how->is_single ? "{\"embedding\":" : "{\"embeddings\":[");
	for (size_t i = 0; i < vectors->n; i++) {
		buf_puts(out, i > 0 ? ",{\"values\":[" : "{\"values\":[");
		for (size_t k = 0; k < vectors->dimensions; k++) /* the programs keep the locale "C" */
			buf_printf(
			    out, "%s%.9g", k > 0 ? "," : "", (double)vectors->values[i * vectors->dimensions + k]);
		buf_puts(out, "]}");
	}
	buf_puts(out, how->is_single ? "}" : "]}");
}
