#include "engine/flight.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/tokens.h"
#include "core/events.h"
#include "engine/measure.h"
#include "engine/round.h"

/* Changes with struct flight: another build's file cannot be read. */
#define LAYOUT 2
#define HEAD_BYTES 4096
#define SLOTS_AT_ONCE 64 /* what the file grows by: a full disk is met here, and not as a signal */
#define PATH_BYTES 512
#define SETTLE_AT_ONCE 64

static const char magic[8] = "weirflt";

struct head {
	char magic[8];
	uint32_t layout, slot_bytes;
	_Atomic uint32_t n_slots; /* whose bytes are there */
	char owner[UUID_LEN];
};

struct flights {
	char path[PATH_BYTES + UUID_LEN + 1];
	int fd;
	struct head *head;
	size_t bytes, max_slots;
	pthread_mutex_t lock; /* guards the rest */
	uint32_t *free_slots;
	size_t n_free, n_used;
};

static struct flight *
slot_of(const struct head *head, size_t i)
{
	return (struct flight *)(void *)((char *)(uintptr_t)head + HEAD_BYTES + i * sizeof(struct flight));
}

/* ---- the folder ------------------------------------------------------------------- */

/* False: the scoreboard has no name, so that nobody would find the record. */
static bool
folder_of(const struct conf *conf, char out[PATH_BYTES])
{
	const char *board = conf->server_scoreboard;

	return board != NULL && *board != '\0' &&
	    snprintf(out, PATH_BYTES, "%s.flights", board) < PATH_BYTES - UUID_LEN - 2;
}

/* ---- making ------------------------------------------------------------------------- */

/* Under a name that is no process' until its lock is held. */
static int
make_file(struct flights *f, const char *folder, const char *process_id, size_t bytes)
{
	char temp[PATH_BYTES + UUID_LEN + 2];
	int fd;

	snprintf(temp, sizeof(temp), "%s/.%s", folder, process_id);
	snprintf(f->path, sizeof(f->path), "%s/%s", folder, process_id);
	if ((fd = open(temp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640)) < 0)
		return -1;
	if (ftruncate(fd, (off_t)bytes) == 0 && (errno = posix_fallocate(fd, 0, HEAD_BYTES)) == 0 &&
	    flock(fd, LOCK_EX | LOCK_NB) == 0 && rename(temp, f->path) == 0)
		return fd;
	unlink(temp);
	close(fd);
	return -1;
}

static void
init_head(struct head *head, const char *process_id)
{
	head->layout = LAYOUT;
	head->slot_bytes = sizeof(struct flight);
	memcpy(head->owner, process_id, UUID_LEN);
	memcpy(head->magic, magic, sizeof(magic));
}

struct flights *
flights_open(const struct conf *conf, const char *process_id, size_t slots)
{
	struct flights *f = xcalloc(1, sizeof(*f));
	char folder[PATH_BYTES];

	f->max_slots = slots;
	f->bytes = HEAD_BYTES + slots * sizeof(struct flight);
	f->fd = -1;
	if (folder_of(conf, folder)) {
		(void)!mkdir(folder, 0750);
		f->fd = make_file(f, folder, process_id, f->bytes);
	}
	f->head = f->fd < 0 ? MAP_FAILED : mmap(NULL, f->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, f->fd, 0);
	if (f->head == MAP_FAILED) {
		LOG(WARN, "no_flight_record", LS("path", f->path), LS("why", strerror(errno)),
		    LS("hint",
			"relayed calls take a hold each: [server] scoreboard must name a file that can be written"));
		if (f->fd >= 0)
			close(f->fd);
		free(f);
		return NULL;
	}
	init_head(f->head, process_id);
	pthread_mutex_init(&f->lock, NULL);
	f->free_slots = xcalloc(slots, sizeof(*f->free_slots));
	return f;
}

void
flights_close(struct flights *f)
{
	if (f == NULL)
		return;
	if (f->n_used == 0)
		unlink(f->path);
	munmap(f->head, f->bytes);
	close(f->fd);
	pthread_mutex_destroy(&f->lock);
	free(f->free_slots);
	free(f);
}

/* ---- slots ---------------------------------------------------------------------------- */

/* Locked. */
static void
grow(struct flights *f)
{
	uint32_t have = atomic_load(&f->head->n_slots), more = SLOTS_AT_ONCE;

	if (more > f->max_slots - have)
		more = (uint32_t)(f->max_slots - have);
	if (more == 0 ||
	    posix_fallocate(
		f->fd, (off_t)(HEAD_BYTES + have * sizeof(struct flight)), (off_t)(more * sizeof(struct flight))) != 0)
		return;
	for (uint32_t i = more; i-- > 0;)
		f->free_slots[f->n_free++] = have + i;
	atomic_store(&f->head->n_slots, have + more);
}

