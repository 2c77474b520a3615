/*
 * weir-worker: a process (core/process.h) that serves nobody: sweeps by the clock
 * and jobs from the queue, in the foreground, until told to end.
 *
 * A configuration is never changed: when it is read again the process ends in
 * order and another one begins by the new one.  Signals are blocked in every
 * thread all the time; the reactor reads them from a descriptor, and what comes
 * between two processes waits for the next.
 */
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "core/process.h"
#include "engine/reap.h"
#include "house/jobs.h"
#include "house/kinds.h"
#include "io/pg.h"
#include "io/reactor.h"
#include "jobs/runner.h"
#include "ops/migrate.h"
#include "worker/sweeping.h"

#define EXIT_USAGE 2
#define EXIT_CONFIG 78 /* EX_CONFIG: systemd need not try again */

struct options {
	const char *conf_path;
	bool once;
};

struct daemon {
	const char *conf_path;
	int signal_fd;
	struct conf *fresh; /* what the next process runs by; NULL: it is the last */

	/* of the process that runs */
	struct sweeping *sweeping;
	struct runner *runner;
	struct reactor_watch *signals;
};

/* ---- signals ------------------------------------------------------------------------ */

/* Before the first thread, which inherits it. */
static void
block_signals(sigset_t *handled)
{
	sigemptyset(handled);
	sigaddset(handled, SIGTERM);
	sigaddset(handled, SIGINT);
	sigaddset(handled, SIGHUP);
	sigprocmask(SIG_BLOCK, handled, NULL);
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

/* ---- before there is a process --------------------------------------------------------- */

/* While there is one thread. */
static void
start_log(const struct conf *conf)
{
	int level = log_level_parse(conf->log_level);

	log_init("weir-worker", level >= 0 ? (enum log_level)level : LOG_INFO);
}

/* Does the database fit this build?  Waits for one that is not there yet or
 * not migrated yet (--once does not).  False: it does not, or the end was asked for. */
static bool
database_fits(const struct conf *conf, bool once)
{
	struct pg *pg = pg_new(conf, conf->database_url, "weir-worker");
	struct buf problem = BUF_INIT(65536);
	enum migrate_fit fit = once ? migrate_check(pg, conf, &problem)
				    : migrate_await(pg, conf, true, stopping, &problem);

	if (fit == MIGRATE_AHEAD)
		LOG(WARN, "schema_ahead", LS("why", buf_str(&problem)));
	else if (fit != MIGRATE_FITS && !stopping())
		fprintf(stderr, "weir-worker: %s\n", buf_str(&problem));
	buf_free(&problem);
	pg_free(pg);
	return fit == MIGRATE_FITS || fit == MIGRATE_AHEAD;
}

/* ---- the process ------------------------------------------------------------------------ */

static void
drain(struct process *p)
{
	struct daemon *d = p->daemon;

	sweeping_stop(d->sweeping);
	runner_stop(d->runner);
}

static bool
is_idle(struct process *p)
{
	struct daemon *d = p->daemon;

	return sweeping_ended(d->sweeping) && runner_idle(d->runner);
}

/* A sweep ends after the piece at hand, a job after its step, and not sooner. */
static bool
cut(struct process *p)
{
	runner_cut(((struct daemon *)p->daemon)->runner);
	return is_idle(p);
}

static void
halt(struct process *p)
{
	struct daemon *d = p->daemon;

	sweeping_free(d->sweeping);
	runner_cut(d->runner);
	runner_join(d->runner);
}

static void
release(struct process *p)
{
	struct daemon *d = p->daemon;

	runner_free(d->runner);
	reactor_watch_free(d->signals);
}

static void
beat_failed(struct process *p)
{
	(void)p;
	sweeping_be_patient();
}

static const struct process_kind kind = {
	.name = "worker",
	.program = "weir-worker",
	.signs_off = true,
	.beat_failed = beat_failed,
	.drain = drain,
	.is_idle = is_idle,
	.cut = cut,
	.halt = halt,
	.release = release,
};

/* The last word counts, even while an earlier one is under way. */
static void
reload(struct process *p)
{
	struct daemon *d = p->daemon;
	struct conf *fresh;

	if (p->draining && d->fresh == NULL) /* it ends */
		return;
	if (conf_load(d->conf_path, &fresh) != OK) {
		LOG(INFO, "reload", LS("outcome", "refused"));
		return;
	}
	LOG(INFO, "reload", LS("outcome", "done"));
	conf_free(d->fresh);
	d->fresh = fresh;
	process_drain(p);
}

static void
end(struct process *p)
{
	struct daemon *d = p->daemon;

	conf_free(d->fresh); /* of a reload that is under way */
	d->fresh = NULL;
	process_drain(p);
}

static void
on_signal(void *process, int fd, unsigned events)
{
	struct signalfd_siginfo got;

	(void)events;
	if (read(fd, &got, sizeof(got)) != sizeof(got))
		return;
	if (got.ssi_signo == SIGHUP)
		reload(process);
	else
		end(process);
}

/* One process by one configuration. */
static void
run_process(struct daemon *d, const struct conf *conf)
{
	struct process *p;

	start_log(conf);
	p = process_new(conf, &kind);
	p->daemon = d;
	d->signals = reactor_watch_new(p->reactor, d->signal_fd, WATCH_READ, on_signal, p);
	LOG(INFO, "started", LS("id", p->id));
	process_start(p, (int)conf->worker_threads);
	d->sweeping = sweeping_start(p);
	d->runner = runner_start(p);
	process_run(p);
	process_free(p);
}

static int
run_forever(const struct options *o, const sigset_t *handled, struct conf **conf)
{
	struct daemon d = { .conf_path = o->conf_path, .fresh = *conf };

	if ((d.signal_fd = signalfd(-1, handled, SFD_CLOEXEC | SFD_NONBLOCK)) < 0) {
		LOG(ERROR, "start_failed", LS("error", strerror(errno)));
		return EXIT_FAILURE;
	}
	while (d.fresh != NULL) {
		struct conf *before = *conf;

		*conf = d.fresh;
		d.fresh = NULL;
		if (before != *conf)
			conf_free(before);
		run_process(&d, *conf);
	}
	close(d.signal_fd);
	return EXIT_SUCCESS;
}

/* ---- start ---------------------------------------------------------------------------- */

static void
print_help(FILE *to)
{
	fputs("usage: weir-worker [-c FILE] [--once]\n\n"
	      "Background work of Weir: settles what dead processes left, expires holds,\n"
	      "removes what has served its time, sends mail and does all other jobs.\n\n"
	      "  -c FILE  configuration, default " CONF_DEFAULT_PATH "\n"
	      "  --once   do each sweep once and end: no jobs\n"
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
	struct conf *conf;
	sigset_t handled;
	int rc = read_options(&o, argc, argv);

	if (rc >= 0)
		return rc;
	block_signals(&handled);
	kinds_register(kinds_all());
	jobs_register(house_jobs, house_schedules);
	if (conf_load(o.conf_path, &conf) != OK)
		return EXIT_CONFIG;
	start_log(conf);
	if (database_fits(conf, o.once))
		rc = o.once ? sweep_once(conf) : run_forever(&o, &handled, &conf);
	else
		rc = stopping() ? EXIT_SUCCESS : EXIT_CONFIG;
	conf_free(conf);
	return rc;
}
