/*
 * ask -- what a request asks for, in no wire's words: bodies in, a struct ask
 * out. Each wire has a reader beside its speaker; they share what is here.
 * No I/O, any thread.
 */
#ifndef WEIR_DEMO_ASK_H
#define WEIR_DEMO_ASK_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "demo/h1.h"
#include "demo/script.h"

#define ASK_MODEL_BYTES 1024
#define ASK_IMAGE_BYTES 512
#define ASK_TOOL_BYTES 128

struct ask {
	bool stream;
	bool include_usage;
	char model[ASK_MODEL_BYTES]; /* as asked, with its script */
	size_t model_len;
	size_t base_len;	     /* of the model name before its script */
	struct buf prompt;	     /* text of the last user message; owned */
	const char *passages;	     /* the text that has numbered passages, in root; NULL: none */
	struct buf result;	     /* what the tools said, when they spoke last; owned */
	char image[ASK_IMAGE_BYTES]; /* first image URL there, maybe cut short */
	uint32_t images;
	uint32_t all_images; /* in all messages */
	uint32_t messages;
	size_t bytes; /* of all text */
	uint32_t prompt_tokens;
	uint32_t max_tokens; /* 0: no limit given */
	uint32_t reasoning;  /* deltas asked for by the effort */
	bool has_tools;
	bool must_call;		   /* a tool, the one below unless the script names others */
	bool one_call;		   /* at a time */
	char tool[ASK_TOOL_BYTES]; /* the first one, or the one that was named */
	const json_t *tool_schema; /* of its arguments, or NULL; in root */
	bool wants_json;
	const json_t *schema; /* of the answer, or NULL; in root */
	const json_t *input;  /* texts to embed or to judge; in root */
	uint32_t dimensions;  /* of an embedding; 0: our own */
	bool wants_base64;
	const char *type; /* of an answer that is no JSON; or NULL */
	const char *flaw; /* of the history, for strict=1; or NULL */
	json_t *root;	  /* the body; owned */
};

/* An error answer; NULL type, param or code is JSON null. */
struct wire_error {
	int status;
	const char *type, *param, *code;
	char message[320];
};

struct route;

/* Parse the body of a request to a route: JSON, or a form, which becomes an object of its
 * fields; a file one of its size and its text (if it is one). The model, as the path
 * has it, is empty where the body names it. On false *err says what to answer.
 * ask_free() in any case. */
bool ask_parse(const struct route *route, struct span model, const char *type, const char *body, size_t len,
    struct ask *ask, struct wire_error *err);
void ask_free(struct ask *ask);

/* ---- for readers: each returns false with *err set ---- */

/* 400 with these words. */
bool ask_refuse(struct wire_error *err, const char *param, const char *code, const char *message);
/* The member `model`. */
bool ask_model(struct ask *ask, const json_t *root, struct wire_error *err);
/* A limit of tokens in a member of this name; absent and null are none. */
bool ask_limit(struct ask *ask, const json_t *limit, const char *name, struct wire_error *err);

/* Count a text; with keep, it is of the last user message. */
void ask_text(struct ask *ask, const json_t *text, bool keep);
/* Count an image at a URL, which may be NULL. */
void ask_image(struct ask *ask, const char *url, bool keep);
/* Note what a tool said; with keep, it was said last. */
void ask_result(struct ask *ask, const json_t *said, bool keep);
/* Note a tool; wanted is the name of the one that must be called, or NULL. */
void ask_tool(struct ask *ask, const json_t *name, const json_t *schema, const char *wanted);
/* Count messages, and claim tokens for them and for what was noted. */
void ask_claim(struct ask *ask, size_t messages);
/* Deltas of reasoning for low, medium or high; 0 for other words. */
uint32_t ask_effort(const json_t *effort);

/* ---- examples ---- */

/* Append a value that satisfies the simpler schemas (JSON Schema, or Gemini's
 * with types in capitals); {} for none. */
void example_json(struct buf *out, const json_t *schema);

#endif
