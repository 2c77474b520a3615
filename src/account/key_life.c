/*
 * What happens to keys without a hand: reminders, and rotation by itself.
 *
 * A new secret cannot be told by mail.  So a key that rotates by itself leaves the one
 * that takes its place sealed in the database ([auth] encryption_key), for its owner to
 * collect, once; who reads the database alone, or the mail, has nothing.  The old key is
 * accepted beside it for a week, or half of rotate_every_days where that is less: then it
 * ends, collected or not, as it would be no rotation otherwise; the owner is told when
 * it begins and, where the new key lies there still, a day before its end.
 */
#include <string.h>

#include "account/key_new.h"
#include "account/key_news.h"
#include "account/keys.h"
#include "base/log.h"
#include "core/audit.h"
#include "core/secret.h"
#include "core/sweep.h"
#include "core/versions.h"

#define KEYS_AT_ONCE 100
#define DAY_S (24 * 3600)
#define OVERLAP_S (7 * DAY_S)

/* ---- reminders ---------------------------------------------------------------------- */

/* In the transaction that is open: who is marked as told is told. */
static enum status
remind_in_transaction(struct context *cx, int *n)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query(cx->pg, &rows,
	    "SELECT name, prefix, json_time(expires_at) AS until, days, uncollected, user_id, email, locale"
	    " FROM api_keys_remind($1::int)",
	    PI(KEYS_AT_ONCE));

	*n = st == OK ? rows_count(rows) : 0;
	for (int i = 0; st == OK && i < *n; i++)
		st = key_news_tell(cx,
		    &(struct key_news){
			.kind = row_bool(rows, i, "uncollected") ? KEY_NEWS_UNCOLLECTED : KEY_NEWS_ENDS,
			.user_id = row_text(rows, i, "user_id"),
			.email = row_text(rows, i, "email"),
			.locale = row_text(rows, i, "locale"),
			.name = row_text(rows, i, "name"),
			.prefix = row_text(rows, i, "prefix"),
			.until = row_text(rows, i, "until"),
			.days = (int)row_int(rows, i, "days"),
		    });
	return st;
}

static enum status
remind_some(struct context *cx, int *n)
{
	enum status st = pg_begin(cx->pg);

	if (st != OK)
		return st;
	if ((st = remind_in_transaction(cx, n)) != OK) {
		context_rollback(cx);
		return st;
	}
	if ((st = context_commit(cx)) == OK && *n > 0)
		LOG(INFO, "keys_reminded", LI("count", *n));
	return st;
}

enum status
keys_remind(struct sweeper *s)
{
	int n;
	enum status st;

	do
		st = remind_some(&s->cx, &n);
	while (st == OK && n == KEYS_AT_ONCE && !s->stopping());
	return st;
}

/* ---- rotation ------------------------------------------------------------------------ */

static int64_t
overlap_s(int64_t every_days)
{
	int64_t half_s = every_days * DAY_S / 2;

	return half_s < OVERLAP_S ? half_s : OVERLAP_S;
}

/* In the transaction that is open: *done is false when another was first. */
static enum status
put_in_place(struct context *cx, const struct rows *due, int row, const struct new_key *k, bool *done)
{
	AUTO_ROWS struct rows *rows = NULL;
	unsigned char *sealed;
	size_t len;
	enum status st = secret_seal(cx->arena, cx->conf, k->text, &sealed, &len);

	if (st != OK)
		return st;
	st = pg_query(cx->pg, &rows, "SELECT api_key_rotate($1, $2, $3, $4, $5, $6::int) AS outcome",
	    PS(row_text(due, row, "key_id")), PS(row_text(due, row, "user_id")), PS(k->id),
	    PX(k->hash, sizeof(k->hash)), PS(k->shown), PI(overlap_s(row_int(due, row, "every_days"))));
	if (st != OK)
		return st;
	*done = strcmp(row_text(rows, 0, "outcome"), "ok") == 0;
	return *done
	    ? pg_query(cx->pg, NULL, "UPDATE api_keys SET secret_sealed = $2 WHERE id = $1", PS(k->id), PX(sealed, len))
	    : OK;
}

