#include "score/board.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "score/layout.h"

const int64_t score_request_buckets_us[SCORE_BUCKETS] = { 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000,
	1000000, 2500000, 10000000, INT64_MAX };
const int64_t score_first_token_buckets_us[SCORE_BUCKETS] = { 10000, 25000, 50000, 100000, 250000, 500000, 1000000,
	2500000, 5000000, 10000000, 30000000, 60000000, INT64_MAX };

const enum score_kind score_kinds[SCORE_COUNT] = {
#define SCORE(NAME, kind, unit, metric, help) kind,
#include "score/score.def"
#undef SCORE
};

static void
add(cell *c, int64_t n)
{
	atomic_fetch_add_explicit(c, n, memory_order_relaxed);
}

static void
raise_to(cell *c, int64_t n)
{
	int64_t old = cell_get(c);

	while (
	    old < n && !atomic_compare_exchange_weak_explicit(c, &old, n, memory_order_relaxed, memory_order_relaxed))
		;
}

/* ---- counting ---- */

static void
ring_add(struct slot *s, enum ring ring, int64_t n)
{
	int64_t now = clock_mono_ms() / 1000;
	size_t i = (size_t)(now % RING_SECONDS);
	int64_t then = cell_get(&s->rings[ring][i].second);

	/* whoever wins the exchange starts the second afresh; what a loser adds
	 * at that very moment may be lost, which a rate can bear */
	if (then != now && atomic_compare_exchange_strong(&s->rings[ring][i].second, &then, now))
		cell_set(&s->rings[ring][i].n, 0);
	add(&s->rings[ring][i].n, n);
}

static void
observe(struct cells_histogram *h, const int64_t bounds_us[SCORE_BUCKETS], int64_t us)
{
	int i = 0;

	while (us > bounds_us[i])
		i++;
	add(&h->buckets[i], 1);
	add(&h->sum_us, us);
}

void
score_request(struct scoreboard_slot *slot, int route_index, int http_status, int64_t us)
{
	struct cells_route *row;
	int class = http_status / 100, n = ROW_NONE;

	if (slot == NULL)
		return;
	if (route_index >= 0)
		n = route_index < slot->n_routes ? slot->rows[route_index] : ROW_OTHER;
	row = &slot->slot->cells.routes[n];
	add(&row->by_class[class >= 1 && class <= 5 ? class : 0], 1);
	observe(&row->latency, score_request_buckets_us, us < 0 ? 0 : us);
	ring_add(slot->slot, RING_REQUESTS, 1);
	cell_set(&slot->slot->last_request_ms, clock_wall_ms());
}

void
score_add(struct scoreboard_slot *slot, enum score what, int64_t n)
{
	if (slot == NULL)
		return;
	add(&slot->slot->cells.values[what], n);
	if (what == SCORE_TOKENS_OUT)
		ring_add(slot->slot, RING_TOKENS, n);
}

void
score_set(struct scoreboard_slot *slot, enum score what, int64_t value)
{
	if (slot != NULL)
		cell_set(&slot->slot->cells.values[what], value);
}

void
score_peak(struct scoreboard_slot *slot, enum score what, int64_t value)
{
	if (slot != NULL)
		raise_to(&slot->slot->cells.values[what], value);
}

void
score_observe_first_token(struct scoreboard_slot *slot, int64_t us)
{
	if (slot != NULL)
		observe(&slot->slot->cells.first_token, score_first_token_buckets_us, us < 0 ? 0 : us);
}

/* ---- which processes live ---- */

/* Start time of a process in clock ticks since boot (proc(5), stat field 22),
 * which with the pid names it for good; 0 when it cannot be told. */
static int64_t
process_born(pid_t pid)
{
	char path[40], text[1024], *at;
	long long born = 0;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
		return 0;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	/* the name in parentheses may hold anything: count from its end */
	if ((at = strrchr(text, ')')) == NULL)
		return 0;
	for (int field = 2; field < 22 && at != NULL; field++)
		at = strchr(at + 1, ' ');
	if (at != NULL)
		born = strtoll(at, NULL, 10);
	return born;
}

bool
score_process_lives(pid_t pid, int64_t born)
{
	int64_t now_born;

	if (pid <= 0 || (kill(pid, 0) != 0 && errno == ESRCH))
		return false;
	now_born = process_born(pid);
	return now_born == 0 || born == 0 || now_born == born;
}

bool
score_slot_lives(const struct slot *s)
{
	pid_t pid = atomic_load(&s->pid);

	if (atomic_load(&s->state) == SLOT_FREE)
		return false;
	if (pid == 0)
		return clock_wall_ms() - cell_get(&s->reserved_ms) < RESERVED_MAX_MS;
	return score_process_lives(pid, cell_get(&s->born));
}

/* ---- folding ---- */

static void
fold_histogram(struct cells_histogram *to, struct cells_histogram *from)
{
	for (int i = 0; i < SCORE_BUCKETS; i++)
		add(&to->buckets[i], atomic_exchange(&from->buckets[i], 0));
	add(&to->sum_us, atomic_exchange(&from->sum_us, 0));
}

