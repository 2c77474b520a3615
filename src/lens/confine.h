/*
 * What a process that reads strangers' files may do: read the system's own files and the file it was given, write to
 * what is open, start the system's programs; no other files, no network, nothing that changes the system.  It and all
 * it starts are bound by it for good.  weir-parse, which starts nothing, has a room with fewer doors (parse/sandbox.h).
 */
#ifndef WEIR_LENS_CONFINE_H
#define WEIR_LENS_CONFINE_H

#include <stdbool.h>

/* Bind this process: no new privileges, Landlock, seccomp.  It may read `file` (a descriptor) by any of its names.  A
 * kernel without Landlock is told of on standard error, and does without.  False: it is not bound, and must not go on;
 * standard error says why.  Call it while there is one thread. */
bool confine(int file);

/* Bounds of this process from now on, and of each it starts. */
struct confine_limits {
	unsigned cpu_s;			  /* of the processor */
	unsigned long long memory_bytes;  /* of address space; 0: as it is */
	unsigned long long written_bytes; /* to any one file */
};
/* False: errno says why. */
bool confine_limit(const struct confine_limits *limits);

#endif
