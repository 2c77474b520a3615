/*
 * A room without doors for a program that reads what strangers send: from here on it can
 * compute, read what is open and what lies below /usr, and write to what is open.  No other
 * files, no new ones, no sockets, no processes, no signals to others.
 *
 * Four walls, each of which holds alone: resource limits, NO_NEW_PRIVS, Landlock
 * (landlock(7), Linux 5.13) and a seccomp filter that lists what may be called.
 */
#ifndef WEIR_PARSE_SANDBOX_H
#define WEIR_PARSE_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct sandbox {
	int fd_max;	     /* file descriptors above this one are closed */
	unsigned cpu_s;	     /* time it may compute; past it SIGXCPU ends it */
	unsigned wall_s;     /* time it may live; past it SIGALRM ends it */
	pid_t parent;	     /* dies with it; 0: with whichever process that is */
	size_t memory_bytes; /* address space; any under the sanitizers */
};

enum sandbox_walls { SANDBOX_FAILED, SANDBOX_PARTIAL, SANDBOX_FULL };

/*
 * Enter it, for good, with the whole process, which has one thread.  SANDBOX_PARTIAL:
 * this kernel has no Landlock, or it is turned off; files of others may then be read, as
 * far as the user may.  SANDBOX_FAILED: a wall could not be put up; *why says which.
 */
enum sandbox_walls sandbox_enter(const struct sandbox *s, const char **why);

#endif
