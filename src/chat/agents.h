/*
 * Agents: a prompt with a model, a fallback model and a time limit; and the
 * record of what admins spend while they debug them, which nobody is charged.
 *
 * JSON for users: {id, name, description, model}; for admins also {model_id,
 * fallback_model_id, fallback_model, prompt, timeout_seconds, temperature,
 * knowledge_ids, knowledge_mode, knowledge_rewrite, enabled, created_at, updated_at}.
 *
 * Worker-only; weirctl too, with a context of its own.  A json_t given out is
 * the caller's reference.  Who may change agents is checked by the route.
 */
#ifndef WEIR_CHAT_AGENTS_H
#define WEIR_CHAT_AGENTS_H

#include "core/page.h"
#include "core/request.h"

/* Input of agent_create(); with nothing required, that of agent_update(). */
extern const struct field agent_fields[], agent_change_fields[];

/* What users may choose: enabled ones, newest first.  E_INVALID_REQUEST stale
 * cursor, for both. */
enum status agents_offered(struct context *cx, const struct page *page, json_t **items, bool *more) MUST_CHECK;
/* All of them, for admins. */
enum status agents_list(struct context *cx, const struct page *page, json_t **items, bool *more) MUST_CHECK;
/* E_NOT_FOUND, also for id NULL. */
enum status agent_find(struct context *cx, const char *id, json_t **out) MUST_CHECK;
/* Checked input.  E_INVALID_REQUEST no such chat model. */
enum status agent_create(struct context *cx, const json_t *in, json_t **out) MUST_CHECK;
/* Only what `in` has is changed; fallback_model_id and temperature may be null.
 * E_NOT_FOUND and as agent_create(). */
enum status agent_update(struct context *cx, const char *id, const json_t *in, json_t **out) MUST_CHECK;
/* Its conversations go on as plain chat.  E_NOT_FOUND. */
enum status agent_delete(struct context *cx, const char *id) MUST_CHECK;

/* One debugging run.  Strings may be NULL. */
struct debug_run {
	const char *agent_id;
	const char *kind; /* route, preview, execution */
	const char *model;
	int64_t input_tokens, output_tokens, cost_ucr;
	json_t *request, *response; /* borrowed; NULL: none */
	const char *error;
};

/* Record a run of rq->caller in admin_debug_logs: nobody is charged. */
enum status debug_record(struct context *cx, const struct debug_run *run) MUST_CHECK;
/* The runs, newest first; agent_id NULL: of all agents.  JSON: {id, admin_id,
 * agent_id, kind, model, input_tokens, output_tokens, cost, request, response,
 * error, created_at}.  E_INVALID_REQUEST stale cursor. */
enum status debug_list(
    struct context *cx, const struct page *page, const char *agent_id, json_t **items, bool *more) MUST_CHECK;

#endif
