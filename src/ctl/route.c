/* weirctl route: where would a call go, and why? */
#include <stdio.h>
#include <string.h>

#include "catalog/route.h"
#include "ctl/nouns.h"

#define USAGE "route MODEL [--group NAME] [--region NAME] [--session TEXT] [--key ID]"

static const struct noun_option options[] = {
	{ "group", "group", OPTION_TEXT },
	{ "region", "region", OPTION_TEXT },
	{ "session", "session", OPTION_TEXT },
	{ "key", "key", OPTION_TEXT },
	{ NULL, NULL, OPTION_OTHER },
};

static const char *
text(const json_t *item, const char *name)
{
	const char *value = json_string_value(json_object_get(item, name));

	return value == NULL ? "-" : value;
}

static long long
number(const json_t *item, const char *name)
{
	return json_integer_value(json_object_get(item, name));
}

static void
print(const json_t *told)
{
	json_t *items = json_object_get(told, "items"), *item;
	char position[24];
	size_t i;

	printf("model %s, group %s: %s\n", text(told, "model"), text(told, "group"), text(told, "strategy"));
	printf("%3s %-20s %-16s %-10s %8s %6s %-16s %s\n", "", "CHANNEL", "KEY", "PROVIDER", "PRIORITY", "WEIGHT",
	    "WHY", "ASKED FOR");
	json_array_foreach(items, i, item) {
		snprintf(position, sizeof(position), "%lld", number(item, "position"));
		printf("%3s %-20s %-16s %-10s %8lld %6lld %-16s %s\n",
		    json_is_null(json_object_get(item, "position")) ? "-" : position, text(item, "channel"),
		    text(item, "key"), text(item, "provider"), number(item, "priority"), number(item, "weight"),
		    text(item, "why"), text(item, "upstream_name"));
	}
}

static int
explain(struct context *cx, const json_t *in)
{
	struct offer *o;
	json_t *told;
	enum status st;

	if ((st = offer_read(cx->pg, cx->conf, 0, &o)) != OK)
		return nouns_fail(cx, fail(cx, st, "%s", pg_error(cx->pg)), "route");
	arena_cleanup(cx->arena, (void (*)(void *))offer_unref, o);
	if ((st = route_explain(cx, o, in, &told)) != OK)
		return nouns_fail(cx, st, "route");
	print(told);
	json_decref(told);
	return CTL_OK;
}

int
ctl_route(struct ctl *c, int argc, char **argv)
{
	json_t *in = json_object();
	char *shifted[32] = { argv[0], argv[0] }; /* options are read behind a verb, and here is none */
	const char *model = NULL;
	int rc;

	for (int i = 1; i < argc && i + 1 < 31; i++)
		shifted[i + 1] = argv[i];
	if (argc > 30 || !nouns_options(argc + 1, shifted, options, in, &model, NULL, NULL) || model == NULL) {
		rc = ctl_usage(USAGE);
	} else {
		json_object_set_new(in, "model", json_string(model));
		rc = nouns_check(&c->cx, route_fields, in) ? explain(&c->cx, in) : CTL_FAILED;
	}
	json_decref(in);
	return rc;
}
