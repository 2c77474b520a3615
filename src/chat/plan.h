/*
 * What a turn needs to know before it opens: the conversation, its agent or assistant, the
 * model that will answer, the one that steps in when it fails, and the channels
 * that reach them.  The history that goes upstream is read in the same round trip.
 *
 * Worker-only.  Plans and histories live in the request's arena and never change.
 */
#ifndef WEIR_CHAT_PLAN_H
#define WEIR_CHAT_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "catalog/offer.h"
#include "chat/history.h"
#include "chat/tools.h"
#include "core/request.h"

/* What answers: copies from the offer, with their channels (at least one each) in
 * the order in which to try them: priority, then by lot with the channels' weights. */
struct turn_plan {
	const char *conversation_id;
	const char *title; /* "" until the first message sets one */
	bool title_is_custom;
	int64_t message_count;

	const char *agent_id;	  /* NULL: none */
	int64_t timeout_ms;	  /* of the agent; 0: upstream_first_byte_timeout holds */
	const char *prompt;	  /* the conversation's, or else its agent's or assistant's; NULL: none */
	double temperature;	  /* the same; negative: the provider's default */
	double top_p;		  /* the same */
	int64_t context_messages; /* at most so many earlier messages; negative: all that fit */

	const char *const *knowledge_ids; /* bases to look into */
	size_t n_knowledge;
	const char *knowledge_mode; /* auto, always, off */
	bool knowledge_rewrite;	    /* search for the question as a model puts it */
	struct chat_files *files;   /* that go along; NULL: none */
	struct chat_tools *tools;   /* that the model may call; NULL: none */
	const char *sources;	    /* what was found there, for the prompt; NULL: nothing */

	struct offer_model model;     /* its max_output_tokens: or what the assistant wants, if that is less */
	struct offer_model *fallback; /* NULL: none, or none that can be reached */
};

/*
 * Plan a turn of the caller in `conversation_id`, and read what was said before.
 *
 * `model_name` NULL takes the conversation's model, else its agent's, else the
 * default, the first of them that is enabled.  When the model has no enabled
 * channel its fallback takes its place.
 *
 * The history holds, of the newest messages that fit, each user message with its
 * latest successful answer; messages without one are left out.  Without a
 * regenerate_id a new user message is to follow it; else it ends with the user
 * message that the assistant message answers, whatever else came later.
 *
 * Errors: E_NOT_FOUND (also for NULL and for other people's; and when there is no
 * such message), E_INVALID_REQUEST field "model" (unknown, disabled, no chat
 * model) or "message_id" (no assistant message, or it answers nothing),
 * E_FORBIDDEN the agent is disabled, E_UNAVAILABLE nothing can serve it.
 */
enum status catalog_turn(struct context *cx, const char *conversation_id, const char *model_name,
    const struct history_ask *ask, struct turn_plan **plan, struct history **history) MUST_CHECK;

/* The plan for an agent without a conversation: what admins test.  The agent may be
 * disabled.  E_NOT_FOUND, E_UNAVAILABLE. */
enum status catalog_agent(struct context *cx, const char *agent_id, struct turn_plan **out) MUST_CHECK;

#endif