struct flight *
flight_new(struct flights *f)
{
	struct flight *flight = NULL;

	if (f == NULL)
		return NULL;
	pthread_mutex_lock(&f->lock);
	if (f->n_free == 0)
		grow(f);
	if (f->n_free > 0) {
		flight = slot_of(f->head, f->free_slots[--f->n_free]);
		f->n_used++;
	}
	pthread_mutex_unlock(&f->lock);
	return flight;
}

bool
flight_fits(const char *user_group, const struct price *price)
{
	return price != NULL && price->n <= FLIGHT_STEPS_MAX && strlen(user_group) < FLIGHT_GROUP_BYTES;
}

void
flight_set_price(struct flight *flight, const char *user_group, const struct price *price)
{
	snprintf(flight->user_group, sizeof(flight->user_group), "%s", user_group);
	flight->price.ratio_ppm = price->ratio_ppm;
	flight->price.n = (uint32_t)price->n;
	memcpy(flight->price.steps, price->steps, price->n * sizeof(*price->steps));
}

void
flight_publish(struct flight *flight)
{
	atomic_store_explicit(&flight->channel_id, 0, memory_order_relaxed);
	atomic_store_explicit(&flight->units, 0, memory_order_relaxed);
	atomic_store_explicit(&flight->calls, 0, memory_order_relaxed);
	atomic_store_explicit(&flight->delivered, false, memory_order_relaxed);
	atomic_store_explicit(&flight->state, FLIGHT_LIVE, memory_order_release);
}

/* Only the reactor writes these: what is there may be read and put back. */
static void
add(_Atomic int64_t *to, int64_t n)
{
	atomic_store_explicit(to, atomic_load_explicit(to, memory_order_relaxed) + n, memory_order_relaxed);
}

void
flight_note(struct flight *flight, const struct piece *piece, int64_t channel_id)
{
	atomic_store_explicit(&flight->channel_id, channel_id, memory_order_relaxed);
	if (piece->kind != PIECE_SIGNATURE)
		add(&flight->units, tokens_units(piece->text, piece->len));
	if (piece->kind == PIECE_CALL && piece->name != NULL)
		add(&flight->calls, 1);
	atomic_store_explicit(&flight->delivered, true, memory_order_release);
}

void
flight_free(struct flights *f, struct flight *flight)
{
	size_t i = (size_t)(flight - slot_of(f->head, 0));

	atomic_store_explicit(&flight->state, FLIGHT_FREE, memory_order_release);
	pthread_mutex_lock(&f->lock);
	f->free_slots[f->n_free++] = (uint32_t)i;
	f->n_used--;
	pthread_mutex_unlock(&f->lock);
}

/* ---- what it comes to ------------------------------------------------------------------- */

struct usage
flight_usage(const struct flight *flight)
{
	if (!atomic_load(&flight->delivered))
		return (struct usage){ 0 };
	return (struct usage){
		.input_tokens = flight->prompt_tokens,
		.output_tokens = tokens_of_units(atomic_load(&flight->units)) +
		    MEASURE_CALL_TOKENS * atomic_load(&flight->calls),
		.estimated = true,
	};
}

int64_t
flight_cost_ucr(const struct flight *flight, const struct usage *u, int64_t *overrun_ucr)
{
	const struct flight_price *p = &flight->price;
	struct price price = { p->ratio_ppm, p->n <= FLIGHT_STEPS_MAX ? p->n : 0, p->steps };
	int64_t cost_ucr = atomic_load(&flight->delivered) ? price_cost_ucr(&price, u) : 0;
	int64_t charged_ucr = cost_ucr < flight->ceiling_ucr ? cost_ucr : flight->ceiling_ucr;

	*overrun_ucr = cost_ucr - charged_ucr;
	return charged_ucr;
}

/* ---- the dead ------------------------------------------------------------------------------ */

/* A dead process' file, which nobody else settles at this time. */
struct wreck {
	int fd;
	struct head *head;
	size_t bytes, n_slots;
};

static void
wreck_close(struct wreck *w)
{
	if (w->head != NULL)
		munmap(w->head, w->bytes);
	close(w->fd); /* and others may have it */
}

/* False: not to be read. */
static bool
wreck_map(struct wreck *w)
{
	struct stat st;

	if (fstat(w->fd, &st) != 0 || st.st_size < HEAD_BYTES)
		return false;
	w->bytes = (size_t)st.st_size;
	w->head = mmap(NULL, w->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, w->fd, 0);
	if (w->head == MAP_FAILED) {
		w->head = NULL;
		return false;
	}
	w->n_slots = atomic_load(&w->head->n_slots);
	return memcmp(w->head->magic, magic, sizeof(magic)) == 0 && w->head->layout == LAYOUT &&
	    w->head->slot_bytes == sizeof(struct flight) &&
	    w->n_slots <= (w->bytes - HEAD_BYTES) / sizeof(struct flight);
}

