/*
 * The load itself: one thread, one epoll, many connections.
 *
 * Closed loop (rate 0): each of `connections` sends its next request when the
 * last one has ended. Open loop: request k is due at start + k/rate whether or
 * not earlier ones have ended; it goes out on a free connection, and its times
 * count from when it was due, so that a server that falls behind cannot hide
 * the wait (coordinated omission).
 */
#ifndef WEIR_BENCH_CLIENT_H
#define WEIR_BENCH_CLIENT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "load/hist.h"
#include "load/target.h"

struct plan {
	struct sockaddr_storage address;
	socklen_t address_len;
	struct targets targets;
	size_t connections;
	double rate;			      /* requests per second; 0: closed loop */
	uint64_t max_requests;		      /* 0: no bound but the time */
	bool keep;			      /* use connections again */
	int64_t ramp_ns;		      /* closed loop: first requests are spread over this */
	int64_t warmup_ns;		      /* requests due before are not measured */
	int64_t duration_ns;		      /* requests are due until then */
	int64_t drain_ns;		      /* then open ones may take this long to end */
	int64_t timeout_ns;		      /* of one request */
	int64_t chunks_from_ns, chunks_to_ns; /* deltas that arrive then, from the start, are measured */
};

#define ERROR_KINDS 32

struct outcome {
	/* of requests due after the warm-up */
	uint64_t requests, ok;
	struct hist first_content, completion, lateness; /* from the due time; lateness: to the first byte sent */
	struct hist added;				 /* deltas: arrival minus the time they carry */
	struct {
		char kind[80];
		uint64_t n;
	} errors[ERROR_KINDS];
	/* of the whole run */
	uint64_t ended, completed_in_window, deltas, body_bytes, connects, resends, unsent;
	size_t active, peak_active;
	double window_s; /* warm-up to end */
};

/* Run the plan; *out is zeroed first. False when the system refuses the basics. */
bool client_run(const struct plan *plan, struct outcome *out);

#endif
