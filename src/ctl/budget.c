/*
 * weirctl budget show LOGIN                        the budgets that bind a user: its own, its group's
 * weirctl budget set LOGIN AMOUNT [--period P]     what a user may spend, from its balance, in a period
 * weirctl budget remove LOGIN
 * weirctl budget history [LOGIN] [--limit N]       changes, new periods, reminders
 *
 * Those of groups: weirctl group set.  Those of API keys are their owners'.
 */
#include <stdio.h>
#include <string.h>

#include "account/groups.h"
#include "account/users.h"
#include "base/money.h"
#include "ctl/nouns.h"

#define USAGE \
	"budget show LOGIN\n" \
	"       weirctl budget set LOGIN AMOUNT [--period none|day|week|month]\n" \
	"       weirctl budget remove LOGIN\n" \
	"       weirctl budget history [LOGIN] [--limit N]"
#define HISTORY_LIMIT 50

static const struct noun_option set_options[] = {
	{ "period", "period", OPTION_TEXT },
	{ NULL, NULL, OPTION_OTHER },
};
static const struct noun_option history_options[] = {
	{ "limit", "limit", OPTION_INT },
	{ NULL, NULL, OPTION_OTHER },
};
static const struct field history_fields[] = { { "limit", F_INT, 0, .min = 1, .max = 1000000 }, { .name = NULL } };
static const struct field change_fields[] = { { "budget", F_OBJECT, F_NULLABLE }, { .name = NULL } };

static int
show(struct ctl *c, const char *login)
{
	AUTO_ROWS struct rows *rows = NULL;
	char id[UUID_LEN];
	enum status st;

	if (!nouns_user(c, login, id))
		return CTL_FAILED;
	st = pg_query_again(c->cx.pg, &rows,
	    "SELECT kind, coalesce(name, '') AS name, trim_scale(budget) AS budget, period, trim_scale(spent) AS spent,"
	    " trim_scale(held) AS held, trim_scale(budget_left) AS budget_left,"
	    " coalesce(to_char(resets_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'), 'never') AS resets"
	    " FROM quota_state($1::uuid, NULL)",
	    PS(id));
	if (st != OK)
		return ctl_fail_pg(c, st, "budget show");
	printf("%-6s %-20s %14s %-7s %14s %14s %14s  %s\n", "OF", "GROUP", "BUDGET", "PERIOD", "SPENT", "HELD", "LEFT",
	    "BEGINS ANEW (UTC)");
	for (int i = 0; i < rows_count(rows); i++)
		printf("%-6s %-20s %14s %-7s %14s %14s %14s  %s\n", row_text(rows, i, "kind"),
		    row_text(rows, i, "name"), row_text(rows, i, "budget"), row_text(rows, i, "period"),
		    row_text(rows, i, "spent"), row_text(rows, i, "held"), row_text(rows, i, "budget_left"),
		    row_text(rows, i, "resets"));
	return CTL_OK;
}

/* `in` has a member budget. */
static int
change(struct ctl *c, const char *login, json_t *in)
{
	json_t *user = NULL;
	char id[UUID_LEN];
	enum status st;

	if (!nouns_check(&c->cx, change_fields, in) || !nouns_user(c, login, id))
		return CTL_FAILED;
	if ((st = admin_user_update(&c->cx, id, in, &user)) != OK)
		return nouns_fail(&c->cx, st, "budget");
	json_decref(user);
	nouns_audit(c, "user.update", "user", id, in);
	printf("budget of %s %s\n", login, json_is_null(json_object_get(in, "budget")) ? "removed" : "set");
	return CTL_OK;
}

/* argv: budget set LOGIN AMOUNT [options] */
static int
set(struct ctl *c, int argc, char **argv, json_t *in)
{
	const char *word = NULL;
	int64_t amount_ucr;

	/* the options begin where nouns_options() looks for them */
	if (argc < 4 || !nouns_options(argc - 2, argv + 2, set_options, in, &word, NULL, NULL) || word != NULL)
		return ctl_usage(USAGE);
	if (!ucr_parse(argv[3], &amount_ucr))
		return ctl_fail("\"%s\" is no amount of credits", argv[3]);
	json_object_set_new(in, "amount", json_string(argv[3]));
	if (!nouns_budget(in))
		return ctl_usage(USAGE);
	return change(c, argv[2], in);
}

static int
history(struct ctl *c, const char *login, json_t *in)
{
	AUTO_ROWS struct rows *rows = NULL;
	char id[UUID_LEN];
	enum status st;

	if (!nouns_check(&c->cx, history_fields, in) || (login != NULL && !nouns_user(c, login, id)))
		return CTL_FAILED;
	st = pg_query_again(c->cx.pg, &rows,
	    "SELECT to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') AS at, kind, subject, reason,"
	    " coalesce(trim_scale(before)::text, '-') AS before, coalesce(trim_scale(after)::text, '-') AS after,"
	    " coalesce(percent::text, '') AS percent"
	    " FROM quota_history WHERE $1::uuid IS NULL OR user_id = $1 ORDER BY id DESC LIMIT $2",
	    PS(login == NULL ? NULL : id), PI(field_int(in, "limit", HISTORY_LIMIT)));
	if (st != OK)
		return ctl_fail_pg(c, st, "budget history");
	printf("%-19s  %-6s %-36s %-10s %14s %14s %8s\n", "TIME (UTC)", "OF", "WHOSE", "REASON", "BEFORE", "AFTER",
	    "PERCENT");
	for (int i = 0; i < rows_count(rows); i++)
		printf("%-19s  %-6s %-36s %-10s %14s %14s %8s\n", row_text(rows, i, "at"), row_text(rows, i, "kind"),
		    row_text(rows, i, "subject"), row_text(rows, i, "reason"), row_text(rows, i, "before"),
		    row_text(rows, i, "after"), row_text(rows, i, "percent"));
	return CTL_OK;
}

int
ctl_budget(struct ctl *c, int argc, char **argv)
{
	json_t *in = json_own(c->cx.arena, json_object());
	const char *verb = argc > 1 ? argv[1] : "", *word = NULL;

	if (strcmp(verb, "show") == 0 && argc == 3)
		return show(c, argv[2]);
	if (strcmp(verb, "set") == 0)
		return set(c, argc, argv, in);
	if (strcmp(verb, "remove") == 0 && argc == 3) {
		json_object_set_new(in, "budget", json_null());
		return change(c, argv[2], in);
	}
	if (strcmp(verb, "history") == 0 && nouns_options(argc, argv, history_options, in, &word, NULL, NULL))
		return history(c, word, in);
	return ctl_usage(USAGE);
}
