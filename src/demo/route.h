/*
 * route -- the doors of weir-demo: which path is which wire, who reads its
 * body and who answers it.
 *
 * TO ADD A PATH: 1. a row in route.c, 2. its reader (ask.h), 3. its answer,
 * unless it is a completion, 4. its line in man/weir-demo.1.
 */
#ifndef WEIR_DEMO_ROUTE_H
#define WEIR_DEMO_ROUTE_H

#include "demo/ask.h"
#include "demo/speak.h"

struct route {
	const char *path; /* or, of Gemini, the verb after the model */
	const struct speaker *speaker;
	bool (*read)(struct ask *ask, const json_t *root, struct wire_error *err);
	/* Append the whole answer; NULL: a completion, by the speaker. */
	void (*answer)(struct buf *out, const struct ask *ask, const struct speech *sp);
	bool is_verb;
	bool is_stream; /* streams whatever the body says */
	bool is_form;	/* takes a form with files */
};

#define ROUTES 22
extern const struct route routes[ROUTES];

/* The route of a path, or NULL. *model is the name in it, or empty. */
const struct route *route_find(struct span path, struct span *model);

/* The wire of a request to no route, or to the list of models, which says by
 * its headers whom it takes us for. *model is the name behind the list. */
const struct speaker *route_speaker(const struct h1_request *rq);
bool route_is_models(const struct h1_request *rq, struct span *model);
/* Is it about an answer that is kept? *behind is the path behind the list of them. */
bool route_is_kept(const struct h1_request *rq, struct span *behind);

/* ---- readers and answers ---- */

bool openai_read_chat(struct ask *ask, const json_t *root, struct wire_error *err);
bool openai_read_completion(struct ask *ask, const json_t *root, struct wire_error *err);
bool openai_read_embed(struct ask *ask, const json_t *root, struct wire_error *err);
bool openai_read_moderation(struct ask *ask, const json_t *root, struct wire_error *err);
bool rerank_read(struct ask *ask, const json_t *root, struct wire_error *err);
bool image_read(struct ask *ask, const json_t *root, struct wire_error *err);
bool speech_read(struct ask *ask, const json_t *root, struct wire_error *err);
bool sound_read(struct ask *ask, const json_t *root, struct wire_error *err);
bool responses_read(struct ask *ask, const json_t *root, struct wire_error *err);
bool anthropic_read(struct ask *ask, const json_t *root, struct wire_error *err);
bool gemini_read(struct ask *ask, const json_t *root, struct wire_error *err);
bool gemini_read_count(struct ask *ask, const json_t *root, struct wire_error *err);
bool gemini_read_embed(struct ask *ask, const json_t *root, struct wire_error *err);

void openai_embeddings(struct buf *out, const struct ask *ask, const struct speech *sp);
void openai_moderation(struct buf *out, const struct ask *ask, const struct speech *sp);
void rerank_jina(struct buf *out, const struct ask *ask, const struct speech *sp);
void rerank_cohere(struct buf *out, const struct ask *ask, const struct speech *sp);
void image_answer(struct buf *out, const struct ask *ask, const struct speech *sp);
void speech_answer(struct buf *out, const struct ask *ask, const struct speech *sp);
void sound_answer(struct buf *out, const struct ask *ask, const struct speech *sp);
void responses_count(struct buf *out, const struct ask *ask, const struct speech *sp);
void responses_compact(struct buf *out, const struct ask *ask, const struct speech *sp);
/* What is asked of an answer, by the path behind /v1/responses/; false: there is none. */
bool responses_kept(struct buf *out, struct span method, struct span behind);
void anthropic_count(struct buf *out, const struct ask *ask, const struct speech *sp);
void gemini_count(struct buf *out, const struct ask *ask, const struct speech *sp);
void gemini_embedding(struct buf *out, const struct ask *ask, const struct speech *sp);
void gemini_embeddings(struct buf *out, const struct ask *ask, const struct speech *sp);

#endif
