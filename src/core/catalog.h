/*
 * What a turn needs to know before it opens: the conversation, its agent, the
 * model that will answer, the one that steps in when it fails, and the channels
 * that reach them -- in one query.  And the history that goes upstream, in another.
 *
 * Worker-only.  Plans live in the request's arena and never change.
 */
#ifndef WEIR_CORE_CATALOG_H
#define WEIR_CORE_CATALOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/provider.h"
#include "core/request.h"

/* What a model can do besides text; llm_models.abilities holds the names. */
#define ABILITY_VISION 1u
#define ABILITY_AUDIO 2u
#define ABILITY_VIDEO 4u
#define ABILITY_REASONING 8u
#define ABILITY_TOOLS 16u

/* One way to reach a model. */
struct plan_channel {
	int64_t id;
	const char *name, *provider, *base_url;
	const char *api_key; /* opened; NULL: none needed.  Never log it. */
	const char *upstream_name;
	bool allow_private;
};

/* A model with its prices (ucr per million tokens, ucr per call) and its
 * channels in the order in which to try them: priority, then by lot with the
 * channels' weights. */
struct plan_model {
	int64_t id;
	const char *name;
	int64_t context_tokens, max_output_tokens;
	int64_t price_input_ucr, price_output_ucr, price_call_ucr;
	unsigned abilities; /* ABILITY_* */
	struct plan_channel *channels;
	size_t n_channels; /* at least one */
};

struct turn_plan {
	const char *conversation_id;
	const char *title; /* "" until the first message sets one */
	bool title_is_custom;
	int64_t message_count;

	const char *agent_id; /* NULL: plain chat, and then: */
	const char *prompt;   /* NULL */
	int64_t timeout_ms;   /* 0: chat_first_byte_timeout holds */
	double temperature;   /* negative: the provider's default */

	struct plan_model model;
	struct plan_model *fallback; /* NULL: none, or none that can be reached */
};

/* Past messages, oldest first, that alternate user, assistant, user, … */
struct history {
	struct rows *rows; /* owns all text below */
	size_t n;
	struct provider_message *messages; /* owned */
	const char *question_id; /* user message to be answered again, the last one; NULL unless regenerating */
};

/* How much of it is wanted. */
struct history_ask {
	const char *regenerate_id; /* NULL, or the assistant message that is to be made again */
	int64_t messages;	   /* at most so many, the newest */
	int64_t bytes;		   /* at most so much text; 0: what the largest context of any model takes */
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
 * message that the assistant message answers, whatever else came later.  It is
 * the caller's: history_free() once the upstream body is built.
 *
 * Errors: E_NOT_FOUND (also for NULL and for other people's; and when there is no
 * such message), E_INVALID_REQUEST field "model" (unknown, disabled, no chat
 * model) or "message_id" (no assistant message, or it answers nothing),
 * E_FORBIDDEN the agent is disabled, E_UNAVAILABLE nothing can serve it.
 */
enum status catalog_turn(struct request *rq, const char *conversation_id, const char *model_name,
    const struct history_ask *ask, struct turn_plan **plan, struct history **history) MUST_CHECK;
/* NULL is fine.  Any thread. */
void history_free(struct history *h);

/* The plan for an agent without a conversation: what admins test.  The agent may be
 * disabled.  E_NOT_FOUND, E_UNAVAILABLE. */
enum status catalog_agent(struct request *rq, const char *agent_id, struct turn_plan **out) MUST_CHECK;

/* ABILITY_* of space-separated names; unknown names count for nothing. */
unsigned abilities_parse(const char *names);

#endif
