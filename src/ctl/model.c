/* weirctl model: what users may choose, and its prices. */
#include <stdio.h>
#include <string.h>

#include "catalog/models.h"
#include "ctl/nouns.h"

#define USAGE \
	"model add NAME --input PRICE --output PRICE --context N --max-output N [--call PRICE]\n" \
	"           [--display TEXT] [--type TYPE] [--abilities LIST] [--sort N] [--strategy NAME] [--default] [--disabled] " \
	"[--if-missing]\n" \
	"       weirctl model set NAME [the same options] [--enabled] [--rename NAME]\n" \
	"       weirctl model list\n" \
	"       weirctl model remove NAME"

static const struct noun_option options[] = {
	{ "input", "price_input_per_mtok", OPTION_TEXT },
	{ "output", "price_output_per_mtok", OPTION_TEXT },
	{ "call", "price_per_call", OPTION_TEXT },
	{ "context", "context_tokens", OPTION_INT },
	{ "max-output", "max_output_tokens", OPTION_INT },
	{ "display", "display_name", OPTION_TEXT },
	{ "type", "type", OPTION_TEXT },
	{ "abilities", "abilities", OPTION_WORDS },
	{ "sort", "sort", OPTION_INT },
	{ "strategy", "strategy", OPTION_TEXT },
	{ "default", "is_default", OPTION_TRUE },
	{ "enabled", "enabled", OPTION_TRUE },
	{ "disabled", "enabled", OPTION_FALSE },
	{ "rename", "name", OPTION_TEXT },
	{ "if-missing", NULL, OPTION_OTHER },
	{ NULL, NULL, OPTION_OTHER },
};

static bool
if_missing(void *arg, const char *name, const char *value)
{
	(void)name;
	(void)value;
	*(bool *)arg = true;
	return true;
}

static int
add(struct ctl *c, struct context *cx, const char *name, json_t *in, bool only_missing)
{
	json_t *model;
	int64_t id;
	enum status st;

	if (only_missing && model_find_name(cx, name, &id) == OK) {
		printf("model %s is there already\n", name);
		return CTL_OK;
	}
	json_object_set_new(in, "name", json_string(name));
	if (!nouns_check(cx, model_fields, in))
		return CTL_FAILED;
	if ((st = model_create(cx, in, &model)) != OK)
		return nouns_fail(cx, st, "model add");
	json_decref(model);
	nouns_audit(c, "model.create", "model", name, in);
	printf("model %s added\n", name);
	return CTL_OK;
}

static int
set(struct ctl *c, struct context *cx, const char *name, json_t *in)
{
	json_t *model;
	int64_t id;
	enum status st;

	if (!nouns_check(cx, model_change_fields, in))
		return CTL_FAILED;
	if ((st = model_find_name(cx, name, &id)) != OK || (st = model_update(cx, id, in, &model)) != OK)
		return nouns_fail(cx, st, "model set");
	json_decref(model);
	nouns_audit(c, "model.update", "model", name, in);
	printf("model %s changed\n", name);
	return CTL_OK;
}

static int
remove_model(struct ctl *c, struct context *cx, const char *name)
{
	int64_t id;
	enum status st;

	if ((st = model_find_name(cx, name, &id)) != OK || (st = model_delete(cx, id)) != OK)
		return nouns_fail(cx, st, "model remove");
	nouns_audit(c, "model.delete", "model", name, NULL);
	printf("model %s removed\n", name);
	return CTL_OK;
}

static int
list(struct ctl *c)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query_again(c->cx.pg, &rows,
	    "SELECT name, type, context_tokens, max_output_tokens, coalesce(trim_scale(model_base_price(id, 'input'))::text, '-') AS input,"
	    " coalesce(trim_scale(model_base_price(id, 'output'))::text, '-') AS output,"
	    " coalesce(trim_scale(model_base_price(id, 'call'))::text, '-') AS call,"
	    " concat_ws(',', CASE WHEN is_default THEN 'default' END,"
	    " CASE WHEN NOT enabled THEN 'disabled' END) AS marks"
	    " FROM llm_models ORDER BY sort, name");

	if (st != OK)
		return ctl_fail_pg(c, st, "model list");
	printf("%-28s %-9s %9s %9s %12s %12s %10s  %s\n", "NAME", "TYPE", "CONTEXT", "OUTPUT", "IN/MTOK", "OUT/MTOK",
	    "CALL", "");
	for (int i = 0; i < rows_count(rows); i++)
		printf("%-28s %-9s %9s %9s %12s %12s %10s  %s\n", row_text(rows, i, "name"), row_text(rows, i, "type"),
		    row_text(rows, i, "context_tokens"), row_text(rows, i, "max_output_tokens"),
		    row_text(rows, i, "input"), row_text(rows, i, "output"), row_text(rows, i, "call"),
		    row_text(rows, i, "marks"));
	return CTL_OK;
}

static int
run(struct ctl *c, int argc, char **argv, json_t *in)
{
	const char *verb = argc > 1 ? argv[1] : "", *name = NULL;
	bool only_missing = false;

	if (argc < 2 || !nouns_options(argc, argv, options, in, &name, if_missing, &only_missing))
		return ctl_usage(USAGE);
	if (strcmp(verb, "list") == 0 && name == NULL)
		return list(c);
	if (name == NULL)
		return ctl_usage(USAGE);
	if (strcmp(verb, "add") == 0)
		return add(c, &c->cx, name, in, only_missing);
	if (strcmp(verb, "set") == 0)
		return set(c, &c->cx, name, in);
	if (strcmp(verb, "remove") == 0)
		return remove_model(c, &c->cx, name);
	return ctl_usage(USAGE);
}

int
ctl_model(struct ctl *c, int argc, char **argv)
{
	json_t *in = json_object();
	int rc = run(c, argc, argv, in);

	json_decref(in);
	return rc;
}
