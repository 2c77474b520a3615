#include <stdlib.h>
#include <string.h>

#include "account/key_news.h"
#include "account/security.h"
#include "account/security_mail.h"
#include "base/log.h"
#include "core/sweep.h"

#define KEYS_AT_ONCE 50
#define EVENTS_AT_ONCE 50
#define ROWS_AT_ONCE 1000

/* ---- judged --------------------------------------------------------------------------- */

/* What is neither off nor lock only tells: a typing error must not blind us. */
static const char *
action(const char *option)
{
	return strcmp(option, "off") == 0 || strcmp(option, "lock") == 0 ? option : "tell";
}

/* As key_hours_judge() takes them; free() it. */
static char *
rules(const struct conf *c)
{
	json_t *all = json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I}", "new_model",
	    action(c->watch_new_model), "new_address", action(c->watch_new_address), "failures",
	    action(c->watch_failures), "size_jump", action(c->watch_size_jump), "overspeed", action(c->watch_overspeed),
	    "learn_calls", (json_int_t)c->watch_learn_calls, "failures_per_hour",
	    (json_int_t)c->watch_failures_per_hour, "size_factor", (json_int_t)c->watch_size_factor, "calls_per_minute",
	    (json_int_t)c->watch_calls_per_minute, "tokens_per_minute", (json_int_t)c->watch_tokens_per_minute);
	char *text = json_dumps(all, JSON_WIRE);

	json_decref(all);
	return text;
}

static enum status
judge(struct sweeper *s)
{
	char *text = rules(s->cx.conf);
	int64_t n;
	enum status st;

	do {
		AUTO_ROWS struct rows *rows = NULL;

		st = pg_query_again(
		    s->cx.pg, &rows, "SELECT key_hours_judge($1::jsonb, $2::int) AS n", PS(text), PI(KEYS_AT_ONCE));
		n = st == OK ? row_int(rows, 0, "n") : 0;
	} while (n == KEYS_AT_ONCE && !s->stopping());
	free(text);
	return st;
}

/* ---- told ------------------------------------------------------------------------------- */

/* All that is told of an event goes through here, in the transaction that marks it as told:
 * what else wants to hear of it, a list of operators or a hook, is called here. */
static enum status
security_deliver(struct context *cx, const struct rows *rows, int i)
{
	bool is_locked = strcmp(row_text(rows, i, "action"), "lock") == 0;
	enum status st;

	LOG(WARN, "security_event", LI("id", row_int(rows, i, "id")), LS("kind", row_text(rows, i, "kind")),
	    LS("action", row_text(rows, i, "action")), LS("key", row_text(rows, i, "key_id")),
	    LS("user_id", row_text(rows, i, "user_id")));
	if ((st = security_mail_note(cx, row_int(rows, i, "id"))) != OK)
		return st;
	return key_news_tell(cx,
	    &(struct key_news){
		.kind = is_locked ? KEY_NEWS_LOCKED : KEY_NEWS_ODD,
		.user_id = row_text(rows, i, "user_id"),
		.email = row_text(rows, i, "email"),
		.locale = row_text(rows, i, "locale"),
		.name = row_text(rows, i, "key_name"),
		.prefix = row_text(rows, i, "key_prefix"),
		.rule = row_text(rows, i, "kind"),
	    });
}

static enum status
tell_in_transaction(struct context *cx, int *n)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query(cx->pg, &rows,
	    "SELECT id, kind, action, key_id, key_name, key_prefix, user_id, email, locale FROM security_events_tell($1::int)",
	    PI(EVENTS_AT_ONCE));

	*n = st == OK ? rows_count(rows) : 0;
	for (int i = 0; st == OK && i < *n; i++)
		st = security_deliver(cx, rows, i);
	return st;
}

static enum status
tell(struct sweeper *s)
{
	enum status st;
	int n;

	do {
		if ((st = pg_begin(s->cx.pg)) != OK)
			return st;
		if ((st = tell_in_transaction(&s->cx, &n)) != OK) {
			context_rollback(&s->cx);
			return st;
		}
		st = context_commit(&s->cx);
	} while (st == OK && n == EVENTS_AT_ONCE && !s->stopping());
	return st;
}

/* ---- forgotten --------------------------------------------------------------------------- */

static enum status
forget(struct sweeper *s)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query_again(s->cx.pg, &rows,
	    "WITH gone AS (DELETE FROM key_hours h WHERE (h.key_id, h.hour) IN (SELECT o.key_id, o.hour FROM key_hours o"
	    "  WHERE o.hour < now() - make_interval(secs => $1::bigint) AND o.judged LIMIT $2::bigint FOR UPDATE SKIP LOCKED)"
	    " RETURNING h.key_id) SELECT count(*) AS n FROM gone",
	    PI(s->cx.conf->watch_keep / 1000), PI(ROWS_AT_ONCE));

	if (st == OK && row_int(rows, 0, "n") > 0)
		LOG(INFO, "pruned", LS("what", "key_hours"), LI("count", row_int(rows, 0, "n")));
	return st;
}

enum status
watch_keys(struct sweeper *s)
{
	enum status st;

	if ((st = judge(s)) != OK || (st = tell(s)) != OK)
		return st;
	return forget(s);
}
