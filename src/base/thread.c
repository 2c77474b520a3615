#include "base/thread.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

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
