/* The scoreboard, read: everything summed at one moment. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "score/layout.h"
#include "io/sockdiag.h"

static void
read_histogram(struct score_histogram *to, const struct cells_histogram *from)
{
	for (int i = 0; i < SCORE_BUCKETS; i++) {
		uint64_t n = (uint64_t)cell_get(&from->buckets[i]);

		to->buckets[i] += n;
		to->count += n;
	}
	to->sum_us += (uint64_t)cell_get(&from->sum_us);
}

/* Add one process (or the departed ones) to the sums. */
static void
read_cells(struct score_snapshot *out, const struct cells *from, bool lives)
{
	for (int i = 0; i < SCORE_COUNT; i++) {
		int64_t n = cell_get(&from->values[i]);

		if (score_kinds[i] == COUNTER || (score_kinds[i] == GAUGE && lives))
			out->values[i] += n;
		else if (score_kinds[i] == PEAK || (score_kinds[i] == LEVEL && lives))
			out->values[i] = n > out->values[i] ? n : out->values[i];
	}
	read_histogram(&out->first_token, &from->first_token);
	for (int r = 0; r < ROWS; r++) {
		for (int i = 0; i < 6; i++)
			out->routes[r].by_class[i] += (uint64_t)cell_get(&from->routes[r].by_class[i]);
		read_histogram(&out->routes[r].latency, &from->routes[r].latency);
	}
}

static double
ring_rate(const struct slot *s, enum ring ring)
{
	int64_t now = clock_mono_ms() / 1000, up = (clock_wall_ms() - cell_get(&s->started_ms)) / 1000, sum = 0;

	for (int i = 0; i < RING_SECONDS; i++) {
		int64_t second = cell_get(&s->rings[ring][i].second);

		if (second < now && second >= now - RATE_SECONDS)
			sum += cell_get(&s->rings[ring][i].n);
	}
	return (double)sum / (double)(up < 1 ? 1 : up < RATE_SECONDS ? up : RATE_SECONDS);
}

static void
read_process(struct score_snapshot *out, const struct slot *s, int number, enum slot_state state)
{
	struct score_process *p = &out->processes[out->n_processes++];

	*p = (struct score_process){ .slot = number,
		.pid = atomic_load(&s->pid),
		.state = state,
		.started_ms = cell_get(&s->started_ms),
		.last_request_ms = cell_get(&s->last_request_ms) };
	for (int i = 0; i < SCORE_COUNT; i++)
		p->values[i] = cell_get(&s->cells.values[i]);
	for (int r = 0; r < ROWS; r++)
		for (int i = 0; i < 6; i++)
			p->requests += (uint64_t)cell_get(&s->cells.routes[r].by_class[i]);
	out->requests_per_s += ring_rate(s, RING_REQUESTS);
	out->tokens_per_s += ring_rate(s, RING_TOKENS);
}

static void
read_head(struct score_snapshot *out, const struct head *h)
{
	out->at_ms = clock_wall_ms();
	out->started_ms = h->started_ms;
	out->pool = (struct scoreboard_pool){
		.master = atomic_load(&h->master),
		.processes = cell_get(&h->processes),
		.respawns = cell_get(&h->respawns),
		.reloads = cell_get(&h->reloads),
		.reloads_failed = cell_get(&h->reloads_failed),
		.listen_queue = cell_get(&h->listen_queue),
		.listen_queue_max = cell_get(&h->listen_queue_max),
		.listen_backlog = cell_get(&h->listen_backlog),
		.listen_inode = (uint64_t)cell_get(&h->listen_inode),
	};
	out->n_routes = atomic_load(&h->n_routes);
	for (size_t i = 0; i < out->n_routes; i++)
		memcpy(out->routes[i].name, h->routes[i], NAME_BYTES);
	/* the two unnamed rows follow the named ones in the snapshot */
	snprintf(out->routes[ROW_NONE].name, NAME_BYTES, "none");
	snprintf(out->routes[ROW_OTHER].name, NAME_BYTES, "other");
}

static void
read_all(struct score_snapshot *out, const struct scoreboard *board)
{
	struct score_process *processes = out->processes;

	memset(out, 0, sizeof(*out));
	out->processes = processes;
	read_head(out, board->head);
	read_cells(out, &board->head->departed, false);
	for (uint32_t i = 0; i < board->head->n_slots; i++) {
		const struct slot *s = &board->slots[i];
		int state = atomic_load(&s->state);
		bool lives;

		if (state == SLOT_FREE)
			continue;
		lives = state != SLOT_FOLDING && atomic_load(&s->pid) != 0 && score_slot_lives(s);
		read_cells(out, &s->cells, lives);
		if (lives)
			read_process(out, s, (int)i, (enum slot_state)state);
	}
}

struct score_snapshot *
scoreboard_snapshot(struct scoreboard *board)
{
	struct score_snapshot *out = xcalloc(1, sizeof(*out));
	int64_t begun;

	out->processes = xcalloc(board->head->n_slots, sizeof(*out->processes));
	scoreboard_sweep(board);
	/* again when a process was folded meanwhile: it might be counted twice or
	 * not at all; a folder that died half-way must not keep us here */
	for (int tries = 0; tries < 5; tries++) {
		begun = atomic_load(&board->head->folds_begun);
		read_all(out, board);
		if (atomic_load(&board->head->folds_done) == begun && atomic_load(&board->head->folds_begun) == begun)
			break;
	}
	memmove(&out->routes[out->n_routes], &out->routes[ROW_NONE], 2 * sizeof(out->routes[0]));
	out->n_routes += 2;
	/* fresher than the master's look once a second, and there is none without a pool */
	if (sockdiag_listen_queue(out->pool.listen_inode, &out->pool.listen_queue, &out->pool.listen_backlog) &&
	    out->pool.listen_queue_max < out->pool.listen_queue)
		out->pool.listen_queue_max = out->pool.listen_queue;
	for (size_t r = 0; r < out->n_routes; r++) {
		out->requests += out->routes[r].latency.count;
		out->errors += out->routes[r].by_class[5];
	}
	return out;
}

struct score_snapshot *
score_snapshot_of(struct scoreboard_slot *slot)
{
	return slot == NULL ? NULL : scoreboard_snapshot(slot->board);
}

void
score_snapshot_free(struct score_snapshot *s)
{
	if (s == NULL)
		return;
	free(s->processes);
	free(s);
}
