/*
 * weir-worker: sweeps by the clock, in the foreground, until told to end.
 *
 * Signals are blocked and taken between pieces of work: TERM and INT end, HUP
 * reads the configuration again.
 */
#include "config.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "ops/migrate.h"
#include "house/kinds.h"
#include "house/sweeps.h"
#include "engine/reap.h"

#define EXIT_USAGE 2
#define EXIT_CONFIG 78 /* EX_CONFIG: systemd need not try again */
#define SWEEP_ARENA_BYTES 4096
#define SWEEP_ARENA_MAX_BYTES (64u << 20)

struct options {
	const char *conf_path;
	bool once;
};

static sigset_t handled;

static void
block_signals(void)
{
	sigemptyset(&handled);
	sigaddset(&handled, SIGTERM);
	sigaddset(&handled, SIGINT);
	sigaddset(&handled, SIGHUP);
	sigprocmask(SIG_BLOCK, &handled, NULL);
	signal(SIGPIPE, SIG_IGN);
}

/* Is an end asked for?  Leaves the signal pending. */
static bool
stopping(void)
{
	sigset_t pending;

	sigpending(&pending);
	return sigismember(&pending, SIGTERM) || sigismember(&pending, SIGINT);
}

/* The next signal within `ms`; 0: none came. */
static int
wait_signal(int64_t ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };
	int signo = sigtimedwait(&handled, NULL, &t);

	return signo > 0 ? signo : 0;
}

/* ---- the configuration and what hangs on it -------------------------------------- */

static struct conf *conf;

/* Read the configuration and make connections by it; those of before are kept
 * when it is wrong. */
static bool
configure(struct sweeper *s, const char *path)
{
	struct conf *fresh;
	int level;

	if (conf_load(path, &fresh) != OK)
		return false;
	level = log_level_parse(fresh->log_level);
	log_init("weir-worker", level >= 0 ? (enum log_level)level : LOG_INFO);
	pg_free(s->cx.pg);
	redis_free(s->cx.redis);
	conf_free(conf);
	s->cx.conf = conf = fresh;
	s->cx.pg = pg_new(conf, conf->database_url, "weir-worker");
	s->cx.redis = redis_new(conf);
	return true;
}

/* Does the database fit this build?  Waits for one that is not there yet or
 * not migrated yet (--once does not).  False: it does not, or the end was asked for. */
static bool
database_fits(struct sweeper *s, bool once)
{
	struct buf problem = BUF_INIT(65536);
	enum migrate_fit fit = once ? migrate_check(s->cx.pg, s->cx.conf, &problem)
				    : migrate_await(s->cx.pg, s->cx.conf, true, stopping, &problem);

	if (fit == MIGRATE_AHEAD)
		LOG(WARN, "schema_ahead", LS("why", buf_str(&problem)));
	else if (fit != MIGRATE_FITS && !stopping())
		fprintf(stderr, "weir-worker: %s\n", buf_str(&problem));
	buf_free(&problem);
	return fit == MIGRATE_FITS || fit == MIGRATE_AHEAD;
}

/* ---- the loop ----------------------------------------------------------------------- */

static enum status
run_sweep(struct sweeper *s, const struct sweep *sweep)
{
	int64_t began_us = clock_mono_us();
	enum status st;

	s->cx.arena = arena_new(SWEEP_ARENA_BYTES, SWEEP_ARENA_MAX_BYTES);
	st = sweep->run(s);
	arena_free(s->cx.arena);

	if (st != OK)
		LOG(ERROR, "sweep_failed", LS("sweep", sweep->name), LS("code", status_code(st)),
		    LS("detail", pg_error(s->cx.pg)));
	else
		LOG(DEBUG, "sweep", LS("sweep", sweep->name), LMS("ms", clock_mono_us() - began_us));
	return st;
}

