/*
 * weirctl migrate up            apply what is pending, functions last
 * weirctl migrate down [N]      take back the last N (1) numbered files
 * weirctl migrate status        what is applied, pending, changed, unknown
 * weirctl migrate create NAME   write the next pair of files
 *
 * up and down run as the owner of the schema: [database] migrate_url.
 */
#include "ops/migrate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/ctl.h"

#define USAGE "migrate up | down [N] | status | create NAME"

static void
note(void *arg, const char *name, const char *direction, int64_t us)
{
	int *done = arg;

	if (us < 0)
		return;
	printf("%-4s %s (%.0f ms)\n", direction, name, (double)us / 1000);
	fflush(stdout);
	(*done)++;
}

static int
finish(enum status st, const struct buf *problem, int done, const char *nothing)
{
	if (st != OK)
		return ctl_fail("%s", buf_str(problem));
	if (done == 0)
		puts(nothing);
	return CTL_OK;
}

/* One line of the status; 1 when it is not as it should be. */
static int
show_state(enum migration_state state, const char *name, const char *applied_at)
{
	static const char *const words[] = { "pending", "applied", "CHANGED", "UNKNOWN" };

	printf(
	    "%-8s %s%s%s\n", words[state], name, applied_at != NULL ? "  " : "", applied_at != NULL ? applied_at : "");
	return state != MIGRATION_APPLIED;
}

static int
show_status(struct ctl *c, struct pg *pg, struct buf *problem)
{
	struct arena *a = c->cx.arena;
	struct migrations m;
	int bad = 0;

	if (migrate_read(a, c->migrations, &m, problem) != OK || migrate_compare(a, pg, &m, problem) != OK)
		return ctl_fail("%s", buf_str(problem));
	for (size_t i = 0; i < m.n; i++)
		bad += show_state(m.list[i].state, arena_printf(a, "%04d_%s", m.list[i].version, m.list[i].name),
		    m.list[i].applied_at);
	for (size_t i = 0; i < m.n_functions; i++)
		bad += show_state(m.functions[i].state, arena_printf(a, "functions/%s", m.functions[i].area),
		    m.functions[i].applied_at);
	if (m.n == 0)
		printf("no migrations in %s\n", c->migrations);
	return bad == 0 ? CTL_OK : CTL_FAILED;
}

static int
create(struct ctl *c, const char *name, struct buf *problem)
{
	const char *up, *down;

	if (migrate_create(c->cx.arena, c->migrations, name, &up, &down, problem) != OK)
		return ctl_fail("%s", buf_str(problem));
	printf("%s\n%s\n", up, down);
	return CTL_OK;
}

/* down's count: 1 when absent, 0 when it is nonsense. */
static int
parse_count(const char *text)
{
	char *end;
	long n = text == NULL ? 1 : strtol(text, &end, 10);

	return text == NULL || (*end == '\0' && n > 0 && n < 10000) ? (int)n : 0;
}

int
ctl_migrate(struct ctl *c, int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	const char *url = *c->cx.conf->database_migrate_url != '\0' ? c->cx.conf->database_migrate_url
								    : c->cx.conf->database_url;
	struct buf problem = BUF_INIT(65536);
	struct pg *pg = pg_new(c->cx.conf, url, "weirctl migrate");
	int done = 0, count, rc = CTL_USAGE;
	enum status st;

	if (strcmp(what, "up") == 0 && argc == 2) {
		st = migrate_up(c->cx.arena, pg, c->migrations, note, &done, &problem);
		rc = finish(st, &problem, done, "nothing to do");
	} else if (strcmp(what, "down") == 0 && argc <= 3 && (count = parse_count(argv[2])) > 0) {
		st = migrate_down(c->cx.arena, pg, c->migrations, count, note, &done, &problem);
		rc = finish(st, &problem, done, "nothing to take back");
	} else if (strcmp(what, "status") == 0 && argc == 2) {
		rc = show_status(c, pg, &problem);
	} else if (strcmp(what, "create") == 0 && argc == 3) {
		rc = create(c, argv[2], &problem);
	} else {
		ctl_usage(USAGE);
	}
	pg_free(pg);
	buf_free(&problem);
	return rc;
}
