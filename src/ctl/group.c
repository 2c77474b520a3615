/*
 * weirctl group list [--json]
 * weirctl group add NAME [OPTION...]       a group of users, with its prices' ratio and its budget
 * weirctl group set NAME OPTION...
 * weirctl group join NAME LOGIN            put a user into it
 * weirctl group remove NAME
 */
#include <stdio.h>
#include <string.h>

#include "account/groups.h"
#include "account/users.h"
#include "base/money.h"
#include "ctl/nouns.h"

#define USAGE \
	"group list [--json]\n" \
	"       weirctl group add NAME [--ratio N] [--description TEXT] [--budget N [--period none|day|week|month]]\n" \
	"       weirctl group set NAME [--ratio N] [--description TEXT] [--budget N [--period P] | --no-budget]\n" \
	"       weirctl group join NAME LOGIN\n" \
	"       weirctl group remove NAME"

static const struct noun_option list_options[] = {
	{ "json", "json", OPTION_TRUE },
	{ NULL, NULL, OPTION_OTHER },
};
static const struct noun_option group_options[] = {
	{ "ratio", "ratio", OPTION_TEXT },
	{ "description", "description", OPTION_TEXT },
	{ "budget", "amount", OPTION_TEXT },
	{ "period", "period", OPTION_TEXT },
	{ "no-budget", "no_budget", OPTION_TRUE },
	{ NULL, NULL, OPTION_OTHER },
};

/* ---- list ------------------------------------------------------------------------ */

static const char *
budget_text(struct ctl *c, const json_t *budget)
{
	char amount[UCR_TEXT_LEN], left[UCR_TEXT_LEN];

	if (!json_is_object(budget))
		return "-";
	ucr_format(field_ucr(budget, "amount", 0), amount);
	ucr_format(field_ucr(budget, "left", 0), left);
	return arena_printf(c->cx.arena, "%s of %s (%s)", left, amount, field_text(budget, "period"));
}

static int
list(struct ctl *c, bool as_json)
{
	json_t *items = NULL, *g;
	char ratio[UCR_TEXT_LEN];
	enum status st;
	size_t i;

	if ((st = groups_list(&c->cx, &items)) != OK)
		return nouns_fail(&c->cx, st, "group list");
	json_own(c->cx.arena, items);
	if (as_json) {
		json_dumpf(items, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
		puts("");
		return CTL_OK;
	}
	printf("%-24s %8s %6s %6s  %-28s %s\n", "GROUP", "RATIO", "USERS", "KEYS", "LEFT OF BUDGET", "DESCRIPTION");
	json_array_foreach(items, i, g)
		printf("%-24s %8s %6lld %6lld  %-28s %s\n", field_text(g, "name"),
		    ucr_format(field_ucr(g, "ratio", UCR_PER_CREDIT), ratio), (long long)field_int(g, "users", 0),
		    (long long)field_int(g, "keys", 0), budget_text(c, json_object_get(g, "budget")),
		    field_text(g, "description"));
	return CTL_OK;
}

/* ---- changes --------------------------------------------------------------------- */

/* `name`: of the group; `is_new`: make it. */
static int
save(struct ctl *c, const char *name, json_t *in, bool is_new)
{
	json_t *group = NULL;
	enum status st;

	if (is_new)
		json_object_set_new(in, "name", json_string(name));
	if (!nouns_check(&c->cx, is_new ? group_fields : group_change_fields, in))
		return CTL_FAILED;
	st = is_new ? group_create(&c->cx, in, &group) : group_update(&c->cx, name, in, &group);
	if (st != OK)
		return nouns_fail(&c->cx, st, is_new ? "group add" : "group set");
	json_decref(group);
	nouns_audit(c, is_new ? "group.create" : "group.update", "group", name, in);
	printf("group %s %s\n", name, is_new ? "added" : "changed");
	return CTL_OK;
}

static int
drop(struct ctl *c, const char *name)
{
	enum status st = group_delete(&c->cx, name);

	if (st == E_CONFLICT)
		return ctl_fail("somebody is in group %s, or it is the default one", name);
	if (st != OK)
		return nouns_fail(&c->cx, st, "group remove");
	nouns_audit(c, "group.delete", "group", name, NULL);
	printf("group %s removed\n", name);
	return CTL_OK;
}

static int
join(struct ctl *c, const char *name, const char *login)
{
	json_t *in = json_own(c->cx.arena, json_pack("{s:s}", "group", name)), *user = NULL;
	char id[UUID_LEN];
	enum status st;

	if (!nouns_user(c, login, id))
		return CTL_FAILED;
	if ((st = admin_user_update(&c->cx, id, in, &user)) != OK)
		return nouns_fail(&c->cx, st, "group join");
	json_decref(user);
	nouns_audit(c, "user.update", "user", id, in);
	printf("%s is in group %s\n", login, name);
	return CTL_OK;
}

int
ctl_group(struct ctl *c, int argc, char **argv)
{
	json_t *in = json_own(c->cx.arena, json_object());
	const char *verb = argc > 1 ? argv[1] : "", *word = NULL;
	bool is_new = strcmp(verb, "add") == 0;

	if (strcmp(verb, "list") == 0 && nouns_options(argc, argv, list_options, in, &word, NULL, NULL) && word == NULL)
		return list(c, field_bool(in, "json", false));
	if (strcmp(verb, "join") == 0 && argc == 4)
		return join(c, argv[2], argv[3]);
	if (strcmp(verb, "remove") == 0 && argc == 3)
		return drop(c, argv[2]);
	if ((is_new || strcmp(verb, "set") == 0) && nouns_options(argc, argv, group_options, in, &word, NULL, NULL) &&
	    word != NULL && nouns_budget(in) && (is_new || json_object_size(in) > 0))
		return save(c, word, in, is_new);
	return ctl_usage(USAGE);
}