static enum status
tell_rotated(struct context *cx, const struct rows *due, int row, const struct new_key *k)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st;

	cx->caller.user_id = row_text(due, row, "user_id");
	audit(cx, "key.rotate", arena_printf(cx->arena, "key:%s", row_text(due, row, "key_id")), "ok",
	    json_pack("{s:s, s:b}", "rotated_to", k->id, "auto", true));
	cx->caller.user_id = NULL;
	st = pg_query(cx->pg, &rows, "SELECT name, prefix, json_time(expires_at) AS until FROM api_keys WHERE id = $1",
	    PS(row_text(due, row, "key_id")));
	if (st != OK || rows_count(rows) == 0)
		return st;
	return key_news_tell(cx,
	    &(struct key_news){
		.kind = KEY_NEWS_ROTATED,
		.user_id = row_text(due, row, "user_id"),
		.email = row_text(due, row, "email"),
		.locale = row_text(due, row, "locale"),
		.name = row_text(rows, 0, "name"),
		.prefix = row_text(rows, 0, "prefix"),
		.until = row_text(rows, 0, "until"),
	    });
}

static enum status
rotate_one(struct context *cx, const struct rows *due, int row)
{
	struct new_key k;
	bool done = false;
	enum status st;

	key_make(&k);
	if ((st = pg_begin(cx->pg)) != OK)
		return st;
	st = put_in_place(cx, due, row, &k, &done);
	if (st == OK && done)
		st = tell_rotated(cx, due, row, &k);
	if (st == OK && done)
		return context_commit(cx);
	context_rollback(cx);
	return st;
}

enum status
keys_rotate_due(struct sweeper *s)
{
	AUTO_ROWS struct rows *due = NULL;
	enum status st = pg_query_again(s->cx.pg, &due,
	    "SELECT key_id, user_id, every_days, email, locale FROM api_keys_rotation_due($1::int, $2::int)",
	    PI(KEYS_AT_ONCE), PI(KEYS_KEPT_MAX));

	for (int i = 0; st == OK && i < rows_count(due) && !s->stopping(); i++)
		st = rotate_one(&s->cx, due, i);
	return st;
}

/* ---- collecting ----------------------------------------------------------------------- */

static enum status
refuse_collect(struct context *cx, const char *id)
{
	json_t *key;
	enum status st = key_find(cx, id, &key);

	if (st != OK)
		return st;
	json_decref(key);
	fail(cx, E_CONFLICT, "API key %s: nothing to collect", id);
	fail_message(
	    cx, "There is nothing to collect: this API key was shown before.", "该 API 密钥已领取，无法再次显示");
	return E_CONFLICT;
}

/* Opened before it is taken away: what cannot be opened stays. */
static enum status
take(struct context *cx, const char *id, json_t **out)
{
	AUTO_ROWS struct rows *rows = NULL;
	unsigned char *sealed;
	const char *text;
	size_t len;
	enum status st = pg_query(cx->pg, &rows,
	    "SELECT k.secret_sealed FROM api_keys k WHERE k.id = $1 AND k.user_id = $2"
	    " AND k.secret_sealed IS NOT NULL AND api_key_status(k) = 'active' FOR NO KEY UPDATE",
	    PS(id), PS(cx->caller.user_id));

	if (st != OK)
		return fail(cx, st, "collect API key: %s", pg_error(cx->pg));
	if (rows_count(rows) == 0)
		return refuse_collect(cx, id);
	sealed = row_bytes(rows, 0, "secret_sealed", cx->arena, &len);
	if ((st = secret_open(cx->arena, cx->conf, id, sealed, len, &text)) != OK)
		return fail(cx, st, "collect API key");
	if ((st = pg_query(cx->pg, NULL, "UPDATE api_keys SET secret_sealed = NULL WHERE id = $1", PS(id))) != OK)
		return fail(cx, st, "collect API key: %s", pg_error(cx->pg));
	if ((st = key_find(cx, id, out)) != OK)
		return st;
	json_object_set_new(*out, "key", json_string(text));
	return OK;
}

enum status
key_collect(struct context *cx, const char *id, json_t **out)
{
	enum status st;

	if (id == NULL)
		return fail(cx, E_NOT_FOUND, "no such API key");
	if ((st = pg_begin(cx->pg)) != OK)
		return fail(cx, st, "collect API key: %s", pg_error(cx->pg));
	if ((st = take(cx, id, out)) != OK) {
		context_rollback(cx);
		return st;
	}
	if ((st = context_commit(cx)) != OK) {
		json_decref(*out);
		return fail(cx, st, "collect API key: %s", pg_error(cx->pg));
	}
	return OK;
}

