/*
 * weirctl storage status                   where the bytes are, and does the bucket answer?
 * weirctl storage move local|s3            move all there, or go on with it
 * weirctl storage sweep                    remove from the bucket what no row knows
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/audit.h"
#include "ctl/nouns.h"
#include "io/pg.h"
#include "store/move.h"
#include "store/s3.h"
#include "store/sweep.h"

#define USAGE \
	"storage status\n" \
	"       weirctl storage move local|s3\n" \
	"       weirctl storage sweep"
#define STATUS_PATIENCE_MS 10000

static volatile sig_atomic_t told_to_stop;

static void
on_signal(int sig)
{
	(void)sig;
	told_to_stop = 1;
}

static bool
stopping(void)
{
	return told_to_stop != 0;
}

static bool
stopping_with(void *arg)
{
	(void)arg;
	return stopping();
}

/* Why it failed, in the words of who knows. */
static int
failed(struct ctl *c, enum status st, const char *doing)
{
	return ctl_fail("%s: %s", doing, c->cx.log_detail != NULL ? c->cx.log_detail : status_text(st, LANG_EN));
}

/* ---- status ------------------------------------------------------------------ */

static const char *
size_text(struct arena *a, int64_t bytes)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	double n = (double)bytes;
	size_t u = 0;

	for (; n >= 1024 && u + 1 < sizeof(units) / sizeof(*units); u++)
		n /= 1024;
	return arena_printf(a, u == 0 ? "%.0f %s" : "%.1f %s", n, units[u]);
}

static int
print_counts(struct ctl *c)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query_again(c->cx.pg, &rows,
	    "SELECT p.place, count(o.id) AS n, coalesce(sum(o.size_bytes), 0)::bigint AS bytes,"
	    " count(o.id) FILTER (WHERE o.uses = 0) AS unused"
	    " FROM (VALUES ('local'), ('s3')) AS p(place) LEFT JOIN objects o ON o.place = p.place"
	    " GROUP BY p.place ORDER BY p.place");

	if (st != OK)
		return ctl_fail_pg(c, st, "storage status");
	printf("%-8s  %10s  %12s  %8s\n", "PLACE", "OBJECTS", "SIZE", "UNUSED");
	for (int i = 0; i < rows_count(rows); i++)
		printf("%-8s  %10lld  %12s  %8lld\n", row_text(rows, i, "place"), (long long)row_int(rows, i, "n"),
		    size_text(c->cx.arena, row_int(rows, i, "bytes")), (long long)row_int(rows, i, "unused"));
	return CTL_OK;
}

/* Ask the bucket something that needs its name, the key and the permission to list. */
static int
try_bucket(struct ctl *c)
{
	struct s3 *s = s3_new(c->cx.conf, STATUS_PATIENCE_MS);
	struct s3_page page = { 0 };
	enum status st = s3_list(s, 1, &page);
	int rc = CTL_OK;

	free(page.items);
	if (st == OK)
		printf("the bucket %s at %s answers\n", c->cx.conf->storage_bucket, c->cx.conf->storage_endpoint);
	else
		rc = ctl_fail(
		    "the bucket %s at %s: %s", c->cx.conf->storage_bucket, c->cx.conf->storage_endpoint, s3_why(s));
	s3_free(s);
	return rc;
}

static int
status(struct ctl *c)
{
	const char *driver = c->cx.conf->storage_driver;
	bool is_s3 = strcmp(driver, "s3") == 0;
	int rc = print_counts(c);

	printf("what comes in goes to: %s\n", is_s3 ? "s3" : c->cx.conf->uploads_folder);
	if (s3_configured(c->cx.conf)) {
		int bucket = try_bucket(c);

		return rc != CTL_OK ? rc : bucket;
	}
	if (is_s3)
		return ctl_fail("%s", s3_problem(c->cx.conf));
	return rc;
}

/* ---- the work ------------------------------------------------------------------ */

static void
tell(const struct store_moved *m)
{
	printf("%lld moved, %lld bytes; %lld not on this host, %lld failed\n", (long long)m->moved, (long long)m->bytes,
	    (long long)m->absent, (long long)m->failed);
	fflush(stdout);
}

static int
move(struct ctl *c, const char *where)
{
	struct store_moved moved = { 0 };
	enum status st;

	if (strcmp(where, c->cx.conf->storage_driver) != 0)
		return ctl_fail(
		    "[storage] driver is %s: set it to %s and restart weir and weir-worker first, or what comes in goes the"
		    " other way",
		    c->cx.conf->storage_driver, where);
	st = store_move(&c->cx, 0, stopping, tell, &moved);
	audit_operator(c->cx.pg, "storage.move", arena_printf(c->cx.arena, "storage:%s", where),
	    st == OK ? "ok" : "failed",
	    json_pack("{s:I, s:I, s:I}", "moved", (json_int_t)moved.moved, "bytes", (json_int_t)moved.bytes, "failed",
		(json_int_t)moved.failed));
	if (st != OK)
		return failed(c, st, "storage move");
	if (moved.moved + moved.absent + moved.failed == 0)
		printf("all is there\n");
	if (stopping())
		return ctl_fail("stopped; weirctl storage move %s goes on with it", where);
	return moved.absent + moved.failed == 0
	    ? CTL_OK
	    : ctl_fail("not all of it could be moved: see the log above; what is on another host is moved there");
}

static int
sweep(struct ctl *c)
{
	struct bucket_swept swept = { 0 };
	enum status st = sweep_bucket(&c->cx, stopping_with, NULL, &swept);

	if (st != OK)
		return failed(c, st, "storage sweep");
	audit_operator(c->cx.pg, "storage.sweep", "storage:s3", "ok",
	    json_pack("{s:I, s:I}", "removed", (json_int_t)swept.removed, "aborted", (json_int_t)swept.aborted));
	printf("%lld objects seen, %lld removed; %lld uploads in parts ended\n", (long long)swept.seen,
	    (long long)swept.removed, (long long)swept.aborted);
	return CTL_OK;
}

int
ctl_storage(struct ctl *c, int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";

	signal(SIGPIPE, SIG_IGN); /* a store that hangs up under TLS */
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	if (strcmp(verb, "status") == 0 && argc == 2)
		return status(c);
	if (strcmp(verb, "move") == 0 && argc == 3 && (strcmp(argv[2], "local") == 0 || strcmp(argv[2], "s3") == 0))
		return move(c, argv[2]);
	if (strcmp(verb, "sweep") == 0 && argc == 2)
		return sweep(c);
	return ctl_usage(USAGE);
}
