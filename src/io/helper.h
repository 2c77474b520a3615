/*
 * A program of ours in a process of its own, for what must not be done in this one: reading
 * strangers' files with decoders that may be broken into.
 */
#ifndef WEIR_IO_HELPER_H
#define WEIR_IO_HELPER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

#define HELPER_COMPLAINED_BYTES 512

/* How it ended: by itself, or killed because it took too long, because nobody wants it any more, because it
 * wrote more than it may. */
enum helper_end { HELPER_ENDED, HELPER_LATE, HELPER_STOPPED, HELPER_SAID_TOO_MUCH };

struct helper {
	const char *path;	 /* of the program */
	const char *const *argv; /* what it is told, its name first; the last NULL */
	int in;			 /* a descriptor for its standard input; negative: /dev/null */
	int file;		 /* another, which is its descriptor 3; negative: none.  It gets no more than these */
	int64_t total_ms;	 /* it is killed when it takes longer */
	bool (*stopping)(void *arg); /* asked every 100 ms; true: it is killed.  NULL: never */
	void *arg;
	struct buf *said; /* what it wrote to standard output, up to the buffer's cap; the caller's */

	enum helper_end end;
	int exit_status;			  /* negative: it was killed */
	int signal;				  /* that ended it; 0: none */
	long memory_bytes;			  /* when it had most */
	char complained[HELPER_COMPLAINED_BYTES]; /* what it wrote to standard error; more is left out */
};

/* Where a program of ours that others start is: beside the one that runs (in a build), or where it is installed.  In
 * `path`; false: in neither. */
bool helper_find(const char *name, char *path, unsigned size);
/* Run it and wait for its end, with all that it has started.  False: it did not start, errno says why.  Any thread
 * that may wait. */
bool helper_run(struct helper *h);

#endif