static void
take_flight(struct flight *flight, struct round_call *out)
{
	struct usage u = flight_usage(flight);
	int64_t overrun_ucr, cost_ucr = flight_cost_ucr(flight, &u, &overrun_ucr);

	*out = (struct round_call){ .call_id = flight->call_id,
		.allowance_id = flight->allowance_id,
		.user_id = flight->user_id,
		.key_id = flight->key_id[0] == '\0' ? NULL : flight->key_id,
		.user_group = flight->user_group,
		.outcome = OUTCOME_FAILED,
		.why = E_INTERRUPTED,
		.usage = u,
		.told = WIRE_USAGE_UNTOLD,
		.cost_ucr = cost_ucr,
		.overrun_ucr = overrun_ucr,
		.limited = flight->limited,
		.model_id = flight->model_id,
		.channel_id = atomic_load(&flight->channel_id),
		.latency_ms = clock_wall_ms() - flight->started_ms,
		.request_id = flight->request_id };
}

/* Settle up to SETTLE_AT_ONCE of those that are limited, or of the others, from slot *at on. */
static enum status
settle_some(struct context *cx, struct wreck *w, bool limited, size_t *at, int *n_settled)
{
	struct flight *taken[SETTLE_AT_ONCE];
	struct round_call calls[SETTLE_AT_ONCE];
	AUTO_ROWS struct rows *rows = NULL;
	size_t n = 0;
	enum status st;

	for (; *at < w->n_slots && n < SETTLE_AT_ONCE; ++*at) {
		struct flight *flight = slot_of(w->head, *at);

		if (atomic_load_explicit(&flight->state, memory_order_acquire) != FLIGHT_LIVE ||
		    flight->limited != limited)
			continue;
		taken[n] = flight;
		take_flight(flight, &calls[n++]);
	}
	if (n == 0)
		return OK;
	if ((st = round_run(cx->pg, calls, n, &rows)) != OK)
		return st;
	for (size_t i = 0; i < n; i++) {
		atomic_store(&taken[i]->state, FLIGHT_FREE);
		if (!row_bool(rows, (int)i, "settled"))
			continue;
		++*n_settled;
		LOG(WARN, "dead_call_settled", LS("call_id", calls[i].call_id), LS("user_id", calls[i].user_id),
		    LI("charged_ucr", row_ucr(rows, (int)i, "charged")));
		if (!row_null(rows, (int)i, "balance"))
			events_tell(cx, arena_strdup(cx->arena, calls[i].user_id), "balance",
			    json_pack("{s:o}", "balance", json_credits(row_ucr(rows, (int)i, "balance"))));
	}
	return OK;
}

static enum status
settle_wreck(struct context *cx, struct wreck *w, const char *path)
{
	AUTO_ROWS struct rows *rows = NULL;
	int n_settled = 0;
	enum status st;

	if (!wreck_map(w)) { /* its allowances go back when their lease is over */
		LOG(ERROR, "flight_record_unreadable", LS("path", path));
		unlink(path);
		return OK;
	}
	for (int limited = 0; limited <= 1; limited++)
		for (size_t at = 0; at < w->n_slots;)
			if ((st = settle_some(cx, w, limited != 0, &at, &n_settled)) != OK)
				return st;
	st = pg_query_again(cx->pg, &rows, "SELECT allowances_end($1::uuid) AS n", PS(w->head->owner));
	if (st != OK)
		return st;
	LOG(WARN, "dead_process_settled", LS("process", w->head->owner), LI("calls", n_settled),
	    LI("allowances", row_int(rows, 0, "n")));
	unlink(path);
	return OK;
}

/* Is its process dead, and nobody else at it?  Then settle it. */
static enum status
look_at(struct context *cx, const char *path, int *n)
{
	struct wreck w = { .fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW) };
	struct stat ours, there;
	enum status st = OK;

	if (w.fd < 0)
		return OK;
	if (flock(w.fd, LOCK_EX | LOCK_NB) == 0 && fstat(w.fd, &ours) == 0 && stat(path, &there) == 0 &&
	    ours.st_ino == there.st_ino) { /* not one that was settled while we opened it */
		++*n;
		st = settle_wreck(cx, &w, path);
	}
	wreck_close(&w);
	return st;
}

enum status
flights_settle(struct context *cx, int *n)
{
	char folder[PATH_BYTES], path[2 * PATH_BYTES], id[UUID_LEN];
	const struct dirent *entry;
	enum status st, worst = OK;
	DIR *dir;

	*n = 0;
	if (!folder_of(cx->conf, folder) || (dir = opendir(folder)) == NULL)
		return OK;
	while ((entry = readdir(dir)) != NULL) {
		if (!uuid_parse(entry->d_name, id))
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, id);
		if ((st = look_at(cx, path, n)) != OK)
			worst = st;
	}
	closedir(dir);
	return worst;
}
