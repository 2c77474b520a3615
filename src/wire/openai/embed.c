/*
 * Vectors of texts in OpenAI's words: what clients ask, what providers answer, and what
 * clients are told of what another wire's provider answered.
 *
 * Source: platform.openai.com/docs/api-reference/embeddings.  base64 is of the numbers
 * as 32-bit floats, the least significant byte first; the SDKs ask for it unless told
 * otherwise.
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "base/memory.h"
#include "wire/openai/openai.h"
#include "wire/openai/reading.h"
#include "wire/value.h"

#define INPUTS_MAX 2048
#define NUMBERS_MAX (INPUTS_MAX * (size_t)16384) /* of an answer */

/* ---- what is asked ------------------------------------------------------------ */

/* One text, or one in tokens, which only its own wire knows. */
static bool
read_input_row(struct reading *r, const json_t *row, const char **text)
{
	const json_t *token;
	size_t i;

	if ((*text = json_string_value(row)) != NULL)
		return true;
	if (json_array_size(row) == 0)
		return reading_wrong(r, "", "must be a string or an array of tokens");
	json_array_foreach(row, i, token)
		if (!json_is_integer(token))
			return reading_wrong(r, "", "must be a string or an array of tokens");
	return true;
}

static bool
read_list(struct reading *r, const json_t *list)
{
	struct ask_embed *embed = &r->out->ask.embed;
	const char **texts = reading_keep(r, xcalloc(json_array_size(list), sizeof(*texts)));
	bool is_text = true;
	const json_t *row;
	size_t i, before;

	json_array_foreach(list, i, row) {
		before = reading_enter(r, "input[%zu]", i);
		if (!read_input_row(r, row, &texts[i]))
			return false;
		is_text &= texts[i] != NULL;
		reading_leave(r, before);
	}
	embed->texts = is_text ? texts : NULL;
	embed->n = json_array_size(list);
	return true;
}

/* A string, tokens, or an array of either. */
static bool
read_input(struct reading *r, const json_t *body)
{
	struct ask_embed *embed = &r->out->ask.embed;
	const json_t *input = reading_member(body, "input");
	const char **texts;

	if (input == NULL)
		return reading_wrong(r, "input", "is missing");
	if (json_is_string(input)) {
		texts = reading_keep(r, xcalloc(1, sizeof(*texts)));
		texts[0] = json_string_value(input);
		embed->texts = texts;
		embed->n = 1;
		return true;
	}
	if (json_array_size(input) == 0)
		return reading_wrong(r, "input", "must be a string or an array that is not empty");
	if (json_is_integer(json_array_get(input, 0))) {
		embed->n = 1;
		return true;
	}
	return json_array_size(input) <= INPUTS_MAX ? read_list(r, input)
						    : reading_wrong(r, "input", "must have at most 2048 elements");
}

static bool
read_body(struct reading *r, const json_t *body, const char *path_model)
{
	struct ask_embed *embed = &r->out->ask.embed;
	const char *format;

	r->out->model = path_model;
	if ((path_model == NULL && !reading_string(r, body, "model", &r->out->model)) || !read_input(r, body) ||
	    !reading_integer(r, body, "dimensions", 1, &embed->dimensions) ||
	    !reading_string(r, body, "encoding_format", &format))
		return false;
	embed->is_base64 = format != NULL && strcmp(format, "base64") == 0;
	return format == NULL || embed->is_base64 || strcmp(format, "float") == 0 ||
	    reading_wrong(r, "encoding_format", "must be float or base64");
}

enum status
openai_embed_read(struct arena *a, const json_t *body, const char *path_model, bool is_single, struct dialect_ask *out,
    struct dialect_problem *problem)
{
	struct reading r = { .a = a, .problem = problem, .out = out };

	(void)is_single;
	*out = (struct dialect_ask){ .ask = { .op = OP_EMBED } };
	if (!json_is_object(body)) {
		reading_wrong(&r, "body", "must be an object");
		return E_INVALID_REQUEST;
	}
	return read_body(&r, body, path_model) ? OK : E_INVALID_REQUEST;
}

/* ---- what is answered ------------------------------------------------------------ */

/* An answer on its way in: vectors as they come, which need not be in order. */
struct incoming {
	float *values;
	size_t n; /* numbers so far */
	size_t rows, dimensions;
	int64_t *places; /* of the rows */
};

static int
letter_value(char c)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c == '\0' ? NULL : strchr(letters, c);

	return at == NULL ? -1 : (int)(at - letters);
}

/* Numbers in base64; false: it is none, or not of whole numbers. */
static bool
take_base64(struct incoming *in, const struct scan_text *text)
{
	size_t len = text->len, bytes, at = 0;
	uint32_t bits = 0, number = 0;
	int n_bits = 0;

	while (len > 0 && text->at[len - 1] == '=')
		len--;
	bytes = len * 3 / 4;
	if (text->has_escapes || bytes == 0 || bytes % 4 != 0 || in->n + bytes / 4 > NUMBERS_MAX)
		return false;
	in->values = xrealloc(in->values, (in->n + bytes / 4) * sizeof(*in->values));
	for (size_t i = 0; i < len; i++) {
		int value = letter_value(text->at[i]);

		if (value < 0)
			return false;
		bits = bits << 6 | (uint32_t)value;
		if ((n_bits += 6) < 8)
			continue;
		n_bits -= 8;
		number |= (bits >> n_bits & 0xff) << (at % 4 * 8);
		if (++at % 4 == 0) {
			memcpy(&in->values[in->n], &number, sizeof(number));
			if (!isfinite(in->values[in->n++])) /* no number that JSON could say */
				return false;
			number = 0;
		}
	}
	return true;
}

