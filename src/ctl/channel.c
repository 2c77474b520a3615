/* weirctl channel: the accounts at model providers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "catalog/channels.h"
#include "engine/probe.h"
#include "ctl/nouns.h"
#include "house/wires.h"

#define USAGE \
	"channel add NAME --provider openai|responses|anthropic|gemini --url URL --model NAME[=UPSTREAM] ... [--key-stdin | --key-env VAR]\n" \
	"           [--type TYPE] [--priority N] [--weight N] [--allow-private] [--responses] [--disabled]\n" \
	"           [--if-missing]\n" \
	"       weirctl channel set NAME [the same options] [--no-private] [--no-responses]\n" \
	"       weirctl channel list\n" \
	"       weirctl channel enable|disable|remove NAME\n" \
	"       weirctl channel test NAME [--model NAME]"

static const struct noun_option options[] = {
	{ "provider", "provider", OPTION_TEXT },
	{ "url", "base_url", OPTION_TEXT },
	{ "type", "type", OPTION_TEXT },
	{ "priority", "priority", OPTION_INT },
	{ "weight", "weight", OPTION_INT },
	{ "allow-private", "allow_private", OPTION_TRUE },
	{ "no-private", "allow_private", OPTION_FALSE },
	{ "responses", "responses", OPTION_TRUE },
	{ "no-responses", "responses", OPTION_FALSE },
	{ "disabled", "enabled", OPTION_FALSE },
	{ "model", "models", OPTION_OTHER },
	{ "key-env", "api_key", OPTION_OTHER },
	{ "key-stdin", NULL, OPTION_OTHER },
	{ "if-missing", NULL, OPTION_OTHER },
	{ NULL, NULL, OPTION_OTHER },
};

struct channel_options {
	struct ctl *c;
	json_t *in;
	const char *first_model; /* for test */
	bool only_missing;
};

/* NAME or NAME=UPSTREAM */
static void
add_model(struct channel_options *o, const char *value)
{
	json_t *models = json_object_get(o->in, "models"), *model = json_object();
	const char *upstream = strchr(value, '=');
	size_t len = upstream == NULL ? strlen(value) : (size_t)(upstream - value);

	if (models == NULL) {
		models = json_array();
		json_object_set_new(o->in, "models", models);
	}
	json_object_set_new(model, "model", json_stringn(value, len));
	if (upstream != NULL)
		json_object_set_new(model, "upstream_name", json_string(upstream + 1));
	json_array_append_new(models, model);
	if (o->first_model == NULL)
		o->first_model = arena_strndup(o->c->cx.arena, value, len);
}

static bool
take_other(void *arg, const char *name, const char *value)
{
	struct channel_options *o = arg;
	const char *key;

	if (strcmp(name, "model") == 0) {
		add_model(o, value);
		return true;
	}
	if (strcmp(name, "if-missing") == 0) {
		o->only_missing = true;
		return true;
	}
	key = strcmp(name, "key-env") == 0 ? getenv(value) : ctl_secret(o->c, "API key");
	if (key == NULL || *key == '\0') {
		if (strcmp(name, "key-env") == 0)
			ctl_fail("the environment has no %s", value);
		return false;
	}
	json_object_set_new(o->in, "api_key", json_string(key));
	return true;
}

/* What the audit log may know. */
static void
audit_channel(struct ctl *c, const char *action, const char *name, json_t *in)
{
	if (json_object_get(in, "api_key") != NULL)
		json_object_set_new(in, "api_key", json_string("(set)"));
	nouns_audit(c, action, "channel", name, in);
}

static int
add(struct ctl *c, struct context *cx, const char *name, struct channel_options *o)
{
	json_t *channel;
	int64_t id;
	enum status st;

	if (o->only_missing && channel_find_name(cx, name, &id) == OK) {
		printf("channel %s is there already\n", name);
		return CTL_OK;
	}
	json_object_set_new(o->in, "name", json_string(name));
	if (!nouns_check(cx, channel_fields, o->in))
		return CTL_FAILED;
	if ((st = channel_create(cx, o->in, &channel)) != OK)
		return nouns_fail(cx, st, "channel add");
	json_decref(channel);
	audit_channel(c, "channel.create", name, o->in);
	printf("channel %s added\n", name);
	return CTL_OK;
}

