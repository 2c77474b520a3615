/*
 * server -- weir-demo's listener, threads and what they share.
 *
 * Each thread runs an event loop of its own over the one listening socket; a
 * connection stays with the thread that accepted it. Threads share only the
 * options (constant), the counters (atomic), the attempts (locked) and the
 * log (one write(2) per line).
 */
#ifndef WEIR_DEMO_SERVER_H
#define WEIR_DEMO_SERVER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "demo/script.h"

struct event_base;
struct conn;

struct server_options {
	const char *listen;   /* ADDR:PORT, a path, or unix:PATH */
	unsigned threads;     /* event loops, at least 1 */
	const char *log_path; /* NULL: no request log */
	const char *api_key;  /* NULL: any or none is accepted */
	const char *words;    /* script applied to every request, or "" */
	bool is_quiet;	      /* print nothing when all is well */
};

/* What GET /demo/stats shows. */
struct server_stats {
	atomic_uint_fast64_t requests, streams, client_closed;
	atomic_int_fast64_t streams_open, streams_open_max, connections_open;
};

struct server {
	const struct server_options *options;
	struct server_stats stats;
	int listen_fd;
	int log_fd; /* -1: no request log */
};

/* One thread's loop. */
struct loop {
	struct server *server;
	struct event_base *base;
	struct conn *conns; /* doubly linked through conn.c */
	int wake_fd;	    /* eventfd: written to end the loop */
	pthread_t thread;
};

/* Listen, serve, and return the exit status after SIGTERM or SIGINT. Prints
 * the address to stdout once it accepts connections, unless quiet. */
int server_run(const struct server_options *options);

/* Should the next attempt named by key fail, when the first `fail` of them
 * have to? Counts the attempt; the one that may succeed starts over. Any
 * thread. */
bool attempts_must_fail(uint64_t key, uint32_t fail);

#endif
