/*
 * weirctl job queues                          what stands in each queue
 * weirctl job list [--status S] [--kind K]    the newest 100
 * weirctl job retry|cancel ID
 * weirctl job replay KIND TIME                let what died since then run again
 * weirctl job pause|resume KIND
 * weirctl job try                             does a worker take one, and how soon?
 * weirctl job schedules                       what is done by the calendar
 * weirctl job schedule NAME [--cron LINE] [--time-zone ZONE] [--on | --off] [--now]
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "core/audit.h"
#include "ctl/nouns.h"
#include "house/jobs.h"
#include "io/pg.h"
#include "jobs/desk.h"
#include "jobs/queue.h"

#define USAGE \
	"job queues\n" \
	"       weirctl job list [--status waiting|running|done|dead|cancelled] [--kind KIND]\n" \
	"       weirctl job retry|cancel ID\n" \
	"       weirctl job replay KIND TIME\n" \
	"       weirctl job pause|resume KIND\n" \
	"       weirctl job try\n" \
	"       weirctl job schedules\n" \
	"       weirctl job schedule NAME [--cron LINE] [--time-zone ZONE] [--on|--off] [--now]"

static const struct noun_option list_options[] = {
	{ "status", "status", OPTION_TEXT },
	{ "kind", "kind", OPTION_TEXT },
	{ NULL, NULL, OPTION_OTHER },
};
static const struct noun_option schedule_options[] = {
	{ "cron", "cron", OPTION_TEXT },
	{ "time-zone", "time_zone", OPTION_TEXT },
	{ "on", "enabled", OPTION_TRUE },
	{ "off", "enabled", OPTION_FALSE },
	{ "now", "now", OPTION_TRUE },
	{ NULL, NULL, OPTION_OTHER },
};

static const char *
text_of(const json_t *object, const char *name)
{
	const char *text = field_text(object, name);

	return text == NULL ? "-" : text;
}

static long long
int_of(const json_t *object, const char *name)
{
	return (long long)field_int(object, name, 0);
}

static void
print_job(const json_t *j)
{
	printf("%-36s  %-9s  %-20s  %8lld  %-24s  %s\n", text_of(j, "id"), text_of(j, "status"), text_of(j, "kind"),
	    int_of(j, "attempts"), text_of(j, "run_at"), text_of(j, "error"));
}

static int
list(struct ctl *c, const json_t *in)
{
	struct page page = { .limit = PAGE_LIMIT_MAX };
	json_t *items, *j;
	size_t i;
	bool more;
	enum status st = jobs_list(&c->cx, field_text(in, "status"), field_text(in, "kind"), &page, &items, &more);

	if (st != OK)
		return nouns_fail(&c->cx, st, "job list");
	printf("%-36s  %-9s  %-20s  %8s  %-24s  %s\n", "ID", "STATUS", "KIND", "ATTEMPTS", "DUE", "ERROR");
	json_array_foreach(items, i, j)
		print_job(j);
	json_decref(items);
	return CTL_OK;
}

static int
queues(struct ctl *c)
{
	json_t *items, *q;
	size_t i;
	enum status st = queues_list(&c->cx, &items);

	if (st != OK)
		return nouns_fail(&c->cx, st, "job queues");
	printf("%-20s  %-6s  %8s  %8s  %8s  %10s  %10s\n", "KIND", "STATE", "WAITING", "RUNNING", "DEAD", "OLDEST S",
	    "DONE");
	json_array_foreach(items, i, q)
		printf("%-20s  %-6s  %8lld  %8lld  %8lld  %10lld  %10lld\n", text_of(q, "kind"),
		    field_bool(q, "paused", false) ? "paused" : "on", int_of(q, "waiting"), int_of(q, "running"),
		    int_of(q, "dead"), int_of(q, "oldest_s"), int_of(q, "done"));
	json_decref(items);
	return CTL_OK;
}

static int
schedules(struct ctl *c)
{
	json_t *items, *s;
	size_t i;
	enum status st = schedules_list(&c->cx, &items);

	if (st != OK)
		return nouns_fail(&c->cx, st, "job schedules");
	printf("%-20s  %-5s  %-20s  %-16s  %-24s  %s\n", "NAME", "STATE", "CRON", "TIME ZONE", "NEXT", "LAST");
	json_array_foreach(items, i, s)
		printf("%-20s  %-5s  %-20s  %-16s  %-24s  %s\n", text_of(s, "name"),
		    field_bool(s, "enabled", true) ? "on" : "off", text_of(s, "cron"), text_of(s, "time_zone"),
		    text_of(s, "next_at"), text_of(s, "last_at"));
	json_decref(items);
	return CTL_OK;
}

static void
note(struct ctl *c, const char *action, const char *object, json_t *details)
{
	audit_operator(c->cx.pg, action, object, "ok", details);
}

static int
change(struct ctl *c, const char *verb, const char *id)
{
	bool retry = strcmp(verb, "retry") == 0;
	json_t *job;
	char uuid[UUID_LEN];
	enum status st;

	if (!uuid_parse(id, uuid))
		return ctl_fail("%s is no id of a job", id);
	st = retry ? job_retry(&c->cx, uuid, &job) : job_cancel(&c->cx, uuid, &job);
	if (st != OK)
		return nouns_fail(&c->cx, st, "job");
	note(c, retry ? "job.retry" : "job.cancel", arena_printf(c->cx.arena, "job:%s", uuid), NULL);
	print_job(job);
	json_decref(job);
	return CTL_OK;
}

static int
replay(struct ctl *c, const char *kind, const char *from)
{
	int64_t n;
	enum status st = jobs_replay(&c->cx, kind, from, &n);

	if (st != OK)
		return nouns_fail(&c->cx, st, "job replay");
	note(c, "job.replay", arena_printf(c->cx.arena, "queue:%s", kind),
	    json_pack("{s:I}", "replayed", (json_int_t)n));
	printf("%lld jobs run again\n", (long long)n);
	return CTL_OK;
}

static int
hold(struct ctl *c, bool pause, const char *kind)
{
	json_t *queue;
	enum status st = queue_pause(&c->cx, kind, pause, &queue);

	if (st != OK)
		return nouns_fail(&c->cx, st, pause ? "job pause" : "job resume");
	note(c, pause ? "queue.pause" : "queue.resume", arena_printf(c->cx.arena, "queue:%s", kind), NULL);
	printf("%s is %s\n", kind, pause ? "paused" : "on");
	json_decref(queue);
	return CTL_OK;
}

static int
schedule(struct ctl *c, const char *name, json_t *in)
{
	bool now = field_bool(in, "now", false);
	json_t *out;
	enum status st;

	json_object_del(in, "now");
	if (!nouns_check(&c->cx, schedule_change_fields, in))
		return CTL_FAILED;
	if (json_object_size(in) > 0) {
		if ((st = schedule_update(&c->cx, name, in, &out)) != OK)
			return nouns_fail(&c->cx, st, "job schedule");
		note(c, "schedule.update", arena_printf(c->cx.arena, "schedule:%s", name), json_deep_copy(in));
		printf("%s is due next %s\n", name, text_of(out, "next_at"));
		json_decref(out);
	}
	if (!now)
		return CTL_OK;
	if ((st = schedule_run(&c->cx, name, &out)) != OK)
		return nouns_fail(&c->cx, st, "job schedule");
	note(c, "schedule.run", arena_printf(c->cx.arena, "schedule:%s", name), NULL);
	print_job(out);
	json_decref(out);
	return CTL_OK;
}

/* ---- is anybody there? --------------------------------------------------------- */

