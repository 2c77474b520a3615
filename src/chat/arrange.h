/*
 * Conversations in order: what is done with one or many of them at once, all or none, and
 * temporary ones, which go by themselves.
 *
 * Worker-only.
 */
#ifndef WEIR_CHAT_ARRANGE_H
#define WEIR_CHAT_ARRANGE_H

#include "core/request.h"
#include "core/sweep.h"

/* Conversations of one request. */
#define ARRANGE_MAX 200
#define PINNED_MAX 100
/* As a choice of a field. */
#define ARRANGE_ACTIONS "pin unpin archive unarchive move keep delete"

/* The UUIDs of member `ids` of checked input, as PostgreSQL takes an array of them; in the arena.
 * E_INVALID_REQUEST names the field. */
enum status arrange_ids(struct context *cx, const json_t *in, const char **array) MUST_CHECK;
/* Do what checked input {ids, action, folder_id?} says.  What is deleted is so as by conversation_delete().
 * E_NOT_FOUND one of them, or the folder, is not the caller's; E_CONFLICT one is temporary and can only be kept or
 * deleted, or PINNED_MAX are pinned; and then nothing has changed. */
enum status conversations_arrange(struct context *cx, const json_t *in) MUST_CHECK;

/* A sweep: removes temporary conversations whose time is over. */
enum status conversations_sweep(struct sweeper *s);

#endif
