#include "account/quota_remind.h"

#include <string.h>

#include "base/log.h"
#include "core/events.h"
#include "jobs/mailing.h"

#define AT_ONCE 50
#define ADMINS_MAX 20

/* Whoever takes a reminder tells of it, and nobody else.  A row for each who is to know. */
static const char take_sql[] =
    "WITH due AS (UPDATE quota_history SET told_at = now() WHERE id IN (SELECT h.id FROM quota_history h"
    "   WHERE h.reason = 'reminder' AND h.told_at IS NULL ORDER BY h.id LIMIT $1 FOR UPDATE SKIP LOCKED) RETURNING *),"
    " taken AS (SELECT count(*) AS n FROM due)"
    " SELECT (SELECT n FROM taken) AS taken, d.kind, d.subject, d.percent, d.budget, d.after AS spent, d.period,"
    "  json_time(api_key_period_end(d.period)) AS resets_at, k.name, u.id AS user_id, u.email, u.locale"
    " FROM due d LEFT JOIN api_keys k ON d.kind = 'key' AND k.id::text = d.subject"
    "  JOIN LATERAL (SELECT u.* FROM users u WHERE u.status = 'active'"
    "   AND CASE WHEN d.kind = 'group' THEN u.role = 'admin' ELSE u.id = d.user_id END ORDER BY u.id LIMIT $2) AS u ON true"
    " ORDER BY d.id";

/* What is nearly used, in words. */
static const char *
subject_text(struct context *cx, const struct rows *rows, int row, bool zh)
{
	const char *kind = row_text(rows, row, "kind"), *name = row_text(rows, row, "name");

	if (strcmp(kind, "key") == 0)
		return arena_printf(
		    cx->arena, zh ? "密钥“%s”的预算" : "the budget of the key \"%s\"", name == NULL ? "" : name);
	if (strcmp(kind, "group") == 0)
		return arena_printf(cx->arena, zh ? "分组“%s”的预算" : "the budget of the group \"%s\"",
		    row_text(rows, row, "subject"));
	return zh ? "您的预算" : "your budget";
}

static enum status
submit_mail(struct context *cx, const struct rows *rows, int row)
{
	const char *locale = row_text(rows, row, "locale");
	bool zh = locale != NULL && strncmp(locale, "zh", 2) == 0;
	const char *what = subject_text(cx, rows, row, zh);
	char budget[UCR_TEXT_LEN], spent[UCR_TEXT_LEN];
	struct mail m = { .to = row_text(rows, row, "email") };

	ucr_format(row_ucr(rows, row, "budget"), budget);
	ucr_format(row_ucr(rows, row, "spent"), spent);
	m.subject = arena_printf(
	    cx->arena, zh ? "预算已使用 %s%%" : "%s %% of a budget are used", row_text(rows, row, "percent"));
	m.text = zh ? arena_printf(cx->arena, "您好！\n\n%s已使用 %s / %s 积分。\n用完后的请求将被拒绝%s%s。\n", what,
			  spent, budget, row_null(rows, row, "resets_at") ? "" : "，预算重置时间：",
			  row_null(rows, row, "resets_at") ? "" : row_text(rows, row, "resets_at"))
		    : arena_printf(cx->arena,
			  "Hello,\n\nof %s %s of %s credits are used.\nOnce they are used up, calls are refused%s%s.\n",
			  what, spent, budget, row_null(rows, row, "resets_at") ? "" : " until ",
			  row_null(rows, row, "resets_at") ? "" : row_text(rows, row, "resets_at"));
	return mail_submit(cx, &m, row_text(rows, row, "user_id"));
}

static json_t *
news(const struct rows *rows, int row)
{
	return json_pack("{s:s, s:s, s:s?, s:I, s:o, s:o, s:s?}", "kind", row_text(rows, row, "kind"), "subject",
	    row_text(rows, row, "subject"), "name", row_text(rows, row, "name"), "percent",
	    (json_int_t)row_int(rows, row, "percent"), "budget", json_credits(row_ucr(rows, row, "budget")), "spent",
	    json_credits(row_ucr(rows, row, "spent")), "resets_at", row_text(rows, row, "resets_at"));
}

/* In a transaction: that it was told stands with the mails that are to be sent. */
static enum status
tell_some(struct context *cx, int64_t *taken)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query(cx->pg, &rows, take_sql, PI(AT_ONCE), PI(ADMINS_MAX));

	*taken = st == OK && rows_count(rows) > 0 ? row_int(rows, 0, "taken") : 0;
	for (int i = 0; st == OK && i < rows_count(rows); i++) {
		events_tell(cx, row_text(rows, i, "user_id"), "quota", news(rows, i));
		if (mail_configured(cx->conf) && !row_null(rows, i, "email"))
			st = submit_mail(cx, rows, i);
	}
	if (st == OK && rows_count(rows) > 0)
		LOG(INFO, "quota_reminders", LI("count", rows_count(rows)));
	return st;
}

enum status
quota_remind(struct sweeper *s)
{
	int64_t taken;
	enum status st;

	do {
		if ((st = pg_begin(s->cx.pg)) != OK)
			return st;
		if ((st = tell_some(&s->cx, &taken)) != OK) {
			context_rollback(&s->cx);
			return st;
		}
		st = context_commit(&s->cx);
	} while (st == OK && taken == AT_ONCE && !s->stopping());
	return st;
}
