/*
 * wire -- OpenAI chat completions as weir-demo speaks them: bodies in,
 * chunks, completions, errors and lists out. No I/O, any thread.
 *
 * Source: platform.openai.com/docs/api-reference/chat (create, streaming) and
 * /docs/guides/error-codes, read 2026-11; content_filter as Azure OpenAI
 * sends it.
 */
#ifndef WEIR_DEMO_WIRE_H
#define WEIR_DEMO_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "demo/script.h"

#define WIRE_MODEL_BYTES 1024
#define WIRE_IMAGE_BYTES 512
#define WIRE_ID_BYTES 48

/* What the body of POST /v1/chat/completions asks for. */
struct ask {
	bool stream;
	bool include_usage;
	char model[WIRE_MODEL_BYTES]; /* as asked, with its script */
	size_t model_len;
	size_t base_len;	      /* of the model name before its script */
	struct buf prompt;	      /* text of the last user message; owned */
	char image[WIRE_IMAGE_BYTES]; /* first image URL there, maybe cut short */
	uint32_t images;
	uint32_t messages;
	uint32_t prompt_tokens;
	uint32_t max_tokens; /* 0: no limit given */
	uint32_t reasoning;  /* deltas asked for by reasoning_effort */
};

/* An error answer; NULL type, param or code is JSON null. */
struct wire_error {
	int status;
	const char *type, *param, *code;
	char message[320];
};

/* Parse a body. On false *err says what to answer. ask_free() in any case. */
bool wire_parse(const char *body, size_t len, struct ask *ask, struct wire_error *err);
void ask_free(struct ask *ask);

/* The answer OpenAI gives with this status, or for FAULT_QUOTA, _CONTEXT,
 * _FILTER; model is put into its text. */
void wire_fault(struct wire_error *err, enum demo_fault fault, int status, const char *model);

/* Append {"error":{...}}. */
void wire_error_json(struct buf *out, const struct wire_error *err);

/* Append the models list, or one model. */
void wire_models_json(struct buf *out);
void wire_model_json(struct buf *out, const char *name);

/* What all chunks of one answer share. */
struct chunk_head {
	char id[WIRE_ID_BYTES];
	int64_t created_s;
	struct buf prefix;  /* "data: {… "choices":[{"index":0,"delta":"; owned */
	bool include_usage; /* then every chunk has a usage member */
};

/* Build prefix from id, created_s and model. */
void chunk_init(struct chunk_head *h, const char *model, size_t model_len);
void chunk_free(struct chunk_head *h);

/* Append one SSE event each: the role; a delta whose member ("content" or
 * "reasoning_content") is text; the finish reason; usage; [DONE]. */
void chunk_role(struct buf *out, const struct chunk_head *h);
void chunk_delta(struct buf *out, const struct chunk_head *h, const char *member, const char *text, size_t len);
void chunk_finish(struct buf *out, const struct chunk_head *h, const char *reason);
void chunk_usage(struct buf *out, const struct chunk_head *h, const struct buf *usage);
void chunk_done(struct buf *out);
/* The two ends of a content delta, for a text that is sent in pieces. */
void chunk_open(struct buf *out, const struct chunk_head *h);
void chunk_close(struct buf *out, const struct chunk_head *h);

/* A content delta whose text is an array of two parts. */
void chunk_parts(struct buf *out, const struct chunk_head *h, const char *text, size_t len);
/* A chunk with an empty delta and, before or after it, the whole message. */
void chunk_repeat(
    struct buf *out, const struct chunk_head *h, const struct buf *text, bool is_first, const char *reason);

/* Append a usage object. */
void wire_usage_json(struct buf *out, const struct script *s, uint32_t prompt_tokens, uint32_t content_tokens,
    uint32_t reasoning_tokens);

/* Append a whole, not streamed completion; usage may be empty: left out. */
void wire_completion_json(struct buf *out, const struct chunk_head *h, const char *model, size_t model_len,
    const struct buf *text, const struct buf *reasoning, const char *finish, const struct buf *usage);

#endif
