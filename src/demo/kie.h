/*
 * kie -- the media provider KIE as weir-demo plays it: tasks that are made by one
 * request, asked after by others, and tell of their end by a callback.
 *
 * What a task comes to is scripted in its prompt (script.h): task= and result=
 * say when and how it ends; a fault in which the answer is lost (close, refuse,
 * stall-before, html) makes the task all the same, as providers do; fault=STATUS
 * refuses it. Tasks live in memory, the newest 4096 of them.
 *
 * Sources: docs.kie.ai (jobs, webhook verification, credits, file upload), read 2026-11.
 */
#ifndef WEIR_DEMO_KIE_H
#define WEIR_DEMO_KIE_H

#include <jansson.h>
#include <stdbool.h>

#include "demo/h1.h"
#include "demo/run.h"

/* Is it one of KIE's paths, or of the files its tasks made? */
bool kie_is_path(struct span path);
/* Answer into run->body; `is_authorized` says whether the key is right. */
void kie_plan(struct run *run, struct loop *loop, const struct h1_request *rq, struct span body, bool is_authorized);

/* ---- the same tasks in other words: fal.c ---- */

/* What a task is wanted for. */
struct kie_ask {
	const char *model, *callback; /* callback may be NULL */
	const json_t *input;
	bool is_fal; /* its callback is fal's */
};
/* What became of that: 200, or the code it is refused by and why. */
struct kie_made {
	int code;
	const char *why;
	char id[40];
};
void kie_make(struct run *run, struct loop *loop, const struct kie_ask *ask, struct kie_made *out);
/* Its state in KIE's words, and the address of its file into `url`; NULL: there is none. */
const char *kie_look(const struct h1_request *rq, struct span id, char *url, size_t url_bytes);

#endif
