#include "account/exit.h"

#include <string.h>

#include "account/accounts.h"
#include "core/audit.h"
#include "core/versions.h"
#include "jobs/queue.h"

#define ROWS_AT_ONCE 200
/* Until what still runs has settled. */
#define PAUSE_MS 2000

static enum status
leave(struct context *cx, const char *name, json_t **out)
{
	AUTO_ROWS struct rows *rows = NULL;
	const char *outcome;
	enum status st;

	st = pg_query(cx->pg, &rows, "SELECT outcome, json_time(erase_at) AS erase_at FROM account_leave($1, $2, $3)",
	    PS(cx->caller.user_id), PS(name), PI(cx->conf->auth_delete_after / 1000));
	if (st != OK)
		return fail(cx, st, "deleting an account: %s", pg_error(cx->pg));
	outcome = row_text(rows, 0, "outcome");
	if (strcmp(outcome, "other_name") == 0)
		return fail_field(cx, "name", "is not the login name of this account");
	if (strcmp(outcome, "last_admin") == 0) {
		st = fail(cx, E_CONFLICT, "the last admin");
		fail_message(cx, "You are the only administrator. Make somebody else one first.",
		    "您是唯一的管理员，请先指定其他管理员");
		return st;
	}
	if (strcmp(outcome, "ok") != 0)
		return fail(cx, E_UNAUTHENTICATED, "the account is not active");
	st = job_submit(cx,
	    &(struct job_ask){ .kind = "account_erase",
		.unique_key = cx->caller.user_id,
		.user_id = cx->caller.user_id,
		.delay_ms = cx->conf->auth_delete_after },
	    NULL);
	if (st != OK)
		return st;
	versions_changed(cx); /* of the keys */
	*out = json_pack("{s:s}", "erase_at", row_text(rows, 0, "erase_at"));
	return OK;
}

enum status
account_leave(struct request *rq, const char *password, const char *name, json_t **out)
{
	struct context *cx = &rq->cx;
	enum status st;

	if ((st = account_prove(rq, password)) != OK)
		return st;
	if ((st = pg_begin(cx->pg)) != OK)
		return fail(cx, st, "deleting an account");
	if ((st = leave(cx, name, out)) != OK) {
		context_rollback(cx);
		return st;
	}
	if ((st = context_commit(cx)) == OK)
		return OK;
	json_decref(*out);
	return fail(cx, st, "deleting an account");
}

/* One number a function of the account says. */
static enum status
ask_number(struct context *cx, const char *sql, const char *user_id, int64_t *out)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query(cx->pg, &rows, sql, PS(user_id), PI(ROWS_AT_ONCE));

	if (st != OK)
		return fail(cx, st, "erasing an account: %s", pg_error(cx->pg));
	*out = row_int(rows, 0, "n");
	return OK;
}

enum status
j_account_erase(struct context *cx, struct job *job)
{
	int64_t n;
	enum status st;

	if (job->user_id == NULL)
		return job_give_up(job, fail(cx, E_INVALID_REQUEST, "of which account?"));
	if ((st = ask_number(cx, "SELECT account_erase_begin($1) AS n, $2::int AS rows", job->user_id, &n)) != OK)
		return st;
	if (n != 0) /* taken back or done; or taken back and asked for anew */
		return n < 0 ? OK : job_again(job, n * 1000);
	do {
		if (job_stopping(job))
			return job_again(job, 0);
		if ((st = ask_number(cx, "SELECT account_erase($1, $2::int) AS n", job->user_id, &n)) != OK)
			return st;
	} while (n > 0);
	if (n < 0)
		return job_again(job, PAUSE_MS);
	audit(cx, "user.erase", audit_user(cx, job->user_id), "ok", NULL);
	return OK;
}
