/*
 * The pool's master: N responder processes on one listening socket.
 *
 *	start    spawn N, each in a seat of its own
 *	crash    a seat whose process died gets a new one: at once when it was
 *		 killed from outside, else after 100 ms doubling to 5 s
 *	SIGHUP   spawn a whole new set first; when every one of it is ready, tell
 *		 the old ones to drain.  A set that does not get ready (broken
 *		 configuration, missing migration) is dropped, the old one stays
 *	SIGTERM  tell all to drain (SIGINT too)
 *	drain	 SIGTERM, and SIGKILL after drain_timeout + 12 s
 *
 * A responder is the program executed anew, with the listening socket as its
 * descriptor 0: so a reload runs an upgraded program and reads the changed
 * configuration, while the master itself, which holds nothing but the socket,
 * the scoreboard and pids, goes on.  (A new master comes with a restart; the
 * systemd socket unit keeps connections waiting meanwhile.)
 *
 * The child is called as
 *
 *	PROGRAM -c FILE --responder SLOT,BOARD_FD,READY_FD,ENTRY
 *
 * and writes one byte to READY_FD when it accepts: '1', or '0' when the database
 * could not be asked whether it fits.  It gets SIGTERM when the
 * master dies, so that no process is left behind.  The master may be of an
 * earlier release than the program: what it says may be added to, not changed.
 *
 * The responders of one start or reload are a set: they run one program, which
 * the master holds open, so that an upgraded one on disk waits for the next
 * reload, and ENTRY has the database asked once, when the set starts.  A crash
 * between `apt install` and `weirctl migrate up` is made good like any other.
 */
#ifndef WEIR_SERVER_POOL_H
#define WEIR_SERVER_POOL_H

#include "base/conf.h"
#include "server/listen.h"

struct scoreboard;

/* A responder that ends with this status before any was ready will not do
 * better when asked again (sysexits.h EX_CONFIG): the pool gives up. */
#define POOL_EXIT_CONFIG 78

/* What a responder asks of the database's schema before it accepts (the rule is in ops/migrate.h). */
enum pool_entry {
	POOL_ENTRY_CHECK,    /* it fits, or refuse: a reload, or no pool */
	POOL_ENTRY_WAIT,     /* wait until it fits: a pool's start, with nobody to go on meanwhile */
	POOL_ENTRY_ADMITTED, /* nothing: its set serves, this one takes the place of one that died */
};

struct pool_options {
	struct conf *conf;	   /* taken; replaced on reload */
	const char *conf_path;	   /* for the children and reloads; NULL: the default */
	const char *program;	   /* absolute path of the program, looked up again on reload */
	int processes;		   /* 0: conf->server_processes, read again on reload */
	struct listener *listener; /* unlinked when the drain begins */
	struct scoreboard *board;
};

/* Run until SIGTERM or SIGINT; returns the exit status.  Main thread, before
 * any other was started. */
int pool_run(const struct pool_options *opt);

#endif
