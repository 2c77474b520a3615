/*
 * weirctl price list [--model NAME] [--json]
 * weirctl price set MODEL METER PRICE …    add a row, or change the one of the same key
 * weirctl price import FILE|- …            take over a list, ours or LiteLLM's map
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/audit.h"
#include "ctl/nouns.h"
#include "ledger/prices.h"

#define USAGE \
	"price list [--model NAME] [--json]\n" \
	"       weirctl price set MODEL METER PRICE [--per N] [--group NAME] [--tier TIER] [--min-context N]\n" \
	"           [--from TIME] [--hours HH:MM-HH:MM] [--time-zone NAME] [--dry-run]\n" \
	"       weirctl price import FILE|- [--litellm] [--credits-per-usd N] [--dry-run]"

static const struct noun_option list_options[] = {
	{ "model", "model", OPTION_TEXT },
	{ "json", "json", OPTION_TRUE },
	{ NULL, NULL, OPTION_OTHER },
};
static const struct noun_option set_options[] = {
	{ "per", "per", OPTION_INT },
	{ "group", "group", OPTION_TEXT },
	{ "tier", "tier", OPTION_TEXT },
	{ "min-context", "min_context", OPTION_INT },
	{ "from", "valid_from", OPTION_TEXT },
	{ "hours", "hours", OPTION_TEXT },
	{ "time-zone", "time_zone", OPTION_TEXT },
	{ "dry-run", "dry_run", OPTION_TRUE },
	{ NULL, NULL, OPTION_OTHER },
};
static const struct noun_option import_options[] = {
	{ "litellm", "litellm", OPTION_TRUE },
	{ "credits-per-usd", "credits_per_usd", OPTION_NUMBER },
	{ "dry-run", "dry_run", OPTION_TRUE },
	{ NULL, NULL, OPTION_OTHER },
};

/* ---- list -------------------------------------------------------------------------- */

static int
print_json(struct ctl *c, const char *model)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query_again(c->cx.pg, &rows,
	    "SELECT jsonb_pretty(jsonb_build_object('rows', coalesce(jsonb_agg(price_json(p, m.name) - 'id' - 'created_at'"
	    " ORDER BY m.name, p.id), '[]'))) AS json"
	    " FROM prices p JOIN llm_models m ON m.id = p.model_id WHERE $1::text IS NULL OR m.name = $1",
	    PS(model));

	if (st != OK)
		return ctl_fail_pg(c, st, "price list");
	puts(row_text(rows, 0, "json"));
	return CTL_OK;
}

static int
list(struct ctl *c, const json_t *in)
{
	AUTO_ROWS struct rows *rows = NULL;
	const char *model = field_text(in, "model");
	enum status st;

	if (field_bool(in, "json", false))
		return print_json(c, model);
	st = pg_query_again(c->cx.pg, &rows,
	    "SELECT m.name, coalesce(p.user_group, '*') AS user_group, p.tier, p.meter, p.min_context,"
	    " trim_scale(p.unit_price) AS unit_price, p.per, concat_ws(' ',"
	    " CASE WHEN isfinite(p.valid_from) THEN 'from ' || json_time(p.valid_from) END, p.hours,"
	    " CASE WHEN p.hours IS NOT NULL THEN p.time_zone END) AS conditions"
	    " FROM prices p JOIN llm_models m ON m.id = p.model_id WHERE $1::text IS NULL OR m.name = $1"
	    " ORDER BY m.name, p.user_group NULLS FIRST, p.tier, p.meter, p.min_context, p.valid_from",
	    PS(model));
	if (st != OK)
		return ctl_fail_pg(c, st, "price list");
	printf(
	    "%-28s %-12s %-9s %-15s %10s %14s %8s  %s\n", "MODEL", "GROUP", "TIER", "METER", "MIN", "PRICE", "PER", "");
	for (int i = 0; i < rows_count(rows); i++)
		printf("%-28s %-12s %-9s %-15s %10s %14s %8s  %s\n", row_text(rows, i, "name"),
		    row_text(rows, i, "user_group"), row_text(rows, i, "tier"), row_text(rows, i, "meter"),
		    row_text(rows, i, "min_context"), row_text(rows, i, "unit_price"), row_text(rows, i, "per"),
		    row_text(rows, i, "conditions"));
	return CTL_OK;
}

