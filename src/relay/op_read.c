/*
 * What clients ask besides chats: as much of it as is needed to send, hold and charge
 * it.  The rest is between them and the provider.
 *
 * Sources: platform.openai.com/docs/api-reference (embeddings, moderations, images, audio);
 * docs.cohere.com/reference/rerank: a search is a query and up to 100 documents, and a long
 * one counts as several.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/multipart.h"
#include "base/tokens.h"
#include "base/utf8.h"
#include "io/fcgi.h"
#include "relay/op_private.h"
#include "relay/private.h"

#define IMAGES_MAX 10	     /* of one call */
#define DOCUMENTS_MAX 10000  /* of one ranking */
#define SEARCH_DOCUMENTS 100 /* in one search */
#define DOCUMENT_TOKENS 500  /* a longer one counts as several */
#define PICTURE_TOKENS 6500  /* of a picture that is sent, at most */
#define VALUE_MAX_BYTES 64   /* of a short field of a form */
#define SOUND_LEAST_BPS 1000 /* bytes a second: speech packed as small as it goes */
#define SOUND_USUAL_BPS 8000 /* … and as it is usually */
#define WAV_HEAD_BYTES 44

/* ---- JSON ------------------------------------------------------------------------- */

static const json_t *
member(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);

	return json_is_null(value) ? NULL : value;
}

/* A text, or NULL where there is none. */
static enum status
get_text(struct request *rq, const json_t *body, const char *name, const char **out)
{
	const json_t *value = member(body, name);

	*out = json_string_value(value);
	return value == NULL || *out != NULL ? OK : fail_field(&rq->cx, name, "must be a string");
}

static enum status
need_text(struct request *rq, const json_t *body, const char *name, const char **out)
{
	enum status st = get_text(rq, body, name, out);

	if (st != OK)
		return st;
	return *out != NULL && **out != '\0' ? OK : fail_field(&rq->cx, name, "is missing");
}

static enum status
get_model(struct request *rq, const json_t *body, struct op_asked *out)
{
	if (out->path_model == NULL)
		return get_text(rq, body, "model", &out->asked.model);
	out->asked.model = out->path_model;
	return OK;
}

static enum status
get_stream(struct request *rq, const json_t *body, struct op_asked *out)
{
	const json_t *value = member(body, "stream");

	out->asked.stream = json_is_true(value);
	return value == NULL || json_is_boolean(value) ? OK : fail_field(&rq->cx, "stream", "must be true or false");
}

static enum status
check_images(struct request *rq, int64_t n, struct op_asked *out)
{
	if (n < 1 || n > IMAGES_MAX)
		return fail_field(&rq->cx, "n", "must be a number from 1 to %d", IMAGES_MAX);
	out->what.images = n;
	return OK;
}

static enum status
get_images(struct request *rq, const json_t *body, struct op_asked *out)
{
	const json_t *n = member(body, "n");

	return check_images(rq, n == NULL ? 1 : json_is_integer(n) ? json_integer_value(n) : 0, out);
}

/* Where tokens are asked they are counted by those who read them. */
static int64_t
count_tokens(const json_t *input)
{
	const json_t *row;
	int64_t n = 0;
	size_t i;

	json_array_foreach(input, i, row)
		n += json_is_array(row) ? (int64_t)json_array_size(row) : json_is_integer(row);
	return n;
}

/* The dialect reads it, since other wires may have to say it. */
static enum status
read_embed(struct request *rq, struct op_asked *out)
{
	const struct dialect *dialect = out->what.dialect;
	struct dialect_problem problem = { "", "" };
	json_t *body;
	enum status st;

	if ((st = relay_json(rq, &body)) != OK)
		return st;
	st = dialect->read_embed(rq->cx.arena, body, out->path_model, out->is_single, &out->asked, &problem);
	if (st != OK)
		return fail_field(&rq->cx, problem.field, "%s", problem.text);
	out->what.is_single = out->asked.ask.embed.is_single;
	out->what.is_base64 = out->asked.ask.embed.is_base64;
	out->what.prompt_tokens = relay_json_tokens(body) + count_tokens(member(body, "input"));
	return OK;
}

