#include "base/thread.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"

void
thread_start(pthread_t *thread, void *(*main)(void *arg), void *arg)
{
	sigset_t all, before;
	int rc;

	/* blocked before it exists: a thread inherits the mask */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(thread, NULL, main, arg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc != 0) {
		LOG(ERROR, "thread_failed", LS("error", strerror(rc)));
		abort();
	}
}

void
cond_init(pthread_cond_t *cond)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(cond, &attr);
	pthread_condattr_destroy(&attr);
}

void
cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t ms)
{
	struct timespec until = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	pthread_cond_timedwait(cond, lock, &until);
}
