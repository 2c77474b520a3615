#include "server/responder.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "account/key_use.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/queue.h"
#include "catalog/offer.h"
#include "chat/trial.h"
#include "core/process.h"
#include "engine/engine.h"
#include "engine/reap.h"
#include "house/jobs.h"
#include "house/kinds.h"
#include "house/wires.h"
#include "io/fcgi.h"
#include "io/pg.h"
#include "io/reactor.h"
#include "io/redis.h"
#include "limits/leases.h"
#include "ops/migrate.h"
#include "score/board.h"
#include "server/crowd.h"
#include "server/router.h"
#include "server/run_request.h"

#define HOUSEKEEPING_MS 1000

struct responder {
	struct process *process;
	struct fcgi_server *server;
	struct crowd *crowd;
	struct reactor_timer *housekeeping;
	uint64_t accepted_seen;
};

/* ---- what a worker does ----------------------------------------------------------- */

static void *
wait_for_request(struct process *p)
{
	return fcgi_take(((struct responder *)p->daemon)->server, true);
}

static void
serve(struct worker *w, void *conn)
{
	run_request(w, conn, clock_mono_us());
}

static void
wake_worker(void *process)
{
	fcgi_wake(((struct responder *)((struct process *)process)->daemon)->server);
}

static void
on_crowded(struct process *p)
{
	crowd_gather(((struct responder *)p->daemon)->crowd);
}

/* ---- gauges -------------------------------------------------------------------------- */

static int64_t
resident_bytes(void)
{
	char text[128];
	long long pages = 0;
	FILE *f = fopen("/proc/self/statm", "re");

	if (f != NULL) {
		if (fgets(text, sizeof(text), f) != NULL)
			sscanf(text, "%*s %lld", &pages);
		fclose(f);
	}
	return pages * sysconf(_SC_PAGESIZE);
}

/* Gauges that nobody counts as they change. */
static void
on_housekeeping(void *arg)
{
	struct responder *r = arg;
	struct process *p = r->process;
	uint64_t accepted = fcgi_server_accepted(r->server);

	score_add(p->score, SCORE_ACCEPTED, (int64_t)(accepted - r->accepted_seen));
	r->accepted_seen = accepted;
	score_set(p->score, SCORE_CONNECTIONS, (int64_t)fcgi_server_open(r->server));
	score_set(p->score, SCORE_QUEUE_LENGTH, (int64_t)queue_length(p->work));
	score_set(p->score, SCORE_REDIS_BREAKER, redis_breaker_state());
	score_set(p->score, SCORE_REDIS_FAILURES, (int64_t)redis_failures());
	score_set(p->score, SCORE_PG_RECONNECTS, (int64_t)pg_reconnects());
	score_set(p->score, SCORE_LOG_LOST, (int64_t)log_lost());
	score_set(p->score, SCORE_REACTOR_BUSY_US, (int64_t)reactor_busy_us(p->reactor));
	score_set(p->score, SCORE_RSS_BYTES, resident_bytes());
	reactor_timer_start(r->housekeeping, HOUSEKEEPING_MS);
}

/* ---- drain and stop ------------------------------------------------------------------ */

static void
drain(struct process *p)
{
	struct responder *r = p->daemon;

	LOG(INFO, "drain", LI("turns", engine_runs(p)), LI("connections", fcgi_server_open(r->server)));
	scoreboard_state(p->score, SLOT_DRAINING);
	fcgi_server_drain(r->server);
	key_uses_flush(p);
}

static bool
is_idle(struct process *p)
{
	struct responder *r = p->daemon;

	return engine_runs(p) == 0 && !engine_followed(p) && fcgi_server_open(r->server) == 0;
}

static bool
cut(struct process *p)
{
	bool trials_left;

	engine_stop_all(p);
	trials_left = trials_stop_all();
	return engine_runs(p) == 0 && !trials_left;
}

static void
halt(struct process *p)
{
	crowd_end(((struct responder *)p->daemon)->crowd);
}

static void
release(struct process *p)
{
	struct responder *r = p->daemon;

	reactor_timer_free(r->housekeeping);
	crowd_free(r->crowd);
	key_uses_free(p);
	leases_free(p);
	engine_free(p);
	fcgi_server_free(r->server);
	offers_free(p->offers);
	scoreboard_leave(p->score);
}

static const struct process_kind kind = {
	.name = "responder",
	.program = "weir-fcgi",
	.wait = wait_for_request,
	.serve = serve,
	.wake = wake_worker,
	.crowded = on_crowded,
	.drain = drain,
	.is_idle = is_idle,
	.cut = cut,
	.halt = halt,
	.release = release,
};

/* ---- start ----------------------------------------------------------------------------- */

static void
on_terminate(void *process)
{
	process_drain(process);
}

/* After FCGX_Init() in fcgi_server_new(), which takes SIGTERM for itself. */
static void
take_signals(struct process *p)
{
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a file too large for its limits is a failed write, not the end */
	reactor_on_signal(p->reactor, SIGTERM, on_terminate, p);
	reactor_on_signal(p->reactor, SIGINT, on_terminate, p);
	reactor_on_signal(
	    p->reactor, SIGUSR1, on_terminate, p); /* what multiwatch sends to stop, by FastCGI's custom */
}

static void
start(struct responder *r, const struct responder_options *opt)
{
	struct process *p = r->process;
	const struct conf *conf = opt->conf;

	p->daemon = r;
	p->routes = routes;
	p->offers = offers_new();
	p->score = scoreboard_join(opt->scoreboard, opt->slot, route_names);
	r->server = fcgi_server_new(p->reactor,
	    &(struct fcgi_options){ .listen_fd = opt->listen_fd,
		.max_connections = (size_t)conf->server_max_connections,
		.max_header_bytes = conf->server_max_header_bytes,
		.read_timeout_ms = conf->server_read_timeout,
		.send_timeout_ms = conf->server_send_timeout });
	take_signals(p);
	r->housekeeping = reactor_timer_new(p->reactor, on_housekeeping, r);
	r->crowd = crowd_new(p, r->server);
	engine_new(p);
	process_start(p, (int)conf->server_workers);
	on_housekeeping(r);
}

static void
tell_ready(const struct responder *r, const struct responder_options *opt)
{
	scoreboard_state(r->process->score, SLOT_READY);
	if (opt->ready_fd >= 0) {
		if (write(opt->ready_fd, migrate_admitted() ? "1" : "0", 1) != 1)
			LOG(WARN, "ready_unheard");
		close(opt->ready_fd);
	}
	LOG(INFO, "ready", LS("process", r->process->id), LI("workers", opt->conf->server_workers));
}

int
responder_main(const struct responder_options *opt)
{
	struct responder r = { .process = process_new(opt->conf, &kind) };

	wires_register(wires_all());
	kinds_register(kinds_all());
	jobs_register(house_jobs, house_schedules);
	/* the row in `processes` must be there before the first turn names it */
	if (process_register(r.process) != OK) {
		LOG(ERROR, "start_failed");
		process_free(r.process);
		return EXIT_FAILURE;
	}
	process_meet_redis(r.process);
	start(&r, opt);
	tell_ready(&r, opt);
	process_run(r.process);
	LOG(INFO, "stopped", LS("process", r.process->id));
	process_free(r.process);
	return EXIT_SUCCESS;
}