/* Each sweep once.  Returns the exit status. */
static int
run_once(struct sweeper *s)
{
	int rc = EXIT_SUCCESS;

	for (const struct sweep *sweep = sweeps; sweep->name != NULL && !stopping(); sweep++)
		if (run_sweep(s, sweep) != OK)
			rc = EXIT_FAILURE;
	return rc;
}

/* Run what is due; the time of the next in *next_ms. */
static void
run_due(struct sweeper *s, int64_t due_ms[SWEEPS], int64_t *next_ms)
{
	*next_ms = INT64_MAX;
	for (int i = 0; sweeps[i].name != NULL && !stopping(); i++) {
		if (clock_mono_ms() >= due_ms[i]) {
			(void)run_sweep(s, &sweeps[i]);
			due_ms[i] = clock_mono_ms() + sweeps[i].every_ms;
		}
		if (due_ms[i] < *next_ms)
			*next_ms = due_ms[i];
	}
}

static void
run_forever(struct sweeper *s, const struct options *o)
{
	int64_t due_ms[SWEEPS] = { 0 }, next_ms, now_ms;
	int signo;

	for (;;) {
		run_due(s, due_ms, &next_ms);
		now_ms = clock_mono_ms();
		signo = wait_signal(next_ms > now_ms && !stopping() ? next_ms - now_ms : 0);
		if (signo == SIGTERM || signo == SIGINT)
			break;
		if (signo == SIGHUP)
			LOG(INFO, "reload", LS("outcome", configure(s, o->conf_path) ? "done" : "refused"));
	}
}

/* This worker ends in order: its row need not wait to be pruned. */
static void
sign_off(struct sweeper *s)
{
	if (pg_query_again(s->cx.pg, NULL, "DELETE FROM processes WHERE id = $1::uuid", PS(s->id)) != OK)
		LOG(WARN, "sign_off_failed", LS("detail", pg_error(s->cx.pg)));
}

/* ---- start ---------------------------------------------------------------------------- */

static void
print_help(FILE *to)
{
	fputs("usage: weir-worker [-c FILE] [--once]\n\n"
	      "Background work of Weir: settles what dead processes left, expires holds,\n"
	      "removes what has served its time.\n\n"
	      "  -c FILE  configuration, default " CONF_DEFAULT_PATH "\n"
	      "  --once   do each kind of work once and end\n"
	      "  --version, --help\n\nSee weir-worker(8).\n",
	    to);
}

/* -1: go on, else the exit status. */
static int
read_options(struct options *o, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "once", no_argument, NULL, 'o' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int opt;

	while ((opt = getopt_long(argc, argv, "c:h", longs, NULL)) != -1) {
		switch (opt) {
		case 'c': o->conf_path = optarg; break;
		case 'o': o->once = true; break;
		case 'V': puts("weir-worker " PACKAGE_VERSION); return EXIT_SUCCESS;
		case 'h': print_help(stdout); return EXIT_SUCCESS;
		default: print_help(stderr); return EXIT_USAGE;
		}
	}
	if (optind < argc) {
		print_help(stderr);
		return EXIT_USAGE;
	}
	return -1;
}

int
main(int argc, char **argv)
{
	struct options o = { NULL, false };
	struct sweeper s = { .stopping = stopping };
	int rc = read_options(&o, argc, argv);

	if (rc >= 0)
		return rc;
	block_signals();
	kinds_register(kinds_all());
	uuid_v7(s.id);
	rc = EXIT_CONFIG;
	if (!configure(&s, o.conf_path))
		return rc;
	if (database_fits(&s, o.once)) {
		LOG(INFO, "started", LS("id", s.id));
		rc = EXIT_SUCCESS;
		if (o.once)
			rc = run_once(&s);
		else
			run_forever(&s, &o);
		sign_off(&s);
	} else if (stopping()) {
		rc = EXIT_SUCCESS;
	}
	pg_free(s.cx.pg);
	redis_free(s.cx.redis);
	conf_free(conf);
	return rc;
}
