#include "server/pool.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "score/board.h"
#include "io/sockdiag.h"

#define BACKOFF_FIRST_MS 100
#define BACKOFF_MAX_MS 5000
/* A process that lived this long was well: the next crash starts from the first pause. */
#define WELL_AFTER_MS 10000
/* Time in which a new set must get ready. */
#define RELOAD_TIMEOUT_MS 30000
/* How much longer than drain_timeout a process may take: it gives itself ten
 * seconds to settle the turns it had to stop. */
#define KILL_AFTER_DRAIN_MS 12000
#define TICK_MS 1000

/* A process and its place on the scoreboard. */
struct child {
	pid_t pid; /* 0: none */
	int slot;
	int ready_fd;	  /* -1: it has told, or nobody listens any more */
	bool ready, fits; /* fits: and the database is right for it */
	int64_t started_ms;
};

struct seat {
	struct child child;
	int64_t start_at_ms; /* when to start the next one; while child.pid is 0 */
	int64_t backoff_ms;  /* the next pause */
};

struct leaver {
	struct child child;
	int64_t kill_at_ms;
};

struct pool {
	const struct pool_options *opt;
	struct conf *conf, *next_conf;
	struct seat *seats, *next; /* next: the set that a reload is starting; NULL: no reload */
	int n_seats, n_next;
	int program_fd, next_fd; /* the program of either set; -1: none */
	int64_t reload_deadline_ms;
	bool reload_again; /* SIGHUP came during a reload */
	struct leaver *leavers;
	int n_leavers;
	bool any_was_ready, stopping;
	bool admitted; /* some responder of the set found that the database fits */
	int exit_status;
	struct scoreboard_pool told;
};

static volatile sig_atomic_t got_hup, got_term, got_chld;

static void
on_signal(int signo)
{
	if (signo == SIGHUP)
		got_hup = 1;
	else if (signo == SIGCHLD)
		got_chld = 1;
	else
		got_term = 1;
}

/* Block our signals but while waiting; `waiting` gets the mask for that. */
static void
catch_signals(sigset_t *waiting)
{
	static const int signals[] = { SIGHUP, SIGTERM, SIGINT, SIGCHLD };
	struct sigaction sa = { .sa_handler = on_signal };
	sigset_t block;

	sigemptyset(&block);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		sigaction(signals[i], &sa, NULL);
		sigaddset(&block, signals[i]);
	}
	sigprocmask(SIG_BLOCK, &block, waiting);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigdelset(waiting, signals[i]);
}

static void *
grow(void *old, size_t count, size_t size)
{
	return xrealloc(old, (count > 0 ? count : 1) * size);
}

/* ---- one child ---- */

static int
processes_wanted(const struct pool *p, const struct conf *conf)
{
	return p->opt->processes > 0 ? p->opt->processes : (int)conf->server_processes;
}

/* In the child: become the responder, or exit 127.  Only async-signal-safe
 * calls and memory prepared before. */
static _Noreturn void
become_responder(const struct pool *p, int program_fd, pid_t master, int board_fd, int ready_fd, char *const argv[])
{
	sigset_t none;

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != master)
		_exit(0);
	fcntl(board_fd, F_SETFD, 0);
	fcntl(ready_fd, F_SETFD, 0);
	if (p->opt->listener->fd != STDIN_FILENO)
		dup2(p->opt->listener->fd, STDIN_FILENO);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	fexecve(program_fd, argv, environ);
	_exit(127);
}

/* The program of a set.  -1 when it cannot be opened. */
static int
open_program(const char *path)
{
	int fd = open(path, O_PATH | O_CLOEXEC);

	if (fd < 0)
		LOG(ERROR, "pool_program", LS("path", path), LS("why", strerror(errno)));
	return fd;
}