/* ---- set and import ------------------------------------------------------------------- */

/* Say what was done, and write it to the audit log. */
static int
tell(struct ctl *c, const char *action, json_t *done)
{
	bool dry = field_bool(done, "dry_run", false);
	const json_t *name;
	size_t i;

	printf("%lld added, %lld changed, %lld removed, %lld same%s\n", (long long)field_int(done, "added", 0),
	    (long long)field_int(done, "changed", 0), (long long)field_int(done, "removed", 0),
	    (long long)field_int(done, "same", 0), dry ? " (dry run: nothing is changed)" : "");
	json_array_foreach(json_object_get(done, "unmatched"), i, name)
		printf("not in the list: %s\n", json_string_value(name));
	json_array_foreach(json_object_get(done, "refused"), i, name)
		printf("not taken, out of bounds: %s\n", json_string_value(name));
	if (!dry) {
		json_object_del(done, "items");
		audit_operator(c->cx.pg, action, "prices", "ok", json_incref(done));
	}
	json_decref(done);
	return CTL_OK;
}

/* argv: price set MODEL METER PRICE [options] */
static int
set(struct ctl *c, int argc, char **argv, json_t *row)
{
	json_t *in, *done = NULL;
	const char *word = NULL;
	enum status st;

	/* the options begin where nouns_options() looks for them */
	if (argc < 5 || !nouns_options(argc - 3, argv + 3, set_options, row, &word, NULL, NULL) || word != NULL)
		return ctl_usage(USAGE);
	json_object_set_new(row, "model", json_string(argv[2]));
	json_object_set_new(row, "meter", json_string(argv[3]));
	json_object_set_new(row, "unit_price", json_string(argv[4]));
	in = json_own(
	    c->cx.arena, json_pack("{s:[O], s:b}", "rows", row, "dry_run", field_bool(row, "dry_run", false)));
	if ((st = prices_put(&c->cx, in, &done)) != OK)
		return nouns_fail(&c->cx, st, "price set");
	return tell(c, "price.put", done);
}

static json_t *
read_list(const char *path)
{
	bool from_stdin = strcmp(path, "-") == 0;
	FILE *f = from_stdin ? stdin : fopen(path, "r");
	json_error_t error;
	json_t *list;

	if (f == NULL) {
		ctl_fail("%s: %s", path, strerror(errno));
		return NULL;
	}
	list = json_loadf(f, JSON_REJECT_DUPLICATES, &error);
	if (!from_stdin)
		fclose(f);
	if (list == NULL)
		ctl_fail("%s: line %d: %s", path, error.line, error.text);
	return list;
}

static int
import(struct ctl *c, int argc, char **argv, json_t *in)
{
	json_t *list, *done = NULL;
	const char *path = NULL;
	enum status st;

	if (!nouns_options(argc, argv, import_options, in, &path, NULL, NULL) || path == NULL)
		return ctl_usage(USAGE);
	if ((list = read_list(path)) == NULL)
		return CTL_FAILED;
	json_object_set_new(in, "prices", list);
	json_object_set_new(in, "format", json_string(field_bool(in, "litellm", false) ? "litellm" : "weir"));
	if (!nouns_check(&c->cx, prices_import_fields, in))
		return CTL_FAILED;
	if ((st = prices_import(&c->cx, in, &done)) != OK)
		return nouns_fail(&c->cx, st, "price import");
	return tell(c, "price.import", done);
}

int
ctl_price(struct ctl *c, int argc, char **argv)
{
	json_t *in = json_own(c->cx.arena, json_object());
	const char *verb = argc > 1 ? argv[1] : "", *word = NULL;

	if (strcmp(verb, "list") == 0 && nouns_options(argc, argv, list_options, in, &word, NULL, NULL) && word == NULL)
		return list(c, in);
	if (strcmp(verb, "set") == 0)
		return set(c, argc, argv, in);
	if (strcmp(verb, "import") == 0)
		return import(c, argc, argv, in);
	return ctl_usage(USAGE);
}
