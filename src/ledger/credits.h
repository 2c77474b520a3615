/*
 * Credits as people see and operators give them.  The rules live in SQL
 * (migrations/functions/ledger.sql): nothing here computes money.
 */
#ifndef WEIR_LEDGER_CREDITS_H
#define WEIR_LEDGER_CREDITS_H

#include "core/page.h"
#include "core/request.h"

/* What the query of the list takes. */
extern const struct field credits_query[];

/* Give (or with a negative amount take, never below zero) credits with a ledger
 * entry of `change_type` ("signup_gift", "admin_adjustment" ...), by the caller (NULL:
 * the system or the command line); the user's pages are told.  *balance_ucr is what
 * there is then.  E_NOT_FOUND no such user, also for NULL; E_CONFLICT with
 * details.balance it would go below zero: *balance_ucr is what there is. */
enum status credits_grant(struct context *cx, const char *user_id, int64_t amount_ucr, const char *change_type,
    const char *description, int64_t *balance_ucr) MUST_CHECK;
/* {"balance","held"}: what may be spent and what is set aside for running
 * tasks; the caller owns *out.  E_NOT_FOUND. */
enum status credits_json(struct context *cx, const char *user_id, json_t **out) MUST_CHECK;
/* The same as the data of a "balance" event; the caller owns it.  Any thread. */
json_t *credits_event(int64_t balance_ucr, int64_t held_ucr);
/*
 * A page of the ledger, newest first: id, change_type, change_amount,
 * balance_after, description, task_id, created_at.  A paid task writes three
 * rows: its hold, the release of the hold, its cost.  Unless `raw`, holds and
 * releases are left out: what remains is what each task or grant changed in
 * the end, and sums up to balance plus held.
 */
enum status credits_history(
    struct context *cx, const char *user_id, const struct page *page, bool raw, json_t **items, bool *more) MUST_CHECK;
/* The same for admins, with all of it and actor_id: who did it.  E_NOT_FOUND no such
 * user, also for NULL. */
enum status credits_history_actors(
    struct context *cx, const char *user_id, const struct page *page, json_t **items, bool *more) MUST_CHECK;
/* A page of holds, newest first: id, task_id, amount, used, type, status,
 * reason, created_at, confirmed_at, settled_at, expires_at. */
enum status credits_transactions(
    struct context *cx, const char *user_id, const struct page *page, json_t **items, bool *more) MUST_CHECK;

#endif
