/*
 * weirctl task unclear             pictures and films of which nobody knows whether their provider has them
 * weirctl task adopt ID EXTERNAL   it has, by that id
 * weirctl task fail ID             it has not, or nobody will know: give back what was held
 */
#include <stdio.h>
#include <string.h>

#include "ctl/nouns.h"
#include "media/unclear.h"

#define USAGE \
	"task unclear\n" \
	"       weirctl task adopt ID EXTERNAL\n" \
	"       weirctl task fail ID"

static const char *
text_of(const json_t *object, const char *name)
{
	const char *text = field_text(object, name);

	return text == NULL || *text == '\0' ? "-" : text;
}

static int
list(struct ctl *c)
{
	json_t *items, *t;
	size_t i;
	enum status st = unclear_list(&c->cx, &items);

	if (st != OK)
		return nouns_fail(&c->cx, st, "task unclear");
	printf("%-36s  %-10s  %-24s  %-20s  %-16s  %-24s  %s\n", "ID", "STATUS", "SENT", "USER", "CHANNEL", "MODEL",
	    "EXTERNAL");
	json_array_foreach(items, i, t)
		printf("%-36s  %-10s  %-24s  %-20s  %-16s  %-24s  %s\n", text_of(t, "task_id"), text_of(t, "status"),
		    text_of(t, "sent_at"), text_of(t, "user"), text_of(t, "channel"), text_of(t, "model"),
		    text_of(t, "external_id"));
	return CTL_OK;
}

static int
adopt(struct ctl *c, const char *id, const char *external)
{
	json_t *details = json_own(c->cx.arena, json_pack("{s:s}", "external_id", external));
	char uuid[UUID_LEN];
	enum status st;

	if (details == NULL || !uuid_parse(id, uuid))
		return ctl_fail("%s is no id of a task", id);
	if ((st = unclear_adopt(&c->cx, uuid, external)) != OK)
		return nouns_fail(&c->cx, st, "task adopt");
	nouns_audit(c, "task.adopt", "task", uuid, details);
	printf("%s is asked after as %s\n", uuid, external);
	return CTL_OK;
}

static int
give_up(struct ctl *c, const char *id)
{
	char uuid[UUID_LEN];
	enum status st;

	if (!uuid_parse(id, uuid))
		return ctl_fail("%s is no id of a task", id);
	if ((st = unclear_fail(&c->cx, uuid)) != OK)
		return nouns_fail(&c->cx, st, "task fail");
	nouns_audit(c, "task.fail", "task", uuid, NULL);
	printf("%s has failed, and its user has back what was held\n", uuid);
	return CTL_OK;
}

int
ctl_task(struct ctl *c, int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";

	if (strcmp(verb, "unclear") == 0 && argc == 2)
		return list(c);
	if (strcmp(verb, "adopt") == 0 && argc == 4)
		return adopt(c, argv[2], argv[3]);
	if (strcmp(verb, "fail") == 0 && argc == 3)
		return give_up(c, argv[2]);
	return ctl_usage(USAGE);
}
