#include "ctl/nouns.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "account/accounts.h"
#include "core/audit.h"

#define OPTIONS_MAX 40

int
nouns_fail(struct context *cx, enum status st, const char *doing)
{
	const char *detail = cx->log_detail == NULL ? "" : cx->log_detail;

	if (cx->details != NULL)
		json_decref(cx->details);
	cx->details = NULL;
	return ctl_fail("%s: %s%s%s", doing, status_text(st, LANG_EN), *detail == '\0' ? "" : " ", detail);
}

bool
nouns_check(struct context *cx, const struct field *fields, json_t *in)
{
	struct field_problem problem;

	if (fields_check(cx->arena, fields, in, &problem))
		return true;
	ctl_fail("%s %s", problem.field, problem.message);
	return false;
}

bool
nouns_user(struct ctl *c, const char *login, char id[UUID_LEN])
{
	enum status st = account_find(c->cx.arena, c->cx.conf, c->cx.pg, login, id);

	if (st == E_NOT_FOUND)
		ctl_fail("there is no user %s", login);
	else if (st != OK)
		ctl_fail_pg(c, st, "looking up the user");
	return st == OK;
}

void
nouns_audit(struct ctl *c, const char *action, const char *noun, const char *name, const json_t *details)
{
	audit_operator(c->cx.pg, action, arena_printf(c->cx.arena, "%s:%s", noun, name), "ok", json_deep_copy(details));
}

static json_t *
words(const char *value)
{
	json_t *list = json_array();

	for (const char *p = value; *p != '\0';) {
		size_t len = strcspn(p, ", ");

		if (len > 0)
			json_array_append_new(list, json_stringn(p, len));
		p += len;
		p += strspn(p, ", ");
	}
	return list;
}

/* NULL when the value is not of its kind. */
static json_t *
option_value(enum option_kind kind, const char *value)
{
	char *end = NULL;

	errno = 0;
	switch (kind) {
	case OPTION_TEXT: return json_string(value);
	case OPTION_WORDS: return words(value);
	case OPTION_TRUE: return json_true();
	case OPTION_FALSE: return json_false();
	case OPTION_INT: {
		long long n = strtoll(value, &end, 10);

		return errno == 0 && end != value && *end == '\0' ? json_integer(n) : NULL;
	}
	case OPTION_NUMBER: {
		double d = strtod(value, &end);

		return errno == 0 && end != value && *end == '\0' && isfinite(d) ? json_real(d) : NULL;
	}
	case OPTION_OTHER: break;
	}
	return NULL;
}

static bool
take_option(const struct noun_option *o, json_t *in, other_option *other, void *arg)
{
	json_t *value;

	if (o->kind == OPTION_OTHER)
		return other(arg, o->name, optarg);
	if ((value = option_value(o->kind, optarg)) == NULL) {
		ctl_fail("--%s: \"%s\" is not a number", o->name, optarg);
		return false;
	}
	json_object_set_new(in, o->member, value);
	return true;
}

bool
nouns_options(int argc, char **argv, const struct noun_option *table, json_t *in, const char **word,
    other_option *other, void *arg)
{
	struct option options[OPTIONS_MAX + 1] = { 0 };
	int n = 0, got;

	for (const struct noun_option *o = table; o->name != NULL && n < OPTIONS_MAX; o++, n++) {
		/* other options that take no value say so by having no member */
		bool bare = o->kind == OPTION_TRUE || o->kind == OPTION_FALSE ||
		    (o->kind == OPTION_OTHER && o->member == NULL);

		options[n] = (struct option){ o->name, bare ? no_argument : required_argument, NULL, n + 1 };
	}
	*word = NULL;
	argc--, argv++; /* the subcommand stands for the program's name */
	optind = 0;	/* main() scanned with other rules: begin anew */
	while ((got = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (got < 1 || got > n || !take_option(&table[got - 1], in, other, arg))
			return false;
	if (optind < argc)
		*word = argv[optind++];
	if (optind < argc)
		ctl_fail("too many words: %s", argv[optind]);
	return optind >= argc;
}

bool
nouns_budget(json_t *in)
{
	json_t *amount = json_object_get(in, "amount"), *period = json_object_get(in, "period");
	bool none = field_bool(in, "no_budget", false);
	json_t *budget;

	if ((none && amount != NULL) || (amount == NULL && period != NULL))
		return false;
	if (none) {
		json_object_set_new(in, "budget", json_null());
	} else if (amount != NULL) {
		budget = json_pack("{s:O}", "amount", amount);
		if (period != NULL)
			json_object_set(budget, "period", period);
		json_object_set_new(in, "budget", budget);
	}
	json_object_del(in, "amount");
	json_object_del(in, "period");
	json_object_del(in, "no_budget");
	return true;
}
