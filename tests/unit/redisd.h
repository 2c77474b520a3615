/*
 * A private redis-server for a unit test: on a unix socket in a folder of its
 * own, killed with the test.
 *
 *	redisd_start("[limits]\nuser_tasks = 3\n");	conf is redisd_conf
 *	redisd_stop();
 */
#ifndef WEIR_TESTS_REDISD_H
#define WEIR_TESTS_REDISD_H

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/conf.h"
#include "base/log.h"
#include "io/reactor.h"
#include "io/redis.h"
#include "unit/patience.h"

static char redisd_folder[64];
static pid_t redisd_pid;
static struct conf *redisd_conf;

/* Asked without io/redis.c, whose breaker may be open. */
static inline bool
redisd_answers(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char pong[16] = "";
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	bool ok;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	ok = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 && write(fd, "PING\r\n", 6) == 6 &&
	    read(fd, pong, sizeof(pong) - 1) > 0 && strcmp(pong, "+PONG\r\n") == 0;
	close(fd);
	return ok;
}

/* Start the server in the folder; its data are gone when it was running before. */
static inline int
redisd_launch(void)
{
	char path[96];

	snprintf(path, sizeof(path), "%s/r.sock", redisd_folder);
	redisd_pid = fork();
	if (redisd_pid == 0) {
		int null = open("/dev/null", O_RDWR);

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(null, 0);
		dup2(null, 1);
		execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", path, "--save", "",
		    "--appendonly", "no", "--dir", redisd_folder, (char *)NULL);
		_exit(127);
	}
	for (int i = 0; i < 500; i++) {
		if (redisd_answers(path))
			return 0;
		pause_ms(10);
	}
	fprintf(stderr, "redis-server does not start\n");
	return -1;
}

static inline void
redisd_kill(void)
{
	if (redisd_pid > 0) {
		kill(redisd_pid, SIGKILL);
		waitpid(redisd_pid, NULL, 0);
	}
	redisd_pid = 0;
}

static inline void
redisd_freeze(void)
{
	int status;

	kill(redisd_pid, SIGSTOP);
	waitpid(redisd_pid, &status, WUNTRACED);
}

static inline void
redisd_thaw(void)
{
	kill(redisd_pid, SIGCONT);
}

/* Folder, configuration (with `extra` sections behind [redis]) and server. */
static inline int
redisd_start(const char *extra)
{
	char path[96];
	FILE *f;

	signal(SIGPIPE, SIG_IGN);
	log_init("test", LOG_ERROR + 1);
	snprintf(redisd_folder, sizeof(redisd_folder), "/tmp/weirt-XXXXXX");
	if (mkdtemp(redisd_folder) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/weir.conf", redisd_folder);
	if ((f = fopen(path, "w")) == NULL)
		return -1;
	fprintf(f, "[redis]\naddress = %s/r.sock\nbreaker_open = 300ms\n%s", redisd_folder, extra);
	fclose(f);
	if (conf_load(path, &redisd_conf) != OK)
		return -1;
	return redisd_launch();
}

static inline void
redisd_stop(void)
{
	char command[96];

	redisd_kill();
	conf_free(redisd_conf);
	snprintf(command, sizeof(command), "rm -rf %s", redisd_folder);
	if (strncmp(redisd_folder, "/tmp/weirt-", 11) == 0 && system(command) != 0)
		fprintf(stderr, "%s stays behind\n", redisd_folder);
}

/* ---- turning a reactor until something holds ----------------------------------- */

struct redisd_wait {
	struct reactor *reactor;
	struct reactor_timer *poll;
	bool (*holds)(void *);
	void *arg;
	int64_t until_ms;
};

static inline void
redisd_poll(void *arg)
{
	struct redisd_wait *w = arg;

	if ((w->holds != NULL && w->holds(w->arg)) || clock_mono_ms() >= w->until_ms)
		reactor_stop(w->reactor);
	else
		reactor_timer_start(w->poll, 2);
}

/* Run the loop until holds(arg), at most `ms`; NULL: just that long.  True when it holds. */
static inline bool
redisd_run(struct reactor *reactor, int ms, bool (*holds)(void *), void *arg)
{
	struct redisd_wait w = { reactor, NULL, holds, arg, clock_mono_ms() + ms };

	w.poll = reactor_timer_new(reactor, redisd_poll, &w);
	reactor_timer_start(w.poll, 0);
	reactor_run(reactor);
	reactor_timer_free(w.poll);
	return holds == NULL || holds(arg);
}

#endif
