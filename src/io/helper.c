#include "io/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

#define LOOK_EVERY_MS 100
#define WAIT_MS 1
#define LEAVE_MS 1000 /* from the end of what it writes to its own */
#define FILE_FD 3

bool
helper_find(const char *name, char *path, unsigned size)
{
	char self[512];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (len > 0) {
		self[len] = '\0';
		if ((slash = strrchr(self, '/')) != NULL) {
			*slash = '\0';
			if (snprintf(path, size, "%s/%s", self, name) < (int)size && access(path, X_OK) == 0)
				return true;
		}
	}
	return snprintf(path, size, "%s/%s", WEIR_LIBEXECDIR, name) < (int)size && access(path, X_OK) == 0;
}

/* ---- starting ---------------------------------------------------------------------- */

struct pipes {
	int said[2], complained[2];
};

static bool
open_pipes(struct pipes *p)
{
	if (pipe2(p->said, O_CLOEXEC) != 0)
		return false;
	if (pipe2(p->complained, O_CLOEXEC) == 0)
		return true;
	close(p->said[0]);
	close(p->said[1]);
	return false;
}

/* Its descriptors, in this order: the last may take the number of one that is no longer needed. */
static int
set_files(posix_spawn_file_actions_t *files, const struct helper *h, const struct pipes *p)
{
	int error = h->in >= 0 ? posix_spawn_file_actions_adddup2(files, h->in, STDIN_FILENO)
			       : posix_spawn_file_actions_addopen(files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);

	if (error == 0)
		error = posix_spawn_file_actions_adddup2(files, p->said[1], STDOUT_FILENO);
	if (error == 0)
		error = posix_spawn_file_actions_adddup2(files, p->complained[1], STDERR_FILENO);
	if (error == 0 && h->file >= 0)
		error = posix_spawn_file_actions_adddup2(files, h->file, FILE_FD);
	if (error == 0)
		error = posix_spawn_file_actions_addclosefrom_np(files, h->file >= 0 ? FILE_FD + 1 : FILE_FD);
	return error;
}

/* Signals as at a program's start, and a group of its own, so that all of it can be killed. */
static int
set_signals(posix_spawnattr_t *attr)
{
	sigset_t none, all;
	int error;

	sigemptyset(&none);
	sigfillset(&all);
	error = posix_spawnattr_setsigmask(attr, &none);
	if (error == 0)
		error = posix_spawnattr_setsigdefault(attr, &all);
	if (error == 0)
		error = posix_spawnattr_setpgroup(attr, 0);
	if (error == 0)
		error = posix_spawnattr_setflags(
		    attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
	return error;
}

static int
spawn(const struct helper *h, const struct pipes *p, pid_t *pid)
{
	static char *const environment[] = { "PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8", NULL };
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	int error;

	if ((error = posix_spawn_file_actions_init(&files)) != 0)
		return error;
	if ((error = posix_spawnattr_init(&attr)) == 0) {
		if ((error = set_files(&files, h, p)) == 0 && (error = set_signals(&attr)) == 0)
			error = posix_spawn(pid, h->path, &files, &attr, (char *const *)h->argv, environment);
		posix_spawnattr_destroy(&attr);
	}
	posix_spawn_file_actions_destroy(&files);
	return error;
}

/* ---- listening ----------------------------------------------------------------------- */

/* What it writes, until both are closed. */
struct ears {
	struct helper *h;
	struct pollfd fds[2]; /* its standard output and error */
	struct buf complained;
};

/* Take what is there. */
static void
hear(struct ears *e, int which)
{
	struct buf *into = which == 0 ? e->h->said : &e->complained;
	char piece[65536];
	ssize_t n = read(e->fds[which].fd, piece, sizeof(piece));
	size_t room, take;

	if (n < 0 && errno == EINTR)
		return;
	if (n <= 0) {
		e->fds[which].fd = -1;
		return;
	}
	room = into->max_bytes - into->len;
	take = (size_t)n < room ? (size_t)n : room;
	buf_add(into, piece, take);
	if (which == 0 && take < (size_t)n)
		e->h->end = HELPER_SAID_TOO_MUCH;
}

/* Has somebody had enough? */
static bool
is_over(struct helper *h, int64_t until_ms)
{
	if (h->end == HELPER_ENDED && h->stopping != NULL && h->stopping(h->arg))
		h->end = HELPER_STOPPED;
	if (h->end == HELPER_ENDED && clock_mono_ms() >= until_ms)
		h->end = HELPER_LATE;
	return h->end != HELPER_ENDED;
}

static void
listen_to(struct ears *e, int64_t until_ms)
{
	while ((e->fds[0].fd >= 0 || e->fds[1].fd >= 0) && !is_over(e->h, until_ms)) {
		if (poll(e->fds, 2, LOOK_EVERY_MS) <= 0)
			continue;
		for (int i = 0; i < 2; i++)
			if (e->fds[i].fd >= 0 && e->fds[i].revents != 0)
				hear(e, i);
	}
}

/* What has closed its output is about to end; who stays is killed.  It is left to be reaped: until then its number is
 * its own. */
static void
wait_for(const struct helper *h, pid_t pid)
{
	int64_t until_ms = clock_mono_ms() + LEAVE_MS;
	siginfo_t info = { 0 };

	while (h->end == HELPER_ENDED && clock_mono_ms() < until_ms &&
	    (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT | WNOHANG) != 0 || info.si_pid == 0))
		poll(NULL, 0, WAIT_MS);
}

static void
reap(struct helper *h, pid_t pid)
{
	struct rusage used = { 0 };
	int status = 0;

	kill(-pid, SIGKILL); /* itself, when it is to go, and what it left behind */
	while (wait4(pid, &status, 0, &used) < 0 && errno == EINTR) {
	}
	h->exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	h->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	h->memory_bytes = used.ru_maxrss * 1024;
}

bool
helper_run(struct helper *h)
{
	int64_t until_ms = clock_mono_ms() + h->total_ms;
	struct pipes p;
	pid_t pid;
	int error;

	h->end = HELPER_ENDED;
	h->complained[0] = '\0';
	if (!open_pipes(&p))
		return false;
	error = spawn(h, &p, &pid);
	close(p.said[1]);
	close(p.complained[1]);
	if (error == 0) {
		struct ears e = { h, { { p.said[0], POLLIN, 0 }, { p.complained[0], POLLIN, 0 } },
			BUF_INIT(HELPER_COMPLAINED_BYTES - 1) };

		listen_to(&e, until_ms);
		wait_for(h, pid);
		reap(h, pid);
		memcpy(h->complained, buf_str(&e.complained), e.complained.len + 1);
		buf_free(&e.complained);
	}
	close(p.said[0]);
	close(p.complained[0]);
	errno = error;
	return error == 0;
}
