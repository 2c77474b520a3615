/*
 * Assistants: what users make for themselves and share, a prompt with a model and
 * how that is asked.  What admins make for everybody is in chat/agents.h.
 *
 * JSON for who may use one: {id, name, description, avatar, has_picture, openers,
 * model, own, share}.  For its owner also {prompt, picture_id, temperature, top_p,
 * max_tokens, context_messages, knowledge_ids, knowledge_mode, knowledge_rewrite, url,
 * is_barred, created_at, updated_at}: nobody else sees its prompt or what it looks into.  For
 * admins {id, user_id, owner, name, description, openers, share, is_barred,
 * created_at, updated_at}.
 *
 * Who uses another's assistant pays, and finds of its bases what they may read
 * themselves (knowledge/search.h asks for the caller).
 *
 * Worker-only.  A json_t given out is the caller's reference.
 */
#ifndef WEIR_CHAT_ASSISTANTS_H
#define WEIR_CHAT_ASSISTANTS_H

#include "core/page.h"
#include "core/request.h"

enum {
	ASSISTANTS_MAX = 100,	   /* that a user may make, */
	ASSISTANTS_KEPT_MAX = 100, /* and may take by links */
	OPENERS_MAX = 6,
};

/* Input of assistant_create(); with nothing required, that of assistant_update(). */
extern const struct field assistant_fields[], assistant_change_fields[], assistant_bar_fields[];

/* What the caller may use, newest first: `scope` own, taken (by a link) or house (shared with everybody by others);
 * NULL: all three.  E_INVALID_REQUEST scope, stale cursor. */
enum status assistants_list(
    struct context *cx, const struct page *page, const char *scope, json_t **items, bool *more) MUST_CHECK;
/* One the caller may use; with all of it where it is theirs.  E_NOT_FOUND, also for id NULL. */
enum status assistant_find(struct context *cx, const char *id, json_t **out) MUST_CHECK;
/* Checked input.  E_INVALID_REQUEST a model not offered, a base that is not there, a picture that is none of theirs;
 * E_CONFLICT the caller has ASSISTANTS_MAX. */
enum status assistant_create(struct context *cx, const json_t *in, json_t **out) MUST_CHECK;
/* Only what `in` has is changed.  Made private it loses its link and all who took it.  E_NOT_FOUND and as
 * assistant_create(). */
enum status assistant_update(struct context *cx, const char *id, const json_t *in, json_t **out) MUST_CHECK;
/* Its conversations go on without it.  E_NOT_FOUND. */
enum status assistant_delete(struct context *cx, const char *id) MUST_CHECK;
/* Answer with its picture, small if there is a small one.  E_NOT_FOUND: not for the caller, or it has none. */
enum status assistant_send_picture(struct request *rq, const char *id) MUST_CHECK;

/* What the link with `token` leads to.  E_NOT_FOUND: nowhere, or not any more. */
enum status assistant_linked(struct context *cx, const char *token, json_t **out) MUST_CHECK;
/* Take it: the caller may use it from now on, until it is taken back.  E_NOT_FOUND; E_CONFLICT the caller has taken
 * ASSISTANTS_KEPT_MAX. */
enum status assistant_take(struct context *cx, const char *token, json_t **out) MUST_CHECK;
/* Put one away that was taken by a link.  E_NOT_FOUND. */
enum status assistant_put_away(struct context *cx, const char *id) MUST_CHECK;

/* For admins: those that everybody may use, and those that were taken back. */
enum status assistants_shared(struct context *cx, const struct page *page, json_t **items, bool *more) MUST_CHECK;
/* For admins: take it back (nobody but its owner uses it), or allow it again.  E_NOT_FOUND. */
enum status assistant_bar(struct context *cx, const char *id, bool barred, json_t **out) MUST_CHECK;

#endif