/* Move what is kept of `from` into `to` and leave `from` zero. */
static void
fold_cells(struct cells *to, struct cells *from)
{
	for (int i = 0; i < SCORE_COUNT; i++) {
		int64_t n = atomic_exchange(&from->values[i], 0);

		if (score_kinds[i] == COUNTER)
			add(&to->values[i], n);
		else if (score_kinds[i] == PEAK)
			raise_to(&to->values[i], n);
	}
	fold_histogram(&to->first_token, &from->first_token);
	for (int r = 0; r < ROWS; r++) {
		for (int i = 0; i < 6; i++)
			add(&to->routes[r].by_class[i], atomic_exchange(&from->routes[r].by_class[i], 0));
		fold_histogram(&to->routes[r].latency, &from->routes[r].latency);
	}
}

static void
fold_slot(struct scoreboard *board, struct slot *s)
{
	int state = atomic_load(&s->state);

	/* one folder per slot */
	if (state == SLOT_FREE || state == SLOT_FOLDING ||
	    !atomic_compare_exchange_strong(&s->state, &state, SLOT_FOLDING))
		return;
	atomic_fetch_add(&board->head->folds_begun, 1);
	fold_cells(&board->head->departed, &s->cells);
	seats_forget(&board->pairs->seats, (unsigned)(s - board->slots));
	memset(s->rings, 0, sizeof(s->rings));
	cell_set(&s->born, 0);
	cell_set(&s->started_ms, 0);
	cell_set(&s->last_request_ms, 0);
	atomic_store(&s->pid, 0);
	atomic_fetch_add(&board->head->folds_done, 1);
	atomic_store(&s->state, SLOT_FREE);
}

void
scoreboard_sweep(struct scoreboard *board)
{
	if (!board->writable)
		return;
	for (uint32_t i = 0; i < board->head->n_slots; i++)
		if (atomic_load(&board->slots[i].state) != SLOT_FREE && !score_slot_lives(&board->slots[i]))
			fold_slot(board, &board->slots[i]);
}

/* ---- slots ---- */

int
scoreboard_reserve(struct scoreboard *board)
{
	for (uint32_t i = 0; i < board->head->n_slots; i++) {
		int state = SLOT_FREE;

		cell_set(&board->slots[i].reserved_ms, clock_wall_ms());
		if (atomic_compare_exchange_strong(&board->slots[i].state, &state, SLOT_STARTING))
			return (int)i;
	}
	return -1;
}

void
scoreboard_assign(struct scoreboard *board, int slot, pid_t pid)
{
	struct slot *s = &board->slots[slot];

	cell_set(&s->born, process_born(pid));
	cell_set(&s->started_ms, clock_wall_ms());
	atomic_store(&s->pid, (int)pid);
}

void
scoreboard_retire(struct scoreboard *board, int slot)
{
	if (slot >= 0 && (uint32_t)slot < board->head->n_slots)
		fold_slot(board, &board->slots[slot]);
}

/* The row of a route's name, made when it is new; ROW_OTHER when there is no room. */
static int
row_of(struct head *h, const char *name)
{
	uint32_t n = atomic_load(&h->n_routes);

	for (uint32_t i = 0; i < n; i++)
		if (strncmp(h->routes[i], name, NAME_BYTES - 1) == 0)
			return (int)i;
	if (n >= SCORE_ROUTES_MAX)
		return ROW_OTHER;
	snprintf(h->routes[n], NAME_BYTES, "%s", name);
	atomic_store(&h->n_routes, n + 1);
	return (int)n;
}

struct scoreboard_slot *
scoreboard_join(struct scoreboard *board, int slot, const char *const *routes)
{
	struct scoreboard_slot *s;
	int n = 0;

	if (slot < 0) {
		scoreboard_sweep(board);
		slot = scoreboard_reserve(board);
	}
	if (slot < 0 || (uint32_t)slot >= board->head->n_slots)
		return NULL;
	while (routes != NULL && routes[n] != NULL)
		n++;
	s = xcalloc(1, sizeof(*s) + (size_t)n * sizeof(s->rows[0]));
	s->board = board;
	s->slot = &board->slots[slot];
	s->n_routes = n;
	/* names are added by one process at a time */
	while (!score_lock(board->fd) && errno == EINTR)
		;
	for (int i = 0; i < n; i++)
		s->rows[i] = (int16_t)row_of(board->head, routes[i]);
	score_unlock(board->fd);
	scoreboard_assign(board, slot, getpid());
	return s;
}

void
scoreboard_state(struct scoreboard_slot *slot, enum slot_state state)
{
	if (slot != NULL)
		atomic_store(&slot->slot->state, (int)state);
}

void
scoreboard_leave(struct scoreboard_slot *slot)
{
	if (slot == NULL)
		return;
	fold_slot(slot->board, slot->slot);
	free(slot);
}

void
scoreboard_set_pool(struct scoreboard *board, const struct scoreboard_pool *pool)
{
	struct head *h = board->head;

	atomic_store(&h->master, (int)pool->master);
	cell_set(&h->processes, pool->processes);
	cell_set(&h->respawns, pool->respawns);
	cell_set(&h->reloads, pool->reloads);
	cell_set(&h->reloads_failed, pool->reloads_failed);
	cell_set(&h->listen_queue, pool->listen_queue);
	cell_set(&h->listen_queue_max, pool->listen_queue_max);
	cell_set(&h->listen_backlog, pool->listen_backlog);
	cell_set(&h->listen_inode, (int64_t)pool->listen_inode);
}
