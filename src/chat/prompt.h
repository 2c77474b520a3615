/*
 * What goes upstream for a question: the system prompt, as much history as fits,
 * the question.  Worker.
 */
#ifndef WEIR_CHAT_PROMPT_H
#define WEIR_CHAT_PROMPT_H

#include "chat/plan.h"
#include "engine/call.h"
#include "wire/ask.h"

/* What a user says.  content NULL: what the history ends with is answered again. */
struct question {
	const char *content;
	const char *image_url, *video_url, *audio_url; /* NULL: none */
};

/* Make *out of it, in cx's arena, within what the plan's model takes; *tokens is
 * our estimate of it.  `history` may be NULL.  E_INVALID_REQUEST it is too long,
 * or the model takes no such attachment; errors of attachments_inline(). */
enum status prompt_make(struct context *cx, const struct turn_plan *plan, const struct question *q,
    const struct history *history, struct ask *out, int64_t *tokens) MUST_CHECK;
/* The limits of a chat call to that plan. */
struct call_limits prompt_limits(const struct conf *conf, const struct turn_plan *plan);

#endif
