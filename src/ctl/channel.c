/* weirctl channel: the accounts at model providers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "catalog/channel_keys.h"
#include "catalog/channels.h"
#include "engine/inquiry.h"
#include "engine/probe.h"
#include "ctl/nouns.h"
#include "house/wires.h"

#define USAGE \
	"channel add NAME --provider PROVIDER [--url URL] --model NAME[=UPSTREAM] ... [--key-stdin | --key-env VAR]\n" \
	"           [--priority N] [--weight N] [--allow-private] [--disabled] [--if-missing] [--groups G,G] [--region R]\n" \
	"           [--tag T] [--proxy-env VAR] [--blacklist NAME,NAME] [--params JSON] [--headers JSON] [--rpm N]\n" \
	"           [--max-concurrent N]\n" \
	"           [--test-model NAME] [--no-auto-disable] [--responses]\n" \
	"       weirctl channel set NAME [the same options] [--no-private] [--no-proxy] [--auto-disable] [--no-responses]\n" \
	"       weirctl channel list\n" \
	"       weirctl channel providers\n" \
	"       weirctl channel enable|disable|remove NAME\n" \
	"       weirctl channel test NAME [--model NAME]\n" \
	"       weirctl channel models|balance NAME"

static const struct noun_option options[] = {
	{ "provider", "provider", OPTION_TEXT },
	{ "url", "base_url", OPTION_TEXT },
	{ "priority", "priority", OPTION_INT },
	{ "weight", "weight", OPTION_INT },
	{ "allow-private", "allow_private", OPTION_TRUE },
	{ "no-private", "allow_private", OPTION_FALSE },
	{ "responses", "responses", OPTION_TRUE },
	{ "no-responses", "responses", OPTION_FALSE },
	{ "disabled", "enabled", OPTION_FALSE },
	{ "groups", "groups", OPTION_WORDS },
	{ "region", "region", OPTION_TEXT },
	{ "tag", "tag", OPTION_TEXT },
	{ "blacklist", "blacklist", OPTION_WORDS },
	{ "rpm", "rpm", OPTION_INT },
	{ "max-concurrent", "max_concurrent", OPTION_INT },
	{ "test-model", "test_model", OPTION_TEXT },
	{ "auto-disable", "auto_disable", OPTION_TRUE },
	{ "no-auto-disable", "auto_disable", OPTION_FALSE },
	{ "params", "param_override", OPTION_OTHER },
	{ "headers", "header_override", OPTION_OTHER },
	{ "proxy-env", "proxy", OPTION_OTHER },
	{ "no-proxy", NULL, OPTION_OTHER },
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

/* A secret that the environment holds. */
static bool
add_secret(struct channel_options *o, const char *member, const char *variable)
{
	const char *value = getenv(variable);

	if (value == NULL || *value == '\0') {
		ctl_fail("the environment has no %s", variable);
		return false;
	}
	json_object_set_new(o->in, member, json_string(value));
	return true;
}

static bool
add_json(struct channel_options *o, const char *member, const char *text)
{
	json_t *value = json_loads(text, 0, NULL);

	if (!json_is_object(value)) {
		json_decref(value);
		ctl_fail("%s: not a JSON object: %s", member, text);
		return false;
	}
	json_object_set_new(o->in, member, value);
	return true;
}

static bool
take_other(void *arg, const char *name, const char *value)
{
	struct channel_options *o = arg;
	const char *key;

	if (strcmp(name, "model") == 0)
		add_model(o, value);
	else if (strcmp(name, "if-missing") == 0)
		o->only_missing = true;
	else if (strcmp(name, "no-proxy") == 0)
		json_object_set_new(o->in, "proxy", json_null());
	else if (strcmp(name, "proxy-env") == 0)
		return add_secret(o, "proxy", value);
	else if (strcmp(name, "key-env") == 0)
		return add_secret(o, "api_key", value);
	else if (strcmp(name, "params") == 0)
		return add_json(o, "param_override", value);
	else if (strcmp(name, "headers") == 0)
		return add_json(o, "header_override", value);
	else if ((key = ctl_secret(o->c, "API key")) != NULL)
		json_object_set_new(o->in, "api_key", json_string(key));
	else
		return false;
	return true;
}

/* What the audit log may know. */
static void
audit_channel(struct ctl *c, const char *action, const char *name, json_t *in)
{
	static const char *const secrets[] = { "api_key", "proxy" };

	for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++)
		if (json_object_get(in, secrets[i]) != NULL)
			json_object_set_new(in, secrets[i], json_string("(set)"));
	nouns_audit(c, action, "channel", name, in);
}

