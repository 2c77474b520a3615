/*
 * Knowledge bases: documents that are searched together, and who may read them.
 *
 * JSON, Knowledge: {id, name, description, embedding_model, mode, chunk {tokens, overlap}, is_owner, owner, share
 * {everyone, groups, users}, documents, ready, failed, chunks, size_bytes, index, created_at, updated_at}.
 * mode is "text" where there is no embedding model: such a base is searched by its words alone.  share is told to its
 * owner only.  index: of the vectors of another model, which are being made: {model, documents,
 * done, failed}, else null.
 *
 * A base belongs to a user, who alone changes it and pays for its vectors; whom it is shared with may
 * search it and read its documents.  Worker; a json_t given out is the caller's reference.
 */
#ifndef WEIR_KNOWLEDGE_BASES_H
#define WEIR_KNOWLEDGE_BASES_H

#include "core/page.h"

/* Input of kb_create(); with nothing required, that of kb_update(). */
extern const struct field knowledge_fields[], knowledge_change_fields[];

/* Those the caller may read, newest first. */
enum status kb_list(struct context *cx, const struct page *page, json_t **items, bool *more) MUST_CHECK;
/* E_NOT_FOUND: none that the caller may read. */
enum status kb_find(struct context *cx, const char *id, json_t **out) MUST_CHECK;
/* Checked input.  Without embedding_model the default of those on offer, if there is one; null: none.
 * E_INVALID_REQUEST, E_KNOWLEDGE_LIMIT as many as [knowledge] bases, E_FORBIDDEN it may not be shared like that. */
enum status kb_create(struct context *cx, const json_t *in, json_t **out) MUST_CHECK;
/* Only what `in` has is changed.  Another embedding_model has all vectors made anew, beside those that are
 * searched until they are complete.  E_NOT_FOUND not the caller's, and as above. */
enum status kb_update(struct context *cx, const char *id, const json_t *in, json_t **out) MUST_CHECK;
/* E_NOT_FOUND. */
enum status kb_remove(struct context *cx, const char *id) MUST_CHECK;
/* {documents: {state: n}, chunks, vectors, skipped, cached, tokens, cost, size_bytes, chars, pages, spaces: [{model,
 * state, dims, vectors}]}.  E_NOT_FOUND. */
enum status kb_stats(struct context *cx, const char *id, json_t **out) MUST_CHECK;

#endif
