/*
 * The scoreboard's layout in shared memory: the head, the slots, the pairs.  Private
 * to board.c (writing), file.c (the file), read.c (reading) and pairs.c.
 */
#ifndef WEIR_SCORE_LAYOUT_H
#define WEIR_SCORE_LAYOUT_H

#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>

#include "score/board.h"
#include "score/pairs.h"

#define NAME_BYTES sizeof(((struct score_route *)0)->name)
/* Rows of the route counters: the named routes, then these two. */
#define ROW_NONE SCORE_ROUTES_MAX
#define ROW_OTHER (SCORE_ROUTES_MAX + 1)
#define ROWS (SCORE_ROUTES_MAX + 2)
/* Seconds of the rings behind requests/s and tokens/s; more than a minute. */
#define RING_SECONDS 64
#define RATE_SECONDS 60
/* A slot reserved this long ago that no process ever took is free again. */
#define RESERVED_MAX_MS 60000
/* Between a process' state and nothing: it is being folded. */
#define SLOT_FOLDING 100

enum score_kind { COUNTER, GAUGE, PEAK, LEVEL };
extern const enum score_kind score_kinds[SCORE_COUNT];

typedef _Atomic int64_t cell;

struct cells_histogram {
	cell buckets[SCORE_BUCKETS], sum_us;
};

struct cells {
	cell values[SCORE_COUNT];
	struct cells_histogram first_token;
	struct cells_route {
		cell by_class[6];
		struct cells_histogram latency;
	} routes[ROWS];
};

enum ring { RING_REQUESTS, RING_TOKENS, RINGS };

struct slot {
	_Atomic int state, pid;
	cell born, reserved_ms, started_ms, last_request_ms;
	struct {
		cell second, n;
	} rings[RINGS][RING_SECONDS];
	struct cells cells;
};

struct head {
	char magic[8];
	uint64_t layout;
	uint32_t n_slots;
	int64_t started_ms;
	_Atomic int master;
	cell processes, respawns, reloads, reloads_failed;
	cell listen_queue, listen_queue_max, listen_backlog, listen_inode;
	_Atomic uint32_t n_routes;
	char routes[SCORE_ROUTES_MAX][NAME_BYTES];
	/* a reader that sees them differ has caught a fold half done */
	cell folds_begun, folds_done;
	struct cells departed;
};

struct scoreboard {
	int fd;
	bool writable;
	size_t bytes;
	struct head *head;
	struct slot *slots;
	struct pairs *pairs; /* after the slots */
};

struct scoreboard_slot {
	struct scoreboard *board;
	struct slot *slot;
	int n_routes;
	int16_t rows[]; /* the caller's route index to our row */
};

static inline int64_t
cell_get(const cell *c)
{
	return atomic_load_explicit(c, memory_order_relaxed);
}

static inline void
cell_set(cell *c, int64_t n)
{
	atomic_store_explicit(c, n, memory_order_relaxed);
}

/* Does the process with this pid and start time (0: unknown) exist? */
bool score_process_lives(pid_t pid, int64_t born);
/* Is the slot in use by a process that exists, or reserved a moment ago? */
bool score_slot_lives(const struct slot *s);

/* A lock between processes for a moment's work on the file; fcntl's, because
 * the processes of a pool share one open file, which flock() cannot tell apart. */
static inline bool
score_lock(int fd)
{
	return fcntl(fd, F_SETLKW, &(struct flock){ .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1 }) == 0;
}

static inline void
score_unlock(int fd)
{
	fcntl(fd, F_SETLK, &(struct flock){ .l_type = F_UNLCK, .l_whence = SEEK_SET, .l_len = 1 });
}

#endif
