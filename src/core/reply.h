/*
 * What a handler answers with.  Worker.
 */
#ifndef WEIR_CORE_REPLY_H
#define WEIR_CORE_REPLY_H

#include "core/request.h"

/* Answer with JSON; takes over the reference.  Returns OK (E_INTERNAL when NULL). */
enum status reply_json(struct request *rq, int http_status, json_t *body);
/* Answer with text of a type; `text` must live in the arena or be static. */
enum status reply_text(struct request *rq, int http_status, const char *content_type, const char *text);
/* The same with bytes that may hold anything. */
enum status reply_bytes(struct request *rq, int http_status, const char *content_type, const char *bytes, size_t len);
/* 204. */
enum status reply_empty(struct request *rq);
/* 304: what the caller has kept is still right. */
enum status reply_not_modified(struct request *rq);
/* {"items":[...],"has_more":bool}; takes over `items`. */
enum status reply_list(struct request *rq, json_t *items, bool has_more);
/* Add a response header. */
void reply_header(struct request *rq, const char *name, const char *fmt, ...) PRINTF_LIKE(3, 4);

#endif
