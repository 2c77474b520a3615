/*
 * The scoreboard: what every process of a pool counts, in memory they share.
 *
 * It is one file (conf->server_scoreboard) or, when that cannot be made, an
 * unnamed memory file: a head, one slot per process, and what is known of channels
 * (score/pairs.h).  A process writes its own slot only; anybody may read them
 * all: /metrics, /status and weirctl (which maps the file read-only).  Processes
 * started one by one on the same configuration (multiwatch, mod_fcgid) share the
 * file as a pool does.
 *
 *	process->score = scoreboard_join(opt->scoreboard, opt->slot, routes);
 *	score_request(process->score, route - routes, 200, us);
 *
 * The counters of a process that ended are folded into the head, so that
 * totals never go backwards while any process of the pool lives.  Everything
 * is a relaxed atomic: no reader ever makes a writer wait.
 */
#ifndef WEIR_SCORE_BOARD_H
#define WEIR_SCORE_BOARD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/status.h"

struct scoreboard;	/* the mapped file, in this process */
struct scoreboard_slot; /* this process' place in it */

enum score {
#define SCORE(NAME, kind, unit, metric, help) SCORE_##NAME,
#include "score/score.def"
#undef SCORE
	SCORE_COUNT
};

/* Most routes that are told apart; more are counted together as "other". */
#define SCORE_ROUTES_MAX 384
/* What a request that matched no route is counted under. */
#define SCORE_NO_ROUTE (-1)
/* Upper bounds of the histograms' buckets; the last one is open. */
#define SCORE_BUCKETS 13
extern const int64_t score_request_buckets_us[SCORE_BUCKETS];
extern const int64_t score_first_token_buckets_us[SCORE_BUCKETS];

/* ---- counting: any thread; NULL slots are fine and count nothing ---- */

/* One request answered: `route_index` is its row in the table given to
 * scoreboard_join(), or SCORE_NO_ROUTE; `us` is the time from the first byte
 * read to the last byte of the answer made (a stream: until it opened). */
void score_request(struct scoreboard_slot *slot, int route_index, int http_status, int64_t us);
/* Add to a counter or gauge; n may be negative for a gauge. */
void score_add(struct scoreboard_slot *slot, enum score what, int64_t n);
/* Set a gauge, or a counter that is kept elsewhere (reactor_busy_us()). */
void score_set(struct scoreboard_slot *slot, enum score what, int64_t value);
/* Raise a peak to `value` if it is lower. */
void score_peak(struct scoreboard_slot *slot, enum score what, int64_t value);
/* Time from the arrival of a turn to its first content. */
void score_observe_first_token(struct scoreboard_slot *slot, int64_t us);

/* ---- life of a slot: the responder's main thread ---- */

/* Take `slot` (given by the pool's master), or any free one when it is -1, as
 * this process'.  `routes` are their names, NULL-terminated; it may be NULL.
 * NULL when the board is full: the process then counts nothing. */
struct scoreboard_slot *scoreboard_join(struct scoreboard *board, int slot, const char *const *routes);
enum slot_state { SLOT_FREE, SLOT_STARTING, SLOT_READY, SLOT_DRAINING };
/* Tell what this process is doing. */
void scoreboard_state(struct scoreboard_slot *slot, enum slot_state state);
/* Fold the counters of this process into the head and free the slot; the last
 * thing before exit.  NULL is fine. */
void scoreboard_leave(struct scoreboard_slot *slot);

/* ---- the board: main thread, before others start ---- */

/* Map the board at `path` with room for `slots` processes: the one that is
 * there when living processes of the same build use it, else a new one.  When
 * `path` is empty or cannot be written it is unnamed memory, and *why (may be
 * NULL) says why in English.  Never NULL: aborts when there is no memory. */
struct scoreboard *scoreboard_open(const char *path, unsigned slots, char why[256]);
/* Map the board behind `fd` that the master opened; takes over the
 * descriptor.  NULL when it is not a board of this build. */
struct scoreboard *scoreboard_attach(int fd);
/* Map `path` read-only, for weirctl.  NULL when it is no board of this build;
 * errno ESTALE then says that it belongs to another version. */
struct scoreboard *scoreboard_view(const char *path);
void scoreboard_close(struct scoreboard *board);
/* The descriptor to hand to a child; close-on-exec. */
int scoreboard_fd(const struct scoreboard *board);

/* For the master: reserve a slot for a child about to be started; -1: full. */
int scoreboard_reserve(struct scoreboard *board);
/* The child has this pid now. */
void scoreboard_assign(struct scoreboard *board, int slot, pid_t pid);
/* The child is gone: fold what it counted and free the slot. */
void scoreboard_retire(struct scoreboard *board, int slot);
/* Fold every slot whose process does not exist any more. */
void scoreboard_sweep(struct scoreboard *board);
/* What the master tells: pool size, restarts after a crash, reloads, and
 * what is known of the listening socket's queue (-1: unknown). */
struct scoreboard_pool {
	pid_t master; /* 0: no pool */
	int64_t processes, respawns, reloads, reloads_failed;
	int64_t listen_queue, listen_queue_max, listen_backlog;
	uint64_t listen_inode; /* of the listening socket, for sock_diag */
};
void scoreboard_set_pool(struct scoreboard *board, const struct scoreboard_pool *pool);

/* ---- reading ---- */

struct score_histogram {
	uint64_t buckets[SCORE_BUCKETS]; /* not cumulative */
	uint64_t sum_us, count;
};

struct score_route {
	char name[48];	      /* the handler's name, "h_tasks_get"; "none" and "other" for the rest */
	uint64_t by_class[6]; /* [2] is 2xx; [0] anything else */
	struct score_histogram latency;
};

struct score_process {
	int slot;
	pid_t pid;
	enum slot_state state;
	int64_t started_ms, last_request_ms; /* wall clock; 0: none yet */
	uint64_t requests;
	int64_t values[SCORE_COUNT];
};

/* Everything at one moment, summed.  About 60 KB: not for a small stack. */
struct score_snapshot {
	int64_t at_ms, started_ms; /* wall clock */
	struct scoreboard_pool pool;
	int64_t values[SCORE_COUNT];
	uint64_t requests, errors;	     /* all routes; errors: 5xx */
	double requests_per_s, tokens_per_s; /* over the last minute */
	struct score_histogram first_token;
	size_t n_routes, n_processes;
	struct score_route routes[SCORE_ROUTES_MAX + 2];
	struct score_process *processes; /* n_processes; freed by score_snapshot_free() */
};

/* Read the board.  Any thread.  The caller owns *out: score_snapshot_free(). */
struct score_snapshot *scoreboard_snapshot(struct scoreboard *board);
/* The same through a slot: for handlers.  NULL when the slot is NULL. */
struct score_snapshot *score_snapshot_of(struct scoreboard_slot *slot);
void score_snapshot_free(struct score_snapshot *s);

#endif