static int
set(struct ctl *c, struct context *cx, const char *name, json_t *in)
{
	json_t *channel;
	int64_t id;
	enum status st;

	if (!nouns_check(cx, channel_change_fields, in))
		return CTL_FAILED;
	if ((st = channel_find_name(cx, name, &id)) != OK || (st = channel_update(cx, id, in, &channel)) != OK)
		return nouns_fail(cx, st, "channel set");
	json_decref(channel);
	audit_channel(c, "channel.update", name, in);
	printf("channel %s changed\n", name);
	return CTL_OK;
}

static int
turn(struct ctl *c, struct context *cx, const char *name, bool on)
{
	json_t *in = json_pack("{s:b}", "enabled", on);
	int rc = set(c, cx, name, in);

	json_decref(in);
	return rc;
}

static int
remove_channel(struct ctl *c, struct context *cx, const char *name)
{
	int64_t id;
	enum status st;

	if ((st = channel_find_name(cx, name, &id)) != OK || (st = channel_delete(cx, id)) != OK)
		return nouns_fail(cx, st, "channel remove");
	nouns_audit(c, "channel.delete", "channel", name, NULL);
	printf("channel %s removed\n", name);
	return CTL_OK;
}

static int
test(struct context *cx, const char *name, const char *model)
{
	struct probe_result result;
	struct probe_spec spec;
	int64_t id;
	enum status st;

	if ((st = channel_find_name(cx, name, &id)) != OK || (st = probe_channel(cx, id, model, &model, &spec)) != OK)
		return nouns_fail(cx, st, "channel test");
	probe_run_alone(cx, &spec, &result);
	printf("%s  channel %s, model %s (%s there), HTTP %d, %lld ms\n", result.status == OK ? "ok" : "FAILED", name,
	    model, spec.model, result.http_status, (long long)result.latency_ms);
	if (result.status == OK)
		return CTL_OK;
	return ctl_fail("channel test: %s %s", status_text(result.status, LANG_EN), result.detail);
}

static int
list(struct ctl *c)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query_again(c->cx.pg, &rows,
	    "SELECT ch.name, ch.provider, CASE WHEN ch.enabled THEN 'on' ELSE 'off' END AS state,"
	    " ch.priority, ch.weight,"
	    " CASE WHEN ch.api_key_enc IS NULL THEN 'no' ELSE 'yes' END AS key, ch.base_url,"
	    " (SELECT coalesce(string_agg(m.name || coalesce('=' || cm.upstream_name, ''), ' ' ORDER BY m.name), '')"
	    "  FROM channel_models cm JOIN llm_models m ON m.id = cm.model_id WHERE cm.channel_id = ch.id) AS models"
	    " FROM channels ch ORDER BY ch.name");

	if (st != OK)
		return ctl_fail_pg(c, st, "channel list");
	printf("%-20s %-10s %-5s %8s %6s %-4s %-40s %s\n", "NAME", "PROVIDER", "STATE", "PRIORITY", "WEIGHT", "KEY",
	    "URL", "MODELS");
	for (int i = 0; i < rows_count(rows); i++)
		printf("%-20s %-10s %-5s %8s %6s %-4s %-40s %s\n", row_text(rows, i, "name"),
		    row_text(rows, i, "provider"), row_text(rows, i, "state"), row_text(rows, i, "priority"),
		    row_text(rows, i, "weight"), row_text(rows, i, "key"), row_text(rows, i, "base_url"),
		    row_text(rows, i, "models"));
	return CTL_OK;
}

static int
run(struct ctl *c, int argc, char **argv, struct channel_options *o)
{
	const char *verb = argc > 1 ? argv[1] : "", *name = NULL;

	wires_register(wires_all());
	if (argc < 2 || !nouns_options(argc, argv, options, o->in, &name, take_other, o))
		return ctl_usage(USAGE);
	if (strcmp(verb, "list") == 0 && name == NULL)
		return list(c);
	if (name == NULL)
		return ctl_usage(USAGE);
	if (strcmp(verb, "add") == 0)
		return add(c, &c->cx, name, o);
	if (strcmp(verb, "set") == 0)
		return set(c, &c->cx, name, o->in);
	if (strcmp(verb, "enable") == 0 || strcmp(verb, "disable") == 0)
		return turn(c, &c->cx, name, verb[0] == 'e');
	if (strcmp(verb, "remove") == 0)
		return remove_channel(c, &c->cx, name);
	if (strcmp(verb, "test") == 0)
		return test(&c->cx, name, o->first_model);
	return ctl_usage(USAGE);
}

int
ctl_channel(struct ctl *c, int argc, char **argv)
{
	struct channel_options o = { .c = c, .in = json_object() };
	int rc = run(c, argc, argv, &o);

	json_decref(o.in);
	return rc;
}
