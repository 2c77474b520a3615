/*
 * Documents of knowledge bases: how they come, how far they are, and what is read of them.
 *
 * JSON, KnowledgeDocument: {id, knowledge_id, version, state, code, message, filename, title, source_url, kind,
 * size_bytes, pages, chars, chunks, vectors, skipped, cached, progress, next, created_at, updated_at,
 * ready_at}.  message: what the code says, in the caller's language.  next: the same of a
 * version that takes the place of this one once it is ready, else null.
 *
 * Worker; a json_t given out is the caller's reference.  What changes anything is for the
 * base's owner alone: E_NOT_FOUND for everybody else.
 */
#ifndef WEIR_KNOWLEDGE_DOCUMENTS_H
#define WEIR_KNOWLEDGE_DOCUMENTS_H

#include "core/page.h"
#include "core/spool.h"

/* One of upload_id, url and text, with a title where it has none of its own. */
extern const struct field document_fields[];

/* Where a document comes from: a file, or (spool NULL) what `in`, checked, says. */
struct document_source {
	struct spool *spool;
	const char *filename, *title; /* NULL: not said */
	const json_t *in;
};

/* May the caller add to that base, or (document_id not NULL) replace that document of it?  Asked before a body is looked
 * at; E_NOT_FOUND. */
enum status document_may_add(struct context *cx, const char *kb_id, const char *document_id) MUST_CHECK;
/* Add a document, or (document_id) a version of one.  *is_new false: the base has the same content already, and
 * *out is that document.  E_NOT_FOUND, E_INVALID_REQUEST, E_KNOWLEDGE_LIMIT as many as [knowledge] documents,
 * E_TOO_LARGE, E_STORAGE_QUOTA, E_STORAGE_FULL, E_FORBIDDEN uploads are off. */
enum status document_add(struct context *cx, const char *kb_id, const char *document_id,
    const struct document_source *from, bool *is_new, json_t **out) MUST_CHECK;
/* Newest first; `state` and `q` (in the title) NULL: all.  Readers too. */
enum status documents_list(struct context *cx, const char *kb_id, const struct page *page, const char *state,
    const char *q, json_t **items, bool *more) MUST_CHECK;
/* Readers too. */
enum status document_find(struct context *cx, const char *kb_id, const char *id, json_t **out) MUST_CHECK;
/* Stop what is being done for it.  E_CONFLICT nothing is. */
enum status document_cancel(struct context *cx, const char *kb_id, const char *id, json_t **out) MUST_CHECK;
/* Again from where it failed.  `password` (NULL: none) opens an encrypted one; it is kept, sealed, until that was tried.
 * E_CONFLICT it has not failed. */
enum status document_retry(
    struct context *cx, const char *kb_id, const char *id, const char *password, json_t **out) MUST_CHECK;
enum status document_remove(struct context *cx, const char *kb_id, const char *id) MUST_CHECK;
/* {document_id, version, title, from, to, total, text}: code points [from, to) of a version's text (0: the current one).
 * Readers too.  E_NOT_FOUND also: it has no text (yet), or it is gone. */
enum status document_text(struct context *cx, const char *kb_id, const char *id, int64_t version, int64_t from,
    int64_t to, json_t **out) MUST_CHECK;
/* Chunks of the current version in their order: {id, ord, page_from, page_to, from, to, heading, text, tokens, state}.
 * state: vector, waiting, skipped, or text where the base has no model.  Readers too. */
enum status document_chunks(struct context *cx, const char *kb_id, const char *id, const struct page *page,
    json_t **items, bool *more) MUST_CHECK;
/* Answer with its bytes as they came: a PDF to be shown, everything else to be saved.  Readers too. */
enum status document_send(struct request *rq, const char *kb_id, const char *id) MUST_CHECK;

#endif
