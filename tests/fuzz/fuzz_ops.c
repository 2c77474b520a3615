/*
 * What is no chat: whatever a provider answers is measured within bounds, vectors that are read are
 * told as JSON and read again as the same, and whatever a client asks for is said to either
 * wire as JSON or refused with a reason.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "wire/gemini/gemini.h"
#include "wire/openai/openai.h"

#define CAP 65536

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool ok)
{
	if (!ok)
		abort();
}

typedef bool meter_fn(const char *json, size_t len, struct wire_units *out);
typedef bool vectors_fn(const char *json, size_t len, struct wire_vectors *out);
typedef void put_fn(struct buf *out, const struct wire_vectors *vectors, const struct ask_embed *how, const char *model,
    int64_t input_tokens);
typedef enum status read_fn(struct arena *a, const json_t *body, const char *path_model, bool is_single,
    struct dialect_ask *out, struct dialect_problem *problem);

static void
measure(meter_fn *meter, const char *bytes, size_t size)
{
	struct wire_units u;

	if (!meter(bytes, size, &u))
		return;
	check(u.input_tokens >= -1 && u.output_tokens >= -1 && u.images >= -1 && u.seconds >= -1 && u.queries >= -1);
	check(u.seconds <= 1000000000 && u.queries <= 1000000000);
}

/* Told, and read again. */
static void
tell(const struct wire_vectors *v, put_fn *put, vectors_fn *read, bool is_base64, bool is_single)
{
	struct ask_embed how = { .is_base64 = is_base64, .is_single = is_single };
	struct buf out = BUF_INIT(0);
	struct wire_vectors again;
	json_t *json;

	put(&out, v, &how, "m", 1);
	json = json_loadb(out.data, out.len, 0, NULL);
	check(json != NULL && read(out.data, out.len, &again));
	check(again.n == v->n && again.dimensions == v->dimensions);
	check(memcmp(again.values, v->values, v->n * v->dimensions * sizeof(float)) == 0);
	free(again.values);
	json_decref(json);
	buf_free(&out);
}

static void
read_vectors(vectors_fn *read, const char *bytes, size_t size)
{
	struct wire_vectors v;

	if (!read(bytes, size, &v))
		return;
	check(v.n > 0 && v.dimensions > 0);
	for (size_t i = 0; i < v.n * v.dimensions; i++)
		check(isfinite(v.values[i]));
	tell(&v, openai_put_vectors, openai_vectors, false, false);
	tell(&v, openai_put_vectors, openai_vectors, true, false);
	tell(&v, gemini_put_vectors, gemini_vectors, false, v.n == 1);
	free(v.values);
}

static void
say(struct arena *a, const struct wire *wire, const struct ask *ask)
{
	const struct endpoint *e = wire_endpoint(wire, OP_EMBED);
	struct wire_target to = { .base_url = "https://host", .model = "m" };
	struct wire_request rq;
	struct wire_body body;
	json_t *json;

	if (e->body(a, ask, false, &body) != OK || e->head(a, &to, &body, &rq) != OK)
		return;
	json = json_loadb(rq.body, rq.body_len, JSON_ALLOW_NUL, NULL);
	check(json != NULL);
	json_decref(json);
}

static void
ask_embed(read_fn *read, const char *wire, const json_t *body, const char *bytes, size_t size, bool is_single)
{
	struct arena *a = arena_new(4096, 16 << 20);
	struct dialect_problem problem = { .field = "" };
	struct dialect_ask ask;

	if (read(a, body, "m", is_single, &ask, &problem) == OK) {
		ask.ask.own_words = bytes;
		ask.ask.own_words_len = size;
		ask.ask.own_wire = wire;
		say(a, &wire_openai, &ask.ask);
		say(a, &wire_gemini, &ask.ask);
	} else {
		check(problem.text[0] != '\0');
	}
	arena_free(a);
}

static void
note(void *arg, const struct wire_event *e)
{
	bool *has_failed = arg;

	check(!*has_failed);
	*has_failed = e->kind == WIRE_FAILURE;
}

/* A stream's side parser, in any slicing. */
static void
read_events(const char *bytes, size_t size, size_t slice)
{
	void *parser = openai_op_parser.start(true, CAP);
	bool has_failed = false;

	for (size_t at = 0; at < size; at += slice)
		if (!openai_op_parser.feed(
			parser, bytes + at, size - at < slice ? size - at : slice, note, &has_failed))
			break;
	openai_op_parser.end(parser, note, &has_failed);
	openai_op_parser.free(parser);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *bytes = (const char *)data;
	json_t *body = size == 0 ? NULL : json_loadb(bytes, size, JSON_REJECT_DUPLICATES, NULL);

	if (size == 0)
		return 0;
	measure(openai_op_meter, bytes, size);
	measure(gemini_embed_meter, bytes, size);
	read_vectors(openai_vectors, bytes, size);
	read_vectors(gemini_vectors, bytes, size);
	read_events(bytes, size, data[0] % 16 + 1u);
	if (json_is_object(body)) {
		ask_embed(openai_embed_read, "openai", body, bytes, size, false);
		ask_embed(gemini_embed_read, "gemini", body, bytes, size, false);
		ask_embed(gemini_embed_read, "gemini", body, bytes, size, true);
	}
	json_decref(body);
	return 0;
}