#define TRY_MS 5000
#define LOOK_MS 20

/* When it was taken, in ms after it was submitted; false: not yet, or not known. */
static bool
is_done(struct ctl *c, const char *id, int64_t *after_ms)
{
	AUTO_ROWS struct rows *rows = NULL;

	if (pg_query_again(c->cx.pg, &rows,
		"SELECT status, (extract(epoch FROM started_at - created_at) * 1000)::bigint AS ms FROM jobs WHERE id = $1",
		PS(id)) != OK ||
	    rows_count(rows) == 0)
		return false;
	*after_ms = row_int(rows, 0, "ms");
	return strcmp(row_text(rows, 0, "status"), "done") == 0;
}

static int
try_one(struct ctl *c)
{
	int64_t until_ms = clock_mono_ms() + TRY_MS, after_ms;
	char id[UUID_LEN];
	enum status st = job_submit(&c->cx, &(struct job_ask){ .kind = "echo" }, id);

	if (st != OK)
		return nouns_fail(&c->cx, st, "job try");
	while (clock_mono_ms() < until_ms) {
		if (is_done(c, id, &after_ms)) {
			printf("a worker took a job after %lld ms\n", (long long)after_ms);
			return CTL_OK;
		}
		usleep(LOOK_MS * 1000);
	}
	return ctl_fail(
	    "no worker took a job within %d s: is weir-worker running, and is the kind echo paused?", TRY_MS / 1000);
}

static int
run(struct ctl *c, int argc, char **argv, json_t *in)
{
	const char *verb = argc > 1 ? argv[1] : "", *word = NULL;

	if (strcmp(verb, "queues") == 0 && argc == 2)
		return queues(c);
	if (strcmp(verb, "try") == 0 && argc == 2)
		return try_one(c);
	if (strcmp(verb, "schedules") == 0 && argc == 2)
		return schedules(c);
	if (strcmp(verb, "list") == 0)
		return nouns_options(argc, argv, list_options, in, &word, NULL, NULL) && word == NULL
		    ? list(c, in)
		    : ctl_usage(USAGE);
	if ((strcmp(verb, "retry") == 0 || strcmp(verb, "cancel") == 0) && argc == 3)
		return change(c, verb, argv[2]);
	if ((strcmp(verb, "pause") == 0 || strcmp(verb, "resume") == 0) && argc == 3)
		return hold(c, strcmp(verb, "pause") == 0, argv[2]);
	if (strcmp(verb, "replay") == 0 && argc == 4)
		return replay(c, argv[2], argv[3]);
	if (strcmp(verb, "schedule") == 0 && nouns_options(argc, argv, schedule_options, in, &word, NULL, NULL) &&
	    word != NULL && json_object_size(in) > 0)
		return schedule(c, word, in);
	return ctl_usage(USAGE);
}

int
ctl_job(struct ctl *c, int argc, char **argv)
{
	json_t *in = json_object();
	int rc;

	jobs_register(house_jobs, house_schedules);
	rc = run(c, argc, argv, in);
	json_decref(in);
	return rc;
}
