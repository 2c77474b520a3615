/*
 * Files that browsers put into the bucket themselves: a ticket says where, and for how long; once the file is
 * there and is what it was said to be, it is an upload like others.
 */
#ifndef WEIR_FILES_TICKET_H
#define WEIR_FILES_TICKET_H

#include "core/context.h"

/* A ticket for a file of the caller's: *out is {id, method, url, headers, expires_in}, the caller owns the reference.
 * E_FORBIDDEN files are in no bucket; E_UNSUPPORTED_MEDIA_TYPE, E_TOO_LARGE (details.limit_bytes), E_STORAGE_QUOTA.  Worker. */
enum status ticket_make(struct context *cx, const char *content_type, int64_t size_bytes, json_t **out) MUST_CHECK;
/* The file is there: look at it; *out is the upload, the caller owns the reference.  Again it answers the same.  Waits for the bucket
 * (store_look()).  E_NOT_FOUND no such ticket; E_CONFLICT the file is not there (yet); E_UNSUPPORTED_MEDIA_TYPE it
 * is not what it was said to be, and nobody's.  Worker. */
enum status ticket_complete(struct context *cx, const char *id, json_t **out) MUST_CHECK;

#endif
