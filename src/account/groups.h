/*
 * Groups of users, and budgets: how admins keep them, and what people are told.
 *
 * Group: {name, description, ratio, budget or null, users, keys, created_at,
 * updated_at}.  Budget: {amount, period, spent, held, left, resets_at}; credits.
 *
 * What is spent is counted where it is charged, and refused where a task opens
 * (migrations/functions/prices.sql); here nothing is counted.
 *
 * Worker-only; weirctl too.  A json_t given out is the caller's.
 */
#ifndef WEIR_ACCOUNT_GROUPS_H
#define WEIR_ACCOUNT_GROUPS_H

#include "core/page.h"
#include "core/request.h"

#define GROUPS_MAX 200

/* What a group is made from and changed by. */
extern const struct field group_fields[], group_change_fields[];

/* All of them, by name. */
enum status groups_list(struct context *cx, json_t **items) MUST_CHECK;
/* E_NOT_FOUND. */
enum status group_find(struct context *cx, const char *name, json_t **out) MUST_CHECK;
/* E_INVALID_REQUEST; E_CONFLICT the name is taken, or there are too many. */
enum status group_create(struct context *cx, const json_t *in, json_t **out) MUST_CHECK;
/* Change what `in` has; budget null takes it away.  E_NOT_FOUND. */
enum status group_update(struct context *cx, const char *name, const json_t *in, json_t **out) MUST_CHECK;
/* E_NOT_FOUND; E_CONFLICT somebody is in it, or it is the default. */
enum status group_delete(struct context *cx, const char *name) MUST_CHECK;
/* Put a key into a group, or (NULL) into that of its user: for admins, whosesoever
 * it is.  E_NOT_FOUND no such key; E_INVALID_REQUEST no such group. */
enum status group_set_key(struct context *cx, const char *key_id, const char *group) MUST_CHECK;

/* Check `in`'s member budget, {amount, period?} or null or absent.  E_INVALID_REQUEST. */
enum status budget_check(struct context *cx, const json_t *in) MUST_CHECK;
/* Set what it says, of the user or of the group (the other is NULL); absent: nothing.
 * In the caller's transaction, before anything else is locked. */
enum status budget_set(struct context *cx, const char *user_id, const char *group, const json_t *in) MUST_CHECK;
/* Changes of budgets, new periods and reminders, newest first: {id, kind, subject,
 * user_id, reason, period, budget, percent, before, after, actor_id, created_at}.
 * kind and subject NULL: any; user_id NULL: everybody's, else those of the user and its keys. */
enum status quota_history(struct context *cx, const char *user_id, const char *kind, const char *subject,
    const struct page *page, json_t **items, bool *more) MUST_CHECK;

#endif
