/*
 * The text of documents that people attach to their messages: rows of table upload_texts,
 * which come with the upload, and are filled by weir-worker with weir-parse.
 */
#ifndef WEIR_KNOWLEDGE_ATTACHED_H
#define WEIR_KNOWLEDGE_ATTACHED_H

#include <jansson.h>

#include "core/context.h"
#include "jobs/job.h"

/* Kind upload_text, {upload_id}: read one document.  Begun at most so often, whatever ended it. */
#define ATTACHED_TRIES 3
enum status j_upload_text(struct context *cx, struct job *job);

/* Put into words, in the caller's language, why the document of an Upload has no text: document.message. */
void attached_explain(struct context *cx, json_t *upload);

#endif
