/* weirctl channel-key: the keys of channels. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "catalog/channel_keys.h"
#include "catalog/channels.h"
#include "ctl/nouns.h"

#define USAGE \
	"channel-key list CHANNEL\n" \
	"       weirctl channel-key add CHANNEL --key-stdin | --key-env VAR [--name KEY] [--weight N] [--sort N] [--rpm N]\n" \
	"          \n" \
	"       weirctl channel-key set CHANNEL --name KEY [the same options] [--rename NAME]\n" \
	"       weirctl channel-key enable|disable|remove CHANNEL --name KEY"

static const struct noun_option options[] = {
	{ "weight", "weight", OPTION_INT },
	{ "sort", "sort", OPTION_INT },
	{ "rpm", "rpm", OPTION_INT },
	{ "rename", "name", OPTION_TEXT },
	{ "name", "name", OPTION_OTHER },
	{ "key-env", "key", OPTION_OTHER },
	{ "key-stdin", NULL, OPTION_OTHER },
	{ NULL, NULL, OPTION_OTHER },
};

struct key_options {
	struct ctl *c;
	json_t *in;
	const char *name; /* of the key */
	int64_t channel_id;
};

static bool
take_other(void *arg, const char *name, const char *value)
{
	struct key_options *o = arg;
	const char *key;

	if (strcmp(name, "name") == 0) {
		o->name = value;
		return true;
	}
	key = strcmp(name, "key-env") == 0 ? getenv(value) : ctl_secret(o->c, "API key");
	if (key == NULL || *key == '\0') {
		if (strcmp(name, "key-env") == 0)
			ctl_fail("the environment has no %s", value);
		return false;
	}
	json_object_set_new(o->in, "key", json_string(key));
	return true;
}

static int
done(struct ctl *c, const char *action, const char *channel, struct key_options *o, const char *what)
{
	if (json_object_get(o->in, "key") != NULL)
		json_object_set_new(o->in, "key", json_string("(set)"));
	if (o->name != NULL)
		json_object_set_new(o->in, "name", json_string(o->name));
	nouns_audit(c, action, "channel", channel, o->in);
	printf("channel %s: key %s %s\n", channel, o->name == NULL ? "" : o->name, what);
	return CTL_OK;
}

static int
add(struct ctl *c, const char *channel, struct key_options *o)
{
	int64_t id;
	enum status st;

	if (o->name != NULL)
		json_object_set_new(o->in, "name", json_string(o->name));
	if (!nouns_check(&c->cx, channel_key_fields, o->in))
		return CTL_FAILED;
	if ((st = channel_key_add(&c->cx, o->channel_id, o->in, &id)) != OK)
		return nouns_fail(&c->cx, st, "channel-key add");
	return done(c, "channel.key_add", channel, o, "added");
}

static int
set(struct ctl *c, const char *channel, struct key_options *o)
{
	int64_t id;
	enum status st;

	if (!nouns_check(&c->cx, channel_key_change_fields, o->in))
		return CTL_FAILED;
	if ((st = channel_key_find_name(&c->cx, o->channel_id, o->name, &id)) != OK ||
	    (st = channel_key_update(&c->cx, o->channel_id, id, o->in)) != OK)
		return nouns_fail(&c->cx, st, "channel-key set");
	return done(c, "channel.key_update", channel, o, "changed");
}

static int
remove_key(struct ctl *c, const char *channel, struct key_options *o)
{
	int64_t id;
	enum status st;

	if ((st = channel_key_find_name(&c->cx, o->channel_id, o->name, &id)) != OK ||
	    (st = channel_key_delete(&c->cx, o->channel_id, id)) != OK)
		return nouns_fail(&c->cx, st, "channel-key remove");
	return done(c, "channel.key_delete", channel, o, "removed");
}

static int
list(struct ctl *c, int64_t channel_id)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query_again(c->cx.pg, &rows,
	    "SELECT name, status, weight, coalesce(rpm::text, '-') AS rpm,"
	    " coalesce(trim_scale(balance) || ' ' || balance_currency, '-') AS balance,"
	    " coalesce(off_reason, last_error, '') AS why FROM channel_keys WHERE channel_id = $1 ORDER BY sort, id",
	    PI(channel_id));

	if (st != OK)
		return ctl_fail_pg(c, st, "channel-key list");
	printf("%-20s %-9s %6s %8s %16s %s\n", "NAME", "STATE", "WEIGHT", "RPM", "BALANCE", "WHY");
	for (int i = 0; i < rows_count(rows); i++)
		printf("%-20s %-9s %6s %8s %16s %s\n", row_text(rows, i, "name"), row_text(rows, i, "status"),
		    row_text(rows, i, "weight"), row_text(rows, i, "rpm"), row_text(rows, i, "balance"),
		    row_text(rows, i, "why"));
	return CTL_OK;
}

static int
run(struct ctl *c, int argc, char **argv, struct key_options *o)
{
	const char *verb = argc > 1 ? argv[1] : "", *channel = NULL;
	enum status st;

	if (argc < 2 || !nouns_options(argc, argv, options, o->in, &channel, take_other, o) || channel == NULL)
		return ctl_usage(USAGE);
	if ((st = channel_find_name(&c->cx, channel, &o->channel_id)) != OK)
		return nouns_fail(&c->cx, st, "channel-key");
	if (strcmp(verb, "list") == 0)
		return list(c, o->channel_id);
	if (strcmp(verb, "add") == 0)
		return add(c, channel, o);
	if (o->name == NULL)
		return ctl_usage(USAGE);
	if (strcmp(verb, "enable") == 0 || strcmp(verb, "disable") == 0)
		json_object_set_new(o->in, "enabled", json_boolean(verb[0] == 'e'));
	else if (strcmp(verb, "remove") == 0)
		return remove_key(c, channel, o);
	else if (strcmp(verb, "set") != 0)
		return ctl_usage(USAGE);
	return set(c, channel, o);
}

int
ctl_channel_key(struct ctl *c, int argc, char **argv)
{
	struct key_options o = { .c = c, .in = json_object() };
	int rc = run(c, argc, argv, &o);

	json_decref(o.in);
	return rc;
}
