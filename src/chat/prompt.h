/*
 * What goes upstream for a question: the system prompt, as much history as fits,
 * the question.  Worker.
 */
#ifndef WEIR_CHAT_PROMPT_H
#define WEIR_CHAT_PROMPT_H

#include "chat/files.h"
#include "chat/plan.h"
#include "engine/call.h"
#include "wire/ask.h"

#define QUESTION_IMAGES_MAX 10

/* What a user says.  content NULL: what the history ends with is answered again. */
struct question {
	const char *content;
	const char *image_urls[QUESTION_IMAGES_MAX];
	size_t n_images;
	const char *images_field;	   /* as the request calls them: "image_url", "image_urls" */
	const char *video_url, *audio_url; /* NULL: none */
	const char *file_urls[QUESTION_FILES_MAX];
	size_t n_files;
};

/* Have `call` ask it, within what the plan's model takes; *tokens
 * is our estimate of it.  What is asked stands in cx's arena.  `history` may be NULL.  E_INVALID_REQUEST it is too long, the model
 * takes no such attachment, or no wire can say it; errors of attachments_inline() and of files_choose(). */
enum status prompt_call(struct context *cx, const struct turn_plan *plan, const struct question *q,
    const struct history *history, struct call *call, int64_t *tokens) MUST_CHECK;

#endif
