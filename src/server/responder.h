/*
 * One responder process: a reactor thread and its workers, from start to the
 * end of the drain.
 */
#ifndef WEIR_SERVER_RESPONDER_H
#define WEIR_SERVER_RESPONDER_H

#include "base/conf.h"

struct scoreboard;

struct responder_options {
	const struct conf *conf;
	int listen_fd;		       /* a listening socket; the responder's from now on */
	struct scoreboard *scoreboard; /* scoreboard_join(scoreboard, slot, routes) */
	int slot;		       /* reserved by the master; -1: any */
	int ready_fd;		       /* write one byte and close when accepting; -1: nobody asks */
};

/* Serve until SIGTERM or SIGINT, drain within conf->server_drain_timeout,
 * return the exit status.  Main thread; called once. */
int responder_main(const struct responder_options *opt);

#endif
