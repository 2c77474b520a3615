/*
 * weirctl credits grant LOGIN AMOUNT [--reason TEXT]   a negative AMOUNT takes
 * weirctl credits show LOGIN
 * weirctl credits history LOGIN [--limit N]
 */
#include <stdio.h>
#include <string.h>

#include "base/money.h"
#include "core/audit.h"
#include "ledger/credits.h"
#include "core/events.h"
#include "ctl/nouns.h"

#define USAGE \
	"credits grant LOGIN AMOUNT [--reason TEXT]   (a negative AMOUNT takes, never below zero)\n" \
	"       weirctl credits show LOGIN\n" \
	"       weirctl credits history LOGIN [--limit N]"

#define HISTORY_LIMIT 50

static const struct noun_option history_options[] = {
	{ "limit", "limit", OPTION_INT },
	{ NULL, NULL, OPTION_OTHER },
};
static const struct field history_fields[] = { { "limit", F_INT, 0, .min = 1, .max = 1000000 }, { .name = NULL } };
static const struct field grant_fields[] = { { "reason", F_LINE, 0, .max = 200 }, { .name = NULL } };

static json_t *
credits_number(int64_t ucr)
{
	char text[UCR_TEXT_LEN];

	return json_loads(ucr_format(ucr, text), JSON_DECODE_ANY, NULL);
}

static int
grant(struct ctl *c, const char *login, int64_t amount_ucr, const char *reason)
{
	char id[UUID_LEN], text[UCR_TEXT_LEN], balance[UCR_TEXT_LEN];
	int64_t balance_ucr = 0;
	enum status st;

	if (!nouns_user(c, login, id))
		return CTL_FAILED;
	st = credits_grant(&c->cx, id, amount_ucr, "admin_adjustment", reason, &balance_ucr);
	if (st == E_CONFLICT)
		return ctl_fail("%s has only %s credits", login, ucr_format(balance_ucr, balance));
	if (st != OK)
		return ctl_fail_pg(c, st, "credits grant");
	audit_operator(c->cx.pg, "credits.grant", arena_printf(c->cx.arena, "user:%s", id), "ok",
	    json_pack("{s:o, s:s}", "amount", credits_number(amount_ucr), "reason", reason));
	printf("%s credits to %s, balance %s\n", ucr_format(amount_ucr, text), login, ucr_format(balance_ucr, balance));
	return CTL_OK;
}

/* AMOUNT may begin with a minus, which an option scanner would take: read it by hand. */
static int
run_grant(struct ctl *c, struct context *cx, int argc, char **argv)
{
	bool with_reason = argc == 6 && strcmp(argv[4], "--reason") == 0;
	json_t *in = json_pack("{s:s?}", "reason", with_reason ? argv[5] : NULL);
	int64_t amount_ucr;
	int rc;

	if (argc != 4 && !with_reason)
		rc = ctl_usage(USAGE);
	else if (!ucr_parse(argv[3] + (argv[3][0] == '+'), &amount_ucr) || amount_ucr == 0)
		rc = ctl_fail("\"%s\" is no amount of credits", argv[3]);
	else if (in == NULL || !nouns_check(cx, grant_fields, in))
		rc = in == NULL ? ctl_fail("the reason is not UTF-8") : CTL_FAILED;
	else
		rc = grant(c, argv[2], amount_ucr, with_reason ? argv[5] : "");
	json_decref(in);
	return rc;
}

static int
show(struct ctl *c, const char *login)
{
	AUTO_ROWS struct rows *rows = NULL;
	char id[UUID_LEN];
	enum status st;

	if (!nouns_user(c, login, id))
		return CTL_FAILED;
	st = pg_query_again(c->cx.pg, &rows,
	    "SELECT trim_scale(u.credits) AS balance, trim_scale(credits_held(u.id)) AS held,"
	    " trim_scale(coalesce((SELECT -sum(change_amount) FROM credits_history h"
	    "	WHERE h.user_id = u.id AND h.change_type::text LIKE '%\\_cost'), 0)) AS spent"
	    " FROM users u WHERE u.id = $1",
	    PS(id));
	if (st != OK || rows_count(rows) == 0)
		return ctl_fail_pg(c, st, "credits show");
	printf("balance  %s\nheld     %s\nspent    %s\n", row_text(rows, 0, "balance"), row_text(rows, 0, "held"),
	    row_text(rows, 0, "spent"));
	return CTL_OK;
}

static int
history(struct ctl *c, struct context *cx, const char *login, json_t *in)
{
	AUTO_ROWS struct rows *rows = NULL;
	char id[UUID_LEN];
	enum status st;

	if (!nouns_check(cx, history_fields, in) || !nouns_user(c, login, id))
		return CTL_FAILED;
	st = pg_query_again(c->cx.pg, &rows,
	    "SELECT to_char(created_at, 'YYYY-MM-DD HH24:MI:SS') AS at, change_type,"
	    " trim_scale(change_amount) AS amount,"
	    " trim_scale(balance_after) AS balance, coalesce(task_id::text, '') AS task, description"
	    " FROM credits_history WHERE user_id = $1 ORDER BY id DESC LIMIT $2",
	    PS(id), PI(field_int(in, "limit", HISTORY_LIMIT)));
	if (st != OK)
		return ctl_fail_pg(c, st, "credits history");
	printf("%-19s  %-22s %16s %16s  %-36s  %s\n", "TIME", "TYPE", "AMOUNT", "BALANCE", "TASK", "DESCRIPTION");
	for (int i = 0; i < rows_count(rows); i++)
		printf("%-19s  %-22s %16s %16s  %-36s  %s\n", row_text(rows, i, "at"), row_text(rows, i, "change_type"),
		    row_text(rows, i, "amount"), row_text(rows, i, "balance"), row_text(rows, i, "task"),
		    row_text(rows, i, "description"));
	return CTL_OK;
}

static int
run_history(struct ctl *c, struct context *cx, int argc, char **argv)
{
	json_t *in = json_object();
	const char *login = NULL;
	int rc;

	if (nouns_options(argc, argv, history_options, in, &login, NULL, NULL) && login != NULL)
		rc = history(c, cx, login, in);
	else
		rc = ctl_usage(USAGE);
	json_decref(in);
	return rc;
}

int
ctl_credits(struct ctl *c, int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";

	if (strcmp(verb, "grant") == 0 && argc >= 4)
		return run_grant(c, &c->cx, argc, argv);
	if (strcmp(verb, "show") == 0 && argc == 3)
		return show(c, argv[2]);
	if (strcmp(verb, "history") == 0)
		return run_history(c, &c->cx, argc, argv);
	return ctl_usage(USAGE);
}
