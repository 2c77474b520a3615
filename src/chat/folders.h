/*
 * Folders people put their conversations into.
 *
 * JSON: {id, name, conversations, created_at}; conversations: how many are in it that are not
 * archived.  They stand in the order their owner gives them, which the list keeps.
 *
 * Worker-only.  A json_t given out is the caller's reference; what is somebody else's is E_NOT_FOUND.
 */
#ifndef WEIR_CHAT_FOLDERS_H
#define WEIR_CHAT_FOLDERS_H

#include "core/request.h"

#define FOLDERS_MAX 100
#define FOLDER_NAME_CHARS 60

/* All of the caller's, in their order: there are at most FOLDERS_MAX. */
enum status folders_list(struct context *cx, json_t **items) MUST_CHECK;
/* Add one behind the others from checked input {name}.  E_INVALID_REQUEST a blank name; E_CONFLICT there are
 * FOLDERS_MAX. */
enum status folder_create(struct context *cx, const json_t *in, json_t **out) MUST_CHECK;
/* Change from checked input {name?, position?}; position: its place, the first being 0.  E_NOT_FOUND. */
enum status folder_update(struct context *cx, const char *id, const json_t *in, json_t **out) MUST_CHECK;
/* Remove it; what was in it is in none then.  E_NOT_FOUND. */
enum status folder_delete(struct context *cx, const char *id) MUST_CHECK;

#endif
