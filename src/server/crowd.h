/*
 * What becomes of requests while every worker is busy.  As long as one is free it
 * finds them itself, and nothing of this has a part in it.
 *
 *	all busy ─► crowd_gather() ─► every few ms, until one is free: idle
 *		connections with a request ─► the process' queue, which is bounded
 *						└─ full ─► a thread that answers 503
 */
#ifndef WEIR_SERVER_CROWD_H
#define WEIR_SERVER_CROWD_H

struct crowd;
struct fcgi_server;
struct process;

/* For the requests `server` brings to `p`; starts the thread that refuses.
 * Main thread, before process_start(). */
struct crowd *crowd_new(struct process *p, struct fcgi_server *server);
/* The last idle worker went to work.  Worker. */
void crowd_gather(struct crowd *c);
/* Refuse what is still to be refused and end the thread.  Main thread, when the reactor has ended. */
void crowd_end(struct crowd *c);
/* After crowd_end().  Main thread. */
void crowd_free(struct crowd *c);

#endif
