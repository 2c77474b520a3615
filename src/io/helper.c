#include "io/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

#define LOOK_EVERY_MS 200
#define WAIT_MS 2
#define OUT_FD 3

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
	if (error == 0 && h->out >= 0)
		error = posix_spawn_file_actions_adddup2(files, h->out, OUT_FD);
	if (error == 0)
		error = posix_spawn_file_actions_addclosefrom_np(files, h->out >= 0 ? OUT_FD + 1 : OUT_FD);
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

struct heard {
	char *text;
	size_t len, size;
};

/* False: there will be no more. */
static bool
hear(int fd, struct heard *heard)
{
	char piece[1024];
	ssize_t n = read(fd, piece, sizeof(piece));
	size_t room = heard->size - 1 - heard->len;

	if (n < 0 && errno == EINTR)
		return true;
	if (n <= 0)
		return false;
	if ((size_t)n < room)
		room = (size_t)n;
	memcpy(heard->text + heard->len, piece, room);
	heard->len += room;
	heard->text[heard->len] = '\0';
	return true;
}

static bool
is_over(const struct helper *h, int64_t until_ms)
{
	return clock_mono_ms() >= until_ms || (h->stopping != NULL && h->stopping(h->arg));
}

/* Until both are closed; false: its time is over. */
static bool
listen_to(struct helper *h, const struct pipes *p, int64_t until_ms)
{
	struct heard heard[2] = { { h->said, 0, sizeof(h->said) }, { h->complained, 0, sizeof(h->complained) } };
	struct pollfd fds[2] = { { p->said[0], POLLIN, 0 }, { p->complained[0], POLLIN, 0 } };

	while (fds[0].fd >= 0 || fds[1].fd >= 0) {
		if (is_over(h, until_ms))
			return false;
		if (poll(fds, 2, LOOK_EVERY_MS) < 0 && errno != EINTR)
			return false;
		for (int i = 0; i < 2; i++)
			if (fds[i].fd >= 0 && fds[i].revents != 0 && !hear(fds[i].fd, &heard[i]))
				fds[i].fd = -1;
	}
	return true;
}

/* What has closed its output is about to end.  It is left to be reaped: until then its number is its own. */
static bool
wait_for(struct helper *h, pid_t pid, int64_t until_ms)
{
	siginfo_t info = { 0 };

	while (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT | WNOHANG) != 0 || info.si_pid == 0) {
		if (is_over(h, until_ms))
			return false;
		poll(NULL, 0, WAIT_MS);
	}
	return true;
}

bool
helper_run(struct helper *h)
{
	int64_t until_ms = clock_mono_ms() + h->total_ms;
	struct pipes p;
	pid_t pid;
	int error, status = 0;

	h->said[0] = h->complained[0] = '\0';
	if (!open_pipes(&p))
		return false;
	error = spawn(h, &p, &pid);
	close(p.said[1]);
	close(p.complained[1]);
	if (error == 0) {
		h->was_late = !listen_to(h, &p, until_ms) || !wait_for(h, pid, until_ms);
		kill(-pid, SIGKILL); /* itself, when it is late, and what it left behind */
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
		}
		h->exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	}
	close(p.said[0]);
	close(p.complained[0]);
	errno = error;
	return error == 0;
}
