/* What a request says a document comes from: the body itself, or what it tells in JSON. */
#ifndef WEIR_KNOWLEDGE_SOURCE_H
#define WEIR_KNOWLEDGE_SOURCE_H

#include "knowledge/documents.h"

/* Of a route with ROUTE_FILE.  JSON without ?filename= is {upload_id | url | text, title, filename}, checked; every
 * other body is the document itself, called ?filename= and shown as ?title=.  E_INVALID_REQUEST,
 * E_TOO_LARGE more JSON than such a body may have.  Worker. */
enum status document_source_read(struct request *rq, struct document_source *out) MUST_CHECK;

#endif