/* Who names no address means that of the provider, if it has one for all. */
static void
fill_in_url(json_t *in)
{
	const struct quirks *q = quirks_find(json_string_value(json_object_get(in, "provider")));

	if (q != NULL && json_object_get(in, "base_url") == NULL && strchr(q->base_url, '{') == NULL)
		json_object_set_new(in, "base_url", json_string(q->base_url));
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
	fill_in_url(o->in);
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

/* Ask its provider for its models, one a line. */
static int
models(struct context *cx, const char *name)
{
	const struct offer_account *account;
	struct inquiry q;
	json_t *names, *model;
	int64_t id;
	size_t i;
	enum status st;

	if ((st = channel_find_name(cx, name, &id)) != OK || (st = inquiry_channel(cx, id, &account)) != OK)
		return nouns_fail(cx, st, "channel models");
	inquiry_make(cx->arena, ACCOUNT_MODELS, account, account_key(account), &q);
	inquire_alone(cx, &q, 1);
	if (q.result.status != OK)
		return ctl_fail("channel models: HTTP %d %s", q.result.http_status, q.result.detail);
	if ((names = account_models(q.result.body, q.result.len)) == NULL)
		return ctl_fail("channel models: the answer is no list of models");
	json_array_foreach(names, i, model)
		puts(json_string_value(model));
	json_decref(names);
	return CTL_OK;
}

/* What is left, by key. */
static int
print_balance(struct context *cx, const struct inquiry *q)
{
	const struct inquiry_result *r = &q->result;
	struct account_balance b;
	enum status st;

	if (!q->is_supported) {
		printf("%-20s %s\n", q->key->name, "unsupported");
		return CTL_OK;
	}
	if (r->status != OK || !account_balance(r->body, r->len, &b)) {
		printf("%-20s FAILED  HTTP %d %s\n", q->key->name, r->http_status, r->detail);
		return CTL_FAILED;
	}
	if ((st = channel_key_balance(cx, q->account->id, q->key->id, b.amount, b.currency)) != OK)
		return nouns_fail(cx, st, "channel balance");
	printf("%-20s %16s %s\n", q->key->name, b.amount, b.currency);
	return CTL_OK;
}

static int
balance(struct context *cx, const char *name)
{
	const struct offer_account *account;
	struct inquiry *list;
	int rc = CTL_OK;
	int64_t id;
	size_t n;
	enum status st;

	if ((st = channel_find_name(cx, name, &id)) != OK || (st = inquiry_channel(cx, id, &account)) != OK)
		return nouns_fail(cx, st, "channel balance");
	n = account->n_keys < INQUIRIES_MAX ? account->n_keys : INQUIRIES_MAX;
	list = ARENA_ARRAY(cx->arena, struct inquiry, n + 1);
	for (size_t i = 0; i < n; i++)
		inquiry_make(cx->arena, ACCOUNT_BALANCE, account, &account->keys[i], &list[i]);
	inquire_alone(cx, list, n);
	for (size_t i = 0; i < n; i++)
		if (print_balance(cx, &list[i]) != CTL_OK)
			rc = CTL_FAILED;
	return rc;
}

static int
list(struct ctl *c)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query_again(c->cx.pg, &rows,
	    "SELECT ch.name, ch.provider, CASE WHEN ch.enabled THEN 'on' ELSE 'off' END AS state,"
	    " ch.priority, ch.weight,"
	    " (SELECT count(*) FILTER (WHERE k.status = 'active') || '/' || count(*) FROM channel_keys k"
	    "  WHERE k.channel_id = ch.id) AS keys, ch.base_url,"
	    " (SELECT coalesce(string_agg(m.name || coalesce('=' || cm.upstream_name, ''), ' ' ORDER BY m.name), '')"
	    "  FROM channel_models cm JOIN llm_models m ON m.id = cm.model_id WHERE cm.channel_id = ch.id) AS models"
	    " FROM channels ch ORDER BY ch.name");

	if (st != OK)
		return ctl_fail_pg(c, st, "channel list");
	printf("%-20s %-10s %-5s %8s %6s %-4s %-40s %s\n", "NAME", "PROVIDER", "STATE", "PRIORITY", "WEIGHT", "KEYS",
	    "URL", "MODELS");
	for (int i = 0; i < rows_count(rows); i++)
		printf("%-20s %-10s %-5s %8s %6s %-4s %-40s %s\n", row_text(rows, i, "name"),
		    row_text(rows, i, "provider"), row_text(rows, i, "state"), row_text(rows, i, "priority"),
		    row_text(rows, i, "weight"), row_text(rows, i, "keys"), row_text(rows, i, "base_url"),
		    row_text(rows, i, "models"));
	return CTL_OK;
}

static int
list_providers(void)
{
	size_t n;
	const struct quirks *all = quirks_all(&n);

	printf("%-20s %-10s %-60s %s\n", "PROVIDER", "WIRE", "URL", "WHO");
	for (size_t i = 0; i < n; i++)
		printf("%-20s %-10s %-60s %s\n", all[i].provider, all[i].wire, all[i].base_url, all[i].label);
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
	if (strcmp(verb, "providers") == 0 && name == NULL)
		return list_providers();
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
	if (strcmp(verb, "models") == 0)
		return models(&c->cx, name);
	if (strcmp(verb, "balance") == 0)
		return balance(&c->cx, name);
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