/* ---- locks --------------------------------------------------------------------------- */

static enum status
tell_lock(struct context *cx, enum key_news_kind kind, const struct rows *rows, const char *reason)
{
	return key_news_tell(cx,
	    &(struct key_news){
		.kind = kind,
		.user_id = row_text(rows, 0, "user_id"),
		.email = row_text(rows, 0, "email"),
		.locale = row_text(rows, 0, "locale"),
		.name = row_text(rows, 0, "name"),
		.prefix = row_text(rows, 0, "prefix"),
		.rule = reason,
	    });
}

/* Nothing was changed: there is no such key, or it is not in the state for it. */
static enum status
refuse_lock(struct context *cx, const char *id)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query(cx->pg, &rows, "SELECT FROM api_keys WHERE id = $1", PS(id));

	if (st != OK)
		return fail(cx, st, "read API key: %s", pg_error(cx->pg));
	if (rows_count(rows) == 0)
		return fail(cx, E_NOT_FOUND, "API key %s", id);
	fail(cx, E_CONFLICT, "API key %s has ended, or is not locked", id);
	fail_message(cx, "This API key has ended, or is not locked.", "该 API 密钥已停用或未被锁定");
	return E_CONFLICT;
}

#define LOCK_RETURNS \
	" RETURNING k.name, k.prefix, k.user_id, (SELECT u.email FROM users u WHERE u.id = k.user_id) AS email," \
	" (SELECT u.locale FROM users u WHERE u.id = k.user_id) AS locale," \
	" api_key_json(k) || jsonb_build_object('user_id', k.user_id, 'user'," \
	"  (SELECT coalesce(u.email, u.phone) FROM users u WHERE u.id = k.user_id)) AS json"

static enum status
lock_in_transaction(
    struct context *cx, const char *id, const char *sql, const char *reason, enum key_news_kind kind, json_t **out)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query(cx->pg, &rows, sql, PS(id), PS(reason));

	if (st != OK)
		return fail(cx, st, "lock API key: %s", pg_error(cx->pg));
	if (rows_count(rows) == 0)
		return refuse_lock(cx, id);
	if ((st = tell_lock(cx, kind, rows, reason)) != OK)
		return fail(cx, st, "tell of a lock: %s", pg_error(cx->pg));
	*out = row_json(rows, 0, "json");
	return OK;
}

static enum status
set_lock(struct context *cx, const char *id, const char *sql, const char *reason, enum key_news_kind kind, json_t **out)
{
	enum status st;

	if (id == NULL)
		return fail(cx, E_NOT_FOUND, "no such API key");
	if ((st = pg_begin(cx->pg)) != OK)
		return fail(cx, st, "lock API key: %s", pg_error(cx->pg));
	if ((st = lock_in_transaction(cx, id, sql, reason, kind, out)) != OK) {
		context_rollback(cx);
		return st;
	}
	if ((st = context_commit(cx)) != OK) {
		json_decref(*out);
		return fail(cx, st, "lock API key: %s", pg_error(cx->pg));
	}
	versions_changed(cx);
	return OK;
}

enum status
key_lock(struct context *cx, const char *id, const char *reason, json_t **out)
{
	return set_lock(cx, id,
	    "UPDATE api_keys AS k SET status = 'locked', locked_at = now(), lock_reason = $2"
	    " WHERE k.id = $1 AND k.revoked_at IS NULL" LOCK_RETURNS,
	    reason, KEY_NEWS_LOCKED, out);
}

enum status
key_unlock(struct context *cx, const char *id, json_t **out)
{
	return set_lock(cx, id,
	    "UPDATE api_keys AS k SET status = CASE WHEN k.rotated_to IS NOT NULL THEN 'rotated' ELSE 'active' END,"
	    " locked_at = NULL, lock_reason = NULL"
	    " WHERE k.id = $1 AND $2::text IS NULL AND k.revoked_at IS NULL AND k.status = 'locked'" LOCK_RETURNS,
	    NULL, KEY_NEWS_UNLOCKED, out);
}
