/*
 * What the owner of a base is told of its documents: "knowledge" events on /api/events, and
 * what the codes of failures mean.
 */
#ifndef WEIR_KNOWLEDGE_NEWS_H
#define WEIR_KNOWLEDGE_NEWS_H

#include "core/context.h"

/* Publish {knowledge_id, document_id, version, state, code, chunks, vectors, skipped, progress} to that user,
 * after the commit; of a document that is gone {document_id, state: "deleted"}.  Never fails. */
void knowledge_tell(struct context *cx, const char *user_id, const char *document_id);
/* A "balance" event: something was settled.  Never fails. */
void knowledge_tell_balance(struct context *cx, const char *user_id);
/* What a code of a document or a run says to people (knowledge/codes.def, parse/codes.def).  Static text; NULL for
 * NULL.  Any thread. */
const char *knowledge_explain(const char *code, enum lang lang);

#endif
