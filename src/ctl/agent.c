/* weirctl agent: prompts with a model, a fallback and a time limit. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chat/agents.h"
#include "catalog/models.h"
#include "ctl/nouns.h"

#define USAGE \
	"agent add NAME --model NAME [--fallback NAME] [--prompt TEXT | --prompt-file FILE] [--timeout SECONDS]\n" \
	"           [--temperature T] [--description TEXT] [--disabled] [--if-missing]\n" \
	"       weirctl agent list\n" \
	"       weirctl agent remove NAME|ID"

#define PROMPT_FILE_MAX (128 * 1024)

static const struct noun_option options[] = {
	{ "description", "description", OPTION_TEXT },
	{ "prompt", "prompt", OPTION_TEXT },
	{ "timeout", "timeout_seconds", OPTION_INT },
	{ "temperature", "temperature", OPTION_NUMBER },
	{ "disabled", "enabled", OPTION_FALSE },
	{ "model", "model_id", OPTION_OTHER },
	{ "fallback", "fallback_model_id", OPTION_OTHER },
	{ "prompt-file", "prompt", OPTION_OTHER },
	{ "if-missing", NULL, OPTION_OTHER },
	{ NULL, NULL, OPTION_OTHER },
};

struct agent_options {
	struct context *cx;
	json_t *in;
	bool only_missing;
};

static bool
take_model(struct agent_options *o, const char *member, const char *name)
{
	int64_t id;
	enum status st = model_find_name(o->cx, name, &id);

	if (st != OK) {
		nouns_fail(o->cx, st, "agent");
		return false;
	}
	json_object_set_new(o->in, member, json_integer(id));
	return true;
}

/* "-" is standard input: a file that only root may read comes that way, for by
 * now we are the service's user. */
static bool
take_prompt(struct agent_options *o, const char *path)
{
	char *text = arena_alloc(o->cx->arena, PROMPT_FILE_MAX + 1);
	FILE *f = strcmp(path, "-") == 0 ? fdopen(dup(STDIN_FILENO), "r") : fopen(path, "r");
	size_t len;
	bool whole;

	if (f == NULL) {
		ctl_fail("cannot read %s: %m", path);
		return false;
	}
	len = fread(text, 1, PROMPT_FILE_MAX + 1, f);
	whole = !ferror(f) && len <= PROMPT_FILE_MAX;
	fclose(f);
	if (!whole || json_object_set_new(o->in, "prompt", json_stringn(text, len)) != 0) {
		ctl_fail("%s is unreadable, too long or not UTF-8", path);
		return false;
	}
	return true;
}

static bool
take_other(void *arg, const char *name, const char *value)
{
	struct agent_options *o = arg;

	if (strcmp(name, "model") == 0)
		return take_model(o, "model_id", value);
	if (strcmp(name, "fallback") == 0)
		return take_model(o, "fallback_model_id", value);
	if (strcmp(name, "prompt-file") == 0)
		return take_prompt(o, value);
	o->only_missing = true;
	return true;
}

/* The agent with that id, or the only one with that name. */
static enum status
find(struct context *cx, const char *word, const char **id)
{
	AUTO_ROWS struct rows *rows = NULL;
	char canonical[UUID_LEN];
	enum status st = pg_query_again(cx->pg, &rows, "SELECT id FROM agents WHERE name = $1 OR id = $2::uuid",
	    PS(word), PS(uuid_parse(word, canonical) ? canonical : NULL));

	if (st != OK)
		return fail(cx, st, "find agent: %s", pg_error(cx->pg));
	if (rows_count(rows) == 0)
		return fail(cx, E_NOT_FOUND, "agent %s", word);
	if (rows_count(rows) > 1)
		return fail(cx, E_CONFLICT, "%d agents are called %s: name it by its id", rows_count(rows), word);
	*id = arena_strdup(cx->arena, row_text(rows, 0, "id"));
	return OK;
}

static int
add(struct ctl *c, const char *name, struct agent_options *o)
{
	const char *id = NULL;
	json_t *agent;
	enum status st;

	if (o->only_missing) {
		st = find(o->cx, name, &id);
		if (st == OK || st == E_CONFLICT) {
			printf("agent %s is there already\n", name);
			return CTL_OK;
		}
	}
	json_object_set_new(o->in, "name", json_string(name));
	if (!nouns_check(o->cx, agent_fields, o->in))
		return CTL_FAILED;
	if ((st = agent_create(o->cx, o->in, &agent)) != OK)
		return nouns_fail(o->cx, st, "agent add");
	id = json_string_value(json_object_get(agent, "id"));
	nouns_audit(c, "agent.create", "agent", id, o->in);
	printf("agent %s added: %s\n", name, id);
	json_decref(agent);
	return CTL_OK;
}

static int
remove_agent(struct ctl *c, struct context *cx, const char *word)
{
	const char *id = NULL;
	enum status st;

	if ((st = find(cx, word, &id)) != OK || (st = agent_delete(cx, id)) != OK)
		return nouns_fail(cx, st, "agent remove");
	nouns_audit(c, "agent.delete", "agent", id, NULL);
	printf("agent %s removed\n", word);
	return CTL_OK;
}

static int
list(struct ctl *c)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query_again(c->cx.pg, &rows,
	    "SELECT a.id, a.name, m.name AS model, coalesce(f.name, '-') AS fallback, a.timeout_seconds,"
	    " CASE WHEN a.enabled THEN 'on' ELSE 'off' END AS state"
	    " FROM agents a JOIN llm_models m ON m.id = a.model_id LEFT JOIN llm_models f ON f.id = a.fallback_model_id"
	    " ORDER BY a.name, a.id");

	if (st != OK)
		return ctl_fail_pg(c, st, "agent list");
	printf("%-36s  %-5s %-24s %-24s %7s  %s\n", "ID", "STATE", "MODEL", "FALLBACK", "TIMEOUT", "NAME");
	for (int i = 0; i < rows_count(rows); i++)
		printf("%-36s  %-5s %-24s %-24s %5s s  %s\n", row_text(rows, i, "id"), row_text(rows, i, "state"),
		    row_text(rows, i, "model"), row_text(rows, i, "fallback"), row_text(rows, i, "timeout_seconds"),
		    row_text(rows, i, "name"));
	return CTL_OK;
}

static int
run(struct ctl *c, int argc, char **argv, struct agent_options *o)
{
	const char *verb = argc > 1 ? argv[1] : "", *name = NULL;

	if (argc < 2 || !nouns_options(argc, argv, options, o->in, &name, take_other, o))
		return ctl_usage(USAGE);
	if (strcmp(verb, "list") == 0 && name == NULL)
		return list(c);
	if (name == NULL)
		return ctl_usage(USAGE);
	if (strcmp(verb, "add") == 0)
		return add(c, name, o);
	if (strcmp(verb, "remove") == 0)
		return remove_agent(c, o->cx, name);
	return ctl_usage(USAGE);
}

int
ctl_agent(struct ctl *c, int argc, char **argv)
{
	struct agent_options o = { .cx = &c->cx, .in = json_object() };
	int rc;

	rc = run(c, argc, argv, &o);
	json_decref(o.in);
	return rc;
}