static enum status
read_rerank(struct request *rq, struct op_asked *out)
{
	const json_t *documents;
	const char *query;
	json_t *body;
	enum status st;
	size_t n;

	if ((st = relay_json(rq, &body)) != OK || (st = get_model(rq, body, out)) != OK ||
	    (st = need_text(rq, body, "query", &query)) != OK)
		return st;
	documents = member(body, "documents");
	n = json_array_size(documents);
	if (n == 0 || n > DOCUMENTS_MAX)
		return fail_field(&rq->cx, "documents", "must be an array of 1 to %d elements", DOCUMENTS_MAX);
	out->what.prompt_tokens = relay_json_tokens(documents) + (int64_t)n * tokens_estimate(query, strlen(query));
	out->what.queries = 1 + ((int64_t)n + out->what.prompt_tokens / DOCUMENT_TOKENS) / SEARCH_DOCUMENTS;
	return OK;
}

static enum status
read_moderation(struct request *rq, struct op_asked *out)
{
	const json_t *input;
	json_t *body;
	enum status st;

	if ((st = relay_json(rq, &body)) != OK || (st = get_model(rq, body, out)) != OK)
		return st;
	input = member(body, "input");
	if (!json_is_string(input) && json_array_size(input) == 0)
		return fail_field(&rq->cx, "input", "must be a string or an array that is not empty");
	out->what.prompt_tokens = relay_json_tokens(input);
	return OK;
}

static enum status
read_image(struct request *rq, struct op_asked *out)
{
	const char *prompt;
	json_t *body;
	enum status st;

	if ((st = relay_json(rq, &body)) != OK || (st = get_model(rq, body, out)) != OK ||
	    (st = need_text(rq, body, "prompt", &prompt)) != OK || (st = get_images(rq, body, out)) != OK)
		return st;
	out->what.prompt_tokens = tokens_estimate(prompt, strlen(prompt));
	return get_stream(rq, body, out);
}

/* Speech passes as it comes, be it sound or events. */
static enum status
read_speech(struct request *rq, struct op_asked *out)
{
	const char *input, *instructions;
	json_t *body;
	enum status st;

	if ((st = relay_json(rq, &body)) != OK || (st = get_model(rq, body, out)) != OK ||
	    (st = need_text(rq, body, "input", &input)) != OK ||
	    (st = get_text(rq, body, "instructions", &instructions)) != OK)
		return st;
	out->what.characters = (int64_t)utf8_length(input, strlen(input));
	out->what.prompt_tokens = relay_json_tokens(body);
	out->asked.stream = true;
	return OK;
}

/* ---- forms ------------------------------------------------------------------------- */

/* A short field's value, in the arena; NULL: it is a file, or long. */
static const char *
value_of(struct request *rq, const struct multipart_part *part)
{
	return part->is_file || part->len > VALUE_MAX_BYTES || memchr(part->data, '\0', part->len) != NULL
	    ? NULL
	    : arena_strndup(rq->cx.arena, part->data, part->len);
}