/* Start a process in *c.  False when the system has none to give. */
static bool
start_child(struct pool *p, struct child *c, int program_fd, enum pool_entry entry)
{
	int ready[2], board_fd = scoreboard_fd(p->opt->board);
	char told[64];
	pid_t master = getpid();
	char with_conf[] = "-c", as_responder[] = "--responder"; /* execv() wants them writable */
	char *argv[] = { (char *)p->opt->program, with_conf, (char *)p->opt->conf_path, as_responder, told, NULL };
	char *argv_default[] = { (char *)p->opt->program, as_responder, told, NULL };

	if (pipe2(ready, O_CLOEXEC | O_NONBLOCK) != 0) {
		LOG(ERROR, "pool_start_failed", LS("why", strerror(errno)));
		return false;
	}
	*c = (struct child){
		.slot = scoreboard_reserve(p->opt->board), .ready_fd = ready[0], .started_ms = clock_mono_ms()
	};
	snprintf(told, sizeof(told), "%d,%d,%d,%d", c->slot, board_fd, ready[1], (int)entry);
	c->pid = fork();
	if (c->pid == 0)
		become_responder(
		    p, program_fd, master, board_fd, ready[1], p->opt->conf_path != NULL ? argv : argv_default);
	close(ready[1]);
	if (c->pid < 0) {
		LOG(ERROR, "pool_start_failed", LS("why", strerror(errno)));
		close(ready[0]);
		scoreboard_retire(p->opt->board, c->slot);
		*c = (struct child){ .ready_fd = -1, .slot = -1 };
		return false;
	}
	if (c->slot >= 0)
		scoreboard_assign(p->opt->board, c->slot, c->pid);
	return true;
}

