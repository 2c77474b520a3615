/*
 * A piece of work for a worker thread: a request to serve, a stream to settle.
 * Embedded at the start of the object it is about; run once per push.
 */
#ifndef WEIR_CORE_WORK_H
#define WEIR_CORE_WORK_H

struct pg;
struct redis;

/* What a worker thread has. */
struct worker {
	struct process *process;
	struct pg *pg;
	struct redis *redis;
	int number;
};

struct work {
	void (*run)(struct work *job, struct worker *w); /* on a worker */
};

#endif