/* One element of "data". */
static bool
take_row(struct incoming *in, struct scan *s)
{
	int64_t place = (int64_t)in->rows;
	size_t before = in->n;
	struct scan_text name, text;
	bool ok = true;

	if (!value_object(s))
		return false;
	while (scan_member(s, &name))
		if (scan_is(&name, "embedding") && scan_string(s, &text))
			ok &= in->n == before && take_base64(in, &text);
		else if (scan_is(&name, "embedding"))
			ok &= in->n == before && value_floats(s, &in->values, &in->n, NUMBERS_MAX);
		else if (!scan_is(&name, "index") || !scan_integer(s, &place))
			scan_skip(s);
	if (!ok || in->rows == INPUTS_MAX || in->n == before || (in->rows > 0 && in->n - before != in->dimensions))
		return false;
	in->dimensions = in->n - before;
	in->places = xrealloc(in->places, (in->rows + 1) * sizeof(*in->places));
	in->places[in->rows++] = place;
	return true;
}

static bool
take_answer(struct incoming *in, const char *json, size_t len)
{
	struct scan_text name;
	bool ok = true;
	struct scan s;

	scan_init(&s, json, len);
	if (!scan_object(&s))
		return false;
	while (scan_member(&s, &name)) {
		if (!scan_is(&name, "data") || !scan_array(&s)) {
			scan_skip(&s);
			continue;
		}
		while (ok && scan_element(&s))
			ok = take_row(in, &s);
		if (!ok)
			return false;
	}
	return scan_end(&s) && in->rows > 0;
}

/* Each row where it says it belongs; false: that is no order. */
static bool
sort_rows(const struct incoming *in, struct wire_vectors *out)
{
	bool *is_taken = xcalloc(in->rows, sizeof(*is_taken));
	size_t row_bytes = in->dimensions * sizeof(float);
	bool ok = true;

	*out = (struct wire_vectors){ xcalloc(in->rows, row_bytes), in->rows, in->dimensions };
	for (size_t i = 0; ok && i < in->rows; i++) {
		int64_t place = in->places[i];

		ok = place >= 0 && (size_t)place < in->rows && !is_taken[place];
		if (!ok)
			break;
		is_taken[place] = true;
		memcpy(out->values + (size_t)place * in->dimensions, in->values + i * in->dimensions, row_bytes);
	}
	free(is_taken);
	return ok;
}

bool
openai_vectors(const char *json, size_t len, struct wire_vectors *out)
{
	struct incoming in = { .values = NULL };
	bool ok;

	*out = (struct wire_vectors){ .values = NULL };
	ok = take_answer(&in, json, len) && sort_rows(&in, out);
	free(in.values);
	free(in.places);
	if (!ok) {
		free(out->values);
		*out = (struct wire_vectors){ .values = NULL };
	}
	return ok;
}

/* ---- what is told ------------------------------------------------------------------ */

static void
put_base64(struct buf *out, const float *values, size_t n)
{
	unsigned char *bytes = xcalloc(n, sizeof(float));
	size_t len = CRYPTO_BASE64_LEN(n * sizeof(float)) - 1;
	char *to;

	for (size_t i = 0; i < n; i++) {
		uint32_t number;

		memcpy(&number, &values[i], sizeof(number));
		for (unsigned k = 0; k < 4; k++)
			bytes[4 * i + k] = (unsigned char)(number >> 8 * k);
	}
	buf_puts(out, "\"");
	if ((to = buf_reserve(out, len)) != NULL) {
		crypto_base64(bytes, n * sizeof(float), to);
		buf_commit(out, len);
	}
	buf_puts(out, "\"");
	free(bytes);
}

/* Nine digits tell every float from every other; the programs keep the locale "C". */
static void
put_numbers(struct buf *out, const float *values, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_printf(out, "%s%.9g", i == 0 ? "[" : ",", (double)values[i]);
	buf_puts(out, "]");
}

void
openai_put_vectors(struct buf *out, const struct wire_vectors *vectors, const struct ask_embed *how, const char *model,
    int64_t input_tokens)
{
	buf_puts(out, "{\"object\":\"list\",\"data\":[");
	for (size_t i = 0; i < vectors->n; i++) {
		buf_printf(out, "%s{\"object\":\"embedding\",\"index\":%zu,\"embedding\":", i > 0 ? "," : "", i);
		(how->is_base64 ? put_base64 : put_numbers)(
		    out, vectors->values + i * vectors->dimensions, vectors->dimensions);
		buf_puts(out, "}");
	}
	buf_puts(out, "],\"model\":");
	buf_json(out, model, strlen(model));
	buf_printf(out, ",\"usage\":{\"prompt_tokens\":%" PRId64 ",\"total_tokens\":%" PRId64 "}}", input_tokens,
	    input_tokens);
}