static void
close_program(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void
close_ready(struct child *c)
{
	if (c->ready_fd >= 0)
		close(c->ready_fd);
	c->ready_fd = -1;
}

/* The process is gone: its counters stay. */
static void
bury(struct pool *p, struct child *c)
{
	close_ready(c);
	scoreboard_retire(p->opt->board, c->slot);
	c->pid = 0;
}

/* Ask a process to drain; it is a leaver from now on. */
static void
send_away(struct pool *p, struct child *c, int64_t drain_ms)
{
	if (c->pid == 0)
		return;
	close_ready(c);
	kill(c->pid, SIGTERM);
	p->leavers = grow(p->leavers, (size_t)p->n_leavers + 1, sizeof(*p->leavers));
	p->leavers[p->n_leavers++] = (struct leaver){ .child = *c,
		.kill_at_ms = clock_mono_ms() + drain_ms + KILL_AFTER_DRAIN_MS };
	c->pid = 0;
}

/* ---- sets of seats ---- */

static void
start_seat(struct pool *p, struct seat *s, int program_fd, enum pool_entry entry)
{
	if (start_child(p, &s->child, program_fd, entry))
		return;
	s->backoff_ms = s->backoff_ms > 0 ? s->backoff_ms : BACKOFF_FIRST_MS;
	s->start_at_ms = clock_mono_ms() + s->backoff_ms;
}

static struct seat *
new_seats(struct pool *p, int n, int program_fd, enum pool_entry entry)
{
	struct seat *seats = xcalloc((size_t)n, sizeof(*seats));

	for (int i = 0; i < n; i++) {
		seats[i].child.ready_fd = -1;
		start_seat(p, &seats[i], program_fd, entry);
	}
	return seats;
}

static void
tell(struct pool *p)
{
	p->told.master = p->stopping && p->n_leavers == 0 ? 0 : getpid();
	p->told.processes = p->n_seats;
	scoreboard_set_pool(p->opt->board, &p->told);
}

/* ---- reload ---- */

static void
drop_reload(struct pool *p, const char *why)
{
	LOG(ERROR, "pool_reload_failed", LS("why", why));
	for (int i = 0; i < p->n_next; i++)
		send_away(p, &p->next[i].child, 0);
	free(p->next);
	p->next = NULL;
	p->n_next = 0;
	conf_free(p->next_conf);
	p->next_conf = NULL;
	close_program(&p->next_fd);
	p->told.reloads_failed++;
}

static void
begin_reload(struct pool *p)
{
	if (p->next != NULL) {
		p->reload_again = true;
		return;
	}
	if (conf_load(p->opt->conf_path, &p->next_conf) != OK) {
		p->next_conf = NULL;
		LOG(ERROR, "pool_reload_failed", LS("why", "the configuration has errors; the old processes go on"));
		p->told.reloads_failed++;
		return;
	}
	if ((p->next_fd = open_program(p->opt->program)) < 0) {
		drop_reload(p, "the program cannot be opened; the old processes go on");
		return;
	}
	p->n_next = processes_wanted(p, p->next_conf);
	LOG(INFO, "pool_reload", LI("processes", p->n_next));
	p->reload_deadline_ms = clock_mono_ms() + RELOAD_TIMEOUT_MS;
	p->next = new_seats(p, p->n_next, p->next_fd, POOL_ENTRY_CHECK);
}

/* Every new process is ready: the old ones drain. */
static void
finish_reload(struct pool *p)
{
	for (int i = 0; i < p->n_seats; i++)
		send_away(p, &p->seats[i].child, p->conf->server_drain_timeout);
	p->admitted = false;
	for (int i = 0; i < p->n_next; i++)
		p->admitted |= p->next[i].child.fits;
	free(p->seats);
	conf_free(p->conf);
	p->seats = p->next;
	p->n_seats = p->n_next;
	p->conf = p->next_conf;
	close_program(&p->program_fd);
	p->program_fd = p->next_fd;
	p->next_fd = -1;
	p->next = NULL;
	p->n_next = 0;
	p->next_conf = NULL;
	p->told.reloads++;
	LOG(INFO, "pool_reloaded", LI("processes", p->n_seats), LI("draining", p->n_leavers));
}

static void
check_reload(struct pool *p)
{
	int ready = 0;

	for (int i = 0; i < p->n_next; i++)
		ready += p->next[i].child.ready;
	if (p->next != NULL && ready == p->n_next)
		finish_reload(p);
	else if (p->next != NULL && clock_mono_ms() >= p->reload_deadline_ms)
		drop_reload(p, "the new processes did not get ready in time; the old ones go on");
	if (p->next == NULL && p->reload_again && !p->stopping) {
		p->reload_again = false;
		begin_reload(p);
	}
}

/* ---- deaths ---- */

static void
log_death(const char *event, const struct child *c, int status)
{
	LOG(WARN, event, LI("child", c->pid), LI("exit_status", WIFEXITED(status) ? WEXITSTATUS(status) : -1),
	    LI("signal", WIFSIGNALED(status) ? WTERMSIG(status) : 0), LI("lived_ms", clock_mono_ms() - c->started_ms));
}

/* A seat lost its process: when does the next one start? */
static void
plan_restart(struct seat *s, int status)
{
	int64_t now = clock_mono_ms();
	bool killed = WIFSIGNALED(status) && (WTERMSIG(status) == SIGKILL || WTERMSIG(status) == SIGTERM);
	bool asked = WIFEXITED(status) && WEXITSTATUS(status) == 0;

	/* killed from outside (or out of memory) while it worked: not its fault */
	if (s->child.ready && (killed || asked)) {
		s->backoff_ms = 0;
	} else if (s->child.ready && now - s->child.started_ms >= WELL_AFTER_MS) {
		s->backoff_ms = BACKOFF_FIRST_MS;
	} else {
		s->backoff_ms = s->backoff_ms == 0 ? BACKOFF_FIRST_MS : 2 * s->backoff_ms;
		if (s->backoff_ms > BACKOFF_MAX_MS)
			s->backoff_ms = BACKOFF_MAX_MS;
	}
	s->start_at_ms = now + s->backoff_ms;
}

static void
on_seat_death(struct pool *p, struct seat *s, int status)
{
	log_death("responder_died", &s->child, status);
	plan_restart(s, status);
	bury(p, &s->child);
	if (!p->any_was_ready && WIFEXITED(status) && WEXITSTATUS(status) == POOL_EXIT_CONFIG) {
		LOG(ERROR, "pool_gives_up", LS("why", "the responders refuse this configuration"));
		p->exit_status = POOL_EXIT_CONFIG;
		got_term = 1;
	}
}

static struct seat *
seat_of(struct seat *seats, int n, pid_t pid)
{
	for (int i = 0; i < n; i++)
		if (seats[i].child.pid == pid)
			return &seats[i];
	return NULL;
}

static void
on_death(struct pool *p, pid_t pid, int status)
{
	struct seat *s;

	if ((s = seat_of(p->seats, p->n_seats, pid)) != NULL) {
		on_seat_death(p, s, status);
		return;
	}
	if ((s = seat_of(p->next, p->n_next, pid)) != NULL) {
		log_death("responder_died", &s->child, status);
		bury(p, &s->child);
		drop_reload(p,
		    WIFEXITED(status) && WEXITSTATUS(status) == POOL_EXIT_CONFIG
			? "a new process refused the configuration or the database, for the reason it gave on "
			  "standard error; the old ones go on"
			: "a new process died before it was ready; the old ones go on");
		return;
	}
	for (int i = 0; i < p->n_leavers; i++)
		if (p->leavers[i].child.pid == pid) {
			bury(p, &p->leavers[i].child);
			p->leavers[i] = p->leavers[--p->n_leavers];
			return;
		}
}

static void
reap(struct pool *p)
{
	pid_t pid;
	int status;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		on_death(p, pid, status);
}

/* ---- time ---- */

static int64_t
earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Start seats whose pause is over, kill leavers whose time is; returns when to
 * look again at the latest. */
static int64_t
run_timers(struct pool *p)
{
	int64_t now = clock_mono_ms(), next = now + TICK_MS;

	for (int i = 0; i < p->n_seats && !p->stopping; i++) {
		struct seat *s = &p->seats[i];

		if (s->child.pid == 0 && s->start_at_ms <= now) {
			p->told.respawns++;
			start_seat(p, s, p->program_fd, p->admitted ? POOL_ENTRY_ADMITTED : POOL_ENTRY_WAIT);
		}
		if (s->child.pid == 0)
			next = earlier(next, s->start_at_ms);
	}
	for (int i = 0; i < p->n_leavers; i++) {
		struct leaver *l = &p->leavers[i];

		if (l->kill_at_ms <= now) {
			LOG(WARN, "responder_killed", LI("child", l->child.pid), LS("why", "it did not drain in time"));
			kill(l->child.pid, SIGKILL);
			l->kill_at_ms = INT64_MAX;
		}
		next = earlier(next, l->kill_at_ms);
	}
	if (p->next != NULL)
		next = earlier(next, p->reload_deadline_ms);
	return next;
}

/* What the kernel tells of the listening socket's queue. */
static void
look_at_queue(struct pool *p)
{
	int64_t waiting, backlog;

	if (!sockdiag_listen_queue(p->told.listen_inode, &waiting, &backlog))
		return;
	p->told.listen_queue = waiting;
	p->told.listen_backlog = backlog;
	if (waiting > p->told.listen_queue_max)
		p->told.listen_queue_max = waiting;
}

static void
begin_stop(struct pool *p)
{
	if (p->stopping)
		return;
	p->stopping = true;
	LOG(INFO, "pool_draining", LI("timeout_ms", p->conf->server_drain_timeout));
	listen_unlink(p->opt->listener);
	for (int i = 0; i < p->n_next; i++)
		send_away(p, &p->next[i].child, 0);
	for (int i = 0; i < p->n_seats; i++)
		send_away(p, &p->seats[i].child, p->conf->server_drain_timeout);
	free(p->next);
	p->next = NULL;
	p->n_next = 0;
}

/* ---- the loop ---- */

/* Read what children say on their ready pipes. */
static void
read_ready(struct pool *p, struct seat *seats, int n)
{
	char byte;

	for (int i = 0; i < n; i++) {
		struct child *c = &seats[i].child;
		ssize_t got = c->ready_fd < 0 ? -1 : read(c->ready_fd, &byte, 1);

		if (got < 0)
			continue;
		close_ready(c); /* at end of file without a byte: its death will be told */
		c->ready = got == 1;
		c->fits = c->ready && byte == '1';
		p->any_was_ready |= c->ready;
		p->admitted |= c->fits && seats == p->seats;
		if (c->ready)
			LOG(INFO, "responder_ready", LI("child", c->pid),
			    LI("after_ms", clock_mono_ms() - c->started_ms));
	}
}

static void
wait_for_something(struct pool *p, int64_t until_ms, const sigset_t *mask)
{
	int64_t left = until_ms - clock_mono_ms();
	struct timespec t = { .tv_sec = left > 0 ? left / 1000 : 0, .tv_nsec = left > 0 ? left % 1000 * 1000000 : 0 };
	struct pollfd *fds = grow(NULL, (size_t)(p->n_seats + p->n_next), sizeof(*fds));
	nfds_t n = 0;

	for (int i = 0; i < p->n_seats; i++)
		if (p->seats[i].child.ready_fd >= 0)
			fds[n++] = (struct pollfd){ .fd = p->seats[i].child.ready_fd, .events = POLLIN };
	for (int i = 0; i < p->n_next; i++)
		if (p->next[i].child.ready_fd >= 0)
			fds[n++] = (struct pollfd){ .fd = p->next[i].child.ready_fd, .events = POLLIN };
	ppoll(fds, n, &t, mask);
	free(fds);
}

/* Everything that may have happened since the last look. */
static void
handle_events(struct pool *p)
{
	if (got_chld) {
		got_chld = 0;
		/* who was ready and died at once was ready */
		read_ready(p, p->seats, p->n_seats);
		read_ready(p, p->next, p->n_next);
		reap(p);
	}
	read_ready(p, p->seats, p->n_seats);
	read_ready(p, p->next, p->n_next);
	if (got_term)
		begin_stop(p);
	if (got_hup && !p->stopping) {
		got_hup = 0;
		begin_reload(p);
	}
	check_reload(p);
}

int
pool_run(const struct pool_options *opt)
{
	struct pool p = { .opt = opt,
		.conf = opt->conf,
		.program_fd = open_program("/proc/self/exe"), /* ours, whatever is at its path by now */
		.next_fd = -1,
		.told = { .listen_queue = -1,
		    .listen_queue_max = -1,
		    .listen_backlog = -1,
		    .listen_inode = opt->listener->inode } };
	int64_t next_look_ms = 0;
	sigset_t waiting;

	catch_signals(&waiting);
	p.n_seats = processes_wanted(&p, p.conf);
	LOG(INFO, "pool_started", LI("processes", p.n_seats));
	p.seats = new_seats(&p, p.n_seats, p.program_fd, POOL_ENTRY_WAIT);
	while (!p.stopping || p.n_leavers > 0) {
		int64_t until = run_timers(&p);

		if (clock_mono_ms() >= next_look_ms) {
			look_at_queue(&p);
			next_look_ms = clock_mono_ms() + TICK_MS;
		}
		tell(&p);
		wait_for_something(&p, until, &waiting);
		handle_events(&p);
	}
	tell(&p);
	LOG(INFO, "pool_stopped", LI("respawns", p.told.respawns), LI("reloads", p.told.reloads));
	free(p.seats);
	free(p.leavers);
	close_program(&p.program_fd);
	close_program(&p.next_fd);
	conf_free(p.next_conf);
	conf_free(p.conf);
	return p.exit_status;
}