static uint32_t
little_endian(const char *at)
{
	const unsigned char *b = (const unsigned char *)at;

	return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

/* How long a recording can be and is likely to be: of WAV its header says how many bytes are a
 * second (RIFF: the format follows the first mark), others are packed. */
static void
add_sound(const struct multipart_part *part, struct operation *what)
{
	int64_t len = (int64_t)part->len, least = SOUND_LEAST_BPS, usual = SOUND_USUAL_BPS;

	if (part->len > WAV_HEAD_BYTES && memcmp(part->data, "RIFF", 4) == 0 &&
	    memcmp(part->data + 8, "WAVEfmt ", 8) == 0 && little_endian(part->data + 28) >= SOUND_LEAST_BPS)
		least = usual = little_endian(part->data + 28);
	what->seconds += len / least + 1;
	what->seconds_guess += len / usual + 1;
}

static bool
begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

/* What a form has had. */
struct form_seen {
	bool n, stream;
	size_t files;
};

/* A number of pictures, or 0. */
static int64_t
pictures_of(const char *value)
{
	return strspn(value, "0123456789") == strlen(value) ? strtol(value, NULL, 10) : 0;
}

/* One field of a form.  A model is written anew; of n and stream, which pass as they are, a provider may
 * take either one, so that they may be there once. */
static enum status
take_part(struct request *rq, const struct multipart_part *part, struct op_asked *out, struct form_seen *seen)
{
	bool is_model = multipart_is(part, "model"), is_n = multipart_is(part, "n"),
	     is_stream = multipart_is(part, "stream");
	const char *value = is_model || is_n || is_stream ? value_of(rq, part) : "";
	bool hears = out->row->op == OP_TRANSCRIBE || out->row->op == OP_TRANSLATE;

	if ((is_n && seen->n) || (is_stream && seen->stream))
		return fail_field(&rq->cx, part->name, "is there twice");
	seen->n = seen->n || is_n;
	seen->stream = seen->stream || is_stream;
	if (is_model && part->len <= 200 && !part->is_file)
		out->asked.model = arena_strndup(rq->cx.arena, part->data, part->len);
	else if (is_model || value == NULL)
		return fail_field(&rq->cx, part->name, "must be a short text");
	else if (is_n)
		return check_images(rq, pictures_of(value), out);
	else if (is_stream)
		out->asked.stream = strcmp(value, "true") == 0 || strcmp(value, "1") == 0;
	else if (multipart_is(part, "prompt"))
		out->what.prompt_tokens += tokens_estimate(part->data, part->len);
	else if (hears && multipart_is(part, "file"))
		add_sound(part, &out->what);
	else if (!hears && (begins(part->name, "image") || multipart_is(part, "mask")))
		out->what.prompt_tokens += PICTURE_TOKENS;
	seen->files += (hears ? multipart_is(part, "file") : begins(part->name, "image")) && part->len > 0;
	return OK;
}

static enum status
read_form(struct request *rq, struct op_asked *out)
{
	const char *type = rq->conn == NULL ? NULL : arena_strdup(rq->cx.arena, fcgi_param(rq->conn, "CONTENT_TYPE"));
	bool hears = out->row->op == OP_TRANSCRIBE || out->row->op == OP_TRANSLATE;
	struct multipart_part part;
	struct multipart form;
	enum status st = OK;
	struct form_seen seen = { .files = 0 };

	out->asked.ask.own_type = type;
	if (!multipart_init(&form, type, rq->body, rq->body_len))
		return fail_field(&rq->cx, "body", "must be multipart/form-data");
	while (st == OK && multipart_next(&form, &part))
		st = take_part(rq, &part, out, &seen);
	if (st != OK)
		return st;
	if (!form.is_whole)
		return fail_field(&rq->cx, "body", "is cut, or has a part without a name");
	if (seen.files == 0)
		return fail_field(&rq->cx, hears ? "file" : "image", "is missing");
	if (!hears && out->what.images == 0)
		out->what.images = 1;
	return OK;
}

/* ---- all of them --------------------------------------------------------------------- */

static const struct op_row rows[] = {
	{ OP_EMBED, "embeddings", "embeddings", "embedding", false, false, read_embed },
	{ OP_RERANK, "rerank", "rerank", "rerank", false, false, read_rerank },
	{ OP_MODERATE, "moderations", "moderation", "moderation", false, false, read_moderation },
	{ OP_IMAGE, "images.generations", "images", "image", false, true, read_image },
	{ OP_IMAGE_EDIT, "images.edits", "images", "image", true, true, read_form },
	{ OP_IMAGE_VARY, "images.variations", "images", "image", true, true, read_form },
	{ OP_SPEECH, "audio.speech", "audio", "audio", false, true, read_speech },
	{ OP_TRANSCRIBE, "audio.transcriptions", "audio", "audio", true, true, read_form },
	{ OP_TRANSLATE, "audio.translations", "audio", "audio", true, true, read_form },
};

const struct op_row *
op_row(enum op op)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].op == op)
			return &rows[i];
	return NULL;
}
