#include "account/security_mail.h"

#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "jobs/mailing.h"
#include "jobs/queue.h"

#define EVENTS_MAX 30 /* told one by one in a mail */
#define TO_MAX 20

/* ---- noted ------------------------------------------------------------------------- */

enum status
security_mail_note(struct context *cx, int64_t event_id)
{
	int64_t now_ms = clock_wall_ms(), every_ms = cx->conf->watch_mail_every;
	enum status st;

	if (*cx->conf->watch_mail_to == '\0' || !mail_configured(cx->conf))
		return OK;
	st = pg_query(
	    cx->pg, NULL, "INSERT INTO security_mails (event_id) VALUES ($1) ON CONFLICT DO NOTHING", PI(event_id));
	if (st != OK)
		return fail(cx, st, "note a security event: %s", pg_error(cx->pg));
	/* a time of its own has each: what comes while the mail is written is in the next */
	return job_submit(cx,
	    &(struct job_ask){ .kind = "security_mail",
		.unique_key = arena_printf(cx->arena, "%lld", (long long)(now_ms / every_ms)),
		.delay_ms = every_ms - now_ms % every_ms },
	    NULL);
}

/* ---- mailed ------------------------------------------------------------------------ */

static void
put_event(struct buf *b, const struct rows *rows, int i)
{
	const char *owner = row_text(rows, i, "owner"), *name = row_text(rows, i, "key_name");

	buf_printf(b, "%s  %-12s %-5s %s \"%s\"  %s\n", row_text(rows, i, "at"), row_text(rows, i, "kind"),
	    row_text(rows, i, "action"), row_null(rows, i, "key_prefix") ? "-" : row_text(rows, i, "key_prefix"),
	    name == NULL ? "" : name, owner == NULL ? row_text(rows, i, "user_id") : owner);
}

static enum status
post(struct context *cx, const struct rows *rows, const char *to, bool zh, const char *user_id)
{
	long long n = row_int(rows, 0, "n"), locked = row_int(rows, 0, "locked");
	struct buf b = BUF_INIT(0);
	struct mail m = { .to = to };
	enum status st;

	m.subject = arena_printf(
	    cx->arena, zh ? "安全事件 %lld 起，锁定 %lld 起" : "%lld security events, %lld of them locks", n, locked);
	buf_printf(&b,
	    zh ? "密钥的安全事件共 %lld 起，其中 %lld 起已锁定密钥：\n\n"
	       : "Security events of API keys: %lld, of which %lld locked a key.\n\n",
	    n, locked);
	for (int i = 0; i < rows_count(rows); i++)
		put_event(&b, rows, i);
	if (n > rows_count(rows))
		buf_printf(&b, zh ? "… 另有 %lld 起\n" : "... and %lld more\n", n - rows_count(rows));
	buf_printf(&b, zh ? "\n全部事件：%s/admin/security\n" : "\nAll of them: %s/admin/security\n",
	    cx->conf->server_base_url);
	m.text = b.data;
	st = mail_submit(cx, &m, user_id);
	buf_free(&b);
	return st;
}

static enum status
post_to_admins(struct context *cx, const struct rows *rows)
{
	AUTO_ROWS struct rows *admins = NULL;
	enum status st = pg_query(cx->pg, &admins,
	    "SELECT id, email, locale FROM users WHERE role = 'admin' AND status = 'active' AND email IS NOT NULL"
	    " ORDER BY created_at, id LIMIT $1",
	    PI(TO_MAX));

	if (st != OK)
		return fail(cx, st, "list admins: %s", pg_error(cx->pg));
	for (int i = 0; st == OK && i < rows_count(admins); i++) {
		const char *locale = row_text(admins, i, "locale");

		st = post(cx, rows, row_text(admins, i, "email"), locale != NULL && strncmp(locale, "zh", 2) == 0,
		    row_text(admins, i, "id"));
	}
	return st;
}

/* To each address that the option names. */
static enum status
post_to_list(struct context *cx, const struct rows *rows, const char *list)
{
	enum status st = OK;
	int n = 0;

	for (const char *p = list; st == OK && *p != '\0' && n < TO_MAX;) {
		size_t len = strcspn(p, ", ");

		if (len > 0 && n++ < TO_MAX)
			st = post(cx, rows, arena_printf(cx->arena, "%.*s", (int)len, p), false, NULL);
		p += len;
		p += strspn(p, ", ");
	}
	return st;
}

static enum status
post_noted(struct context *cx)
{
	AUTO_ROWS struct rows *rows = NULL;
	const char *to = cx->conf->watch_mail_to;
	enum status st = pg_query(cx->pg, &rows,
	    "WITH noted AS (DELETE FROM security_mails RETURNING event_id)"
	    " SELECT to_char(e.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') AS at, e.kind, e.action,"
	    "  e.key_name, e.key_prefix, e.user_id, u.email AS owner, count(*) OVER () AS n,"
	    "  count(*) FILTER (WHERE e.action = 'lock') OVER () AS locked"
	    " FROM noted JOIN security_events e ON e.id = noted.event_id LEFT JOIN users u ON u.id = e.user_id"
	    " ORDER BY e.action, e.id LIMIT $1",
	    PI(EVENTS_MAX));

	if (st != OK)
		return fail(cx, st, "security events to mail: %s", pg_error(cx->pg));
	if (rows_count(rows) == 0 || *to == '\0' || !mail_configured(cx->conf))
		return OK;
	return strcmp(to, "admins") == 0 ? post_to_admins(cx, rows) : post_to_list(cx, rows, to);
}

enum status
j_security_mail(struct context *cx, struct job *job)
{
	enum status st;

	(void)job;
	if ((st = pg_begin(cx->pg)) != OK)
		return fail(cx, st, "mail security events: %s", pg_error(cx->pg));
	if ((st = post_noted(cx)) != OK) {
		context_rollback(cx);
		return st;
	}
	return context_commit(cx);
}
