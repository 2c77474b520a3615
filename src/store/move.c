#include "store/move.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/local.h"
#include "store/s3.h"
#include "store/store.h"

#define ROWS_AT_ONCE 100
#define BATCH_ARENA_BYTES 16384
#define BATCH_ARENA_MAX_BYTES (4 << 20)
/* Of a thread that others wait for. */
#define SWEEP_MS 5000
#define QUIET_MS 60000 /* after a failure */

/* One way, and what it needs. */
struct mover {
	struct context *cx;
	struct s3 *bucket;
	bool to_bucket;
	int64_t until_ms; /* 0: none */
	bool (*stopping)(void);
	struct store_moved *out;
};

static enum status
refuse(struct mover *m, enum status st, const char *doing, const char *name)
{
	m->out->failed++;
	return fail(m->cx, st, "%s %s: %s", doing, name, s3_why(m->bucket));
}

/* Change the row; *known: it is still there, in one place or the other. */
static enum status
switch_row(struct mover *m, const char *name, bool *known)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query_again(m->cx->pg, &rows,
	    "WITH moved AS (UPDATE objects SET place = $2 WHERE name = $1 AND place <> $2 RETURNING 1)"
	    " SELECT EXISTS (SELECT FROM objects WHERE name = $1) AS known, (SELECT count(*) FROM moved) AS n",
	    PS(name), PS(m->to_bucket ? "s3" : "local"));

	if (st != OK)
		return fail(m->cx, st, "move %s: %s", name, pg_error(m->cx->pg));
	*known = row_bool(rows, 0, "known");
	return OK;
}

/* ---- into the bucket ------------------------------------------------------------- */

static enum status
put(struct mover *m, const struct store_object *o, int fd)
{
	int64_t there;
	enum status st;

	if ((st = s3_put(m->bucket, o->name, fd, o->size_bytes)) != OK)
		return refuse(m, st, "put", o->name);
	if ((st = s3_head(m->bucket, o->name, &there)) != OK)
		return refuse(m, st == E_NOT_FOUND ? E_UNAVAILABLE : st, "look for", o->name);
	if (there == o->size_bytes)
		return OK;
	m->out->failed++;
	return fail(m->cx, E_UNAVAILABLE, "%s: the bucket has %lld bytes of %lld", o->name, (long long)there,
	    (long long)o->size_bytes);
}

/* The copy that stays begins its time now. */
static void
touch(int fd)
{
	(void)futimens(fd, NULL);
}

static enum status
move_out(struct mover *m, const struct store_object *o)
{
	int fd = open(local_path(m->cx->arena, m->cx->conf, o->name), O_RDONLY | O_CLOEXEC);
	enum status st = OK;
	bool known;

	if (fd < 0) { /* on another host, or gone */
		m->out->absent++;
		return OK;
	}
	if (!local_is_whole(fd, o->name, o->size_bytes)) {
		LOG(ERROR, "object_damaged", LS("name", o->name), LS("hint", "left as it is: bring it from a backup"));
		m->out->failed++;
		close(fd);
		return OK;
	}
	touch(fd);
	if ((st = put(m, o, fd)) == OK && (st = switch_row(m, o->name, &known)) == OK) {
		m->out->moved++;
		m->out->bytes += o->size_bytes;
		if (!known) /* removed meanwhile, by somebody who knew nothing of the bucket */
			(void)!s3_delete(m->bucket, o->name);
	}
	close(fd);
	return st;
}

/* ---- and back ---------------------------------------------------------------------- */

/* Is there a copy that can be relied on? */
static bool
is_here(struct mover *m, const struct store_object *o)
{
	int fd = open(local_path(m->cx->arena, m->cx->conf, o->name), O_RDONLY | O_CLOEXEC);
	bool whole = fd >= 0 && local_is_whole(fd, o->name, o->size_bytes);

	if (fd >= 0)
		close(fd);
	return whole;
}

static enum status
move_in(struct mover *m, const struct store_object *o)
{
	enum status st = is_here(m, o) ? OK : store_fetch(m->cx, o, 0);
	bool known;

	if (st == E_NOT_FOUND) {
		LOG(ERROR, "object_missing", LS("name", o->name), LS("hint", "the bucket does not have it"));
		m->out->absent++;
		return OK;
	}
	if (st != OK) {
		m->out->failed++;
		return st;
	}
	if ((st = switch_row(m, o->name, &known)) != OK)
		return st;
	m->out->moved++;
	m->out->bytes += o->size_bytes;
	if ((st = s3_delete(m->bucket, o->name)) != OK)
		LOG(WARN, "object_not_removed", LS("name", o->name), LS("error", s3_why(m->bucket)),
		    LS("hint", "the sweep of the bucket will try again"));
	return OK;
}

/* ---- all of them ------------------------------------------------------------------- */

static void
free_arena(void *arena)
{
	arena_free(arena);
}

static bool
is_over(const struct mover *m)
{
	return (m->stopping != NULL && m->stopping()) || (m->until_ms > 0 && clock_mono_ms() >= m->until_ms);
}

/* A batch after `last`, which becomes its last; *n of them. */
static enum status
move_some(struct mover *m, char last[UUID_LEN], int *n)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query_again(m->cx->pg, &rows,
	    "SELECT o.id, " STORE_COLUMNS
	    " FROM objects o WHERE o.place = $1 AND o.uses > 0 AND o.id > $2 ORDER BY o.id LIMIT $3::int",
	    PS(m->to_bucket ? "local" : "s3"), PS(last), PI(ROWS_AT_ONCE));
	struct store_object o = { 0 };

	*n = 0;
	if (st != OK)
		return fail(m->cx, st, "find objects: %s", pg_error(m->cx->pg));
	for (; *n < rows_count(rows) && st == OK && !is_over(m); ++*n) {
		store_read(rows, *n, &o);
		st = m->to_bucket ? move_out(m, &o) : move_in(m, &o);
		memcpy(last, row_text(rows, *n, "id"), UUID_LEN);
	}
	return st;
}

/* The same with memory of its own, which stays when there is something to say. */
static enum status
move_batch(struct mover *m, char last[UUID_LEN], int *n)
{
	struct arena *all = m->cx->arena;
	enum status st;

	m->cx->arena = arena_new(BATCH_ARENA_BYTES, BATCH_ARENA_MAX_BYTES);
	st = move_some(m, last, n);
	if (st == OK)
		arena_free(m->cx->arena);
	else
		arena_cleanup(all, free_arena, m->cx->arena);
	m->cx->arena = all;
	return st;
}

enum status
store_move(struct context *cx, int64_t max_ms, bool (*stopping)(void), void (*tell)(const struct store_moved *),
    struct store_moved *out)
{
	struct mover m = { cx, NULL, strcmp(cx->conf->storage_driver, "s3") == 0,
		max_ms > 0 ? clock_mono_ms() + max_ms : 0, stopping, out };
	char last[UUID_LEN] = "00000000-0000-0000-0000-000000000000";
	enum status st = OK;
	int n;

	*out = (struct store_moved){ 0 };
	if (s3_problem(cx->conf) != NULL)
		return fail(cx, E_INTERNAL, "%s", s3_problem(cx->conf));
	m.bucket = s3_new(cx->conf, 0);
	do {
		st = move_batch(&m, last, &n);
		if (tell != NULL && n > 0)
			tell(out);
	} while (st == OK && n == ROWS_AT_ONCE && !is_over(&m));
	s3_free(m.bucket);
	return st;
}

/* ---- by the clock ------------------------------------------------------------------ */

/* Objects that lost their last use: users who were removed, and what is in the bucket. */
static enum status
drop_unused(struct sweeper *s)
{
	bool can_delete = s3_configured(s->cx.conf);
	struct s3 *bucket = NULL;
	enum status st = OK;
	int n;

	do {
		AUTO_ROWS struct rows *rows = NULL;

		st = pg_query_again(s->cx.pg, &rows, "SELECT name, place FROM objects_drop(NULL, $1, $2::int)",
		    can_delete ? PNULL : PS("local"), PI(ROWS_AT_ONCE));
		n = st == OK ? rows_count(rows) : 0;
		for (int i = 0; i < n; i++) {
			const char *name = row_text(rows, i, "name");

			local_remove(&s->cx, name);
			if (strcmp(row_text(rows, i, "place"), "s3") != 0)
				continue;
			if (bucket == NULL)
				bucket = s3_new(s->cx.conf, 0);
			if (s3_delete(bucket, name) != OK)
				LOG(WARN, "object_not_removed", LS("name", name), LS("error", s3_why(bucket)),
				    LS("hint", "the sweep of the bucket will try again"));
		}
	} while (n == ROWS_AT_ONCE && !s->stopping());
	s3_free(bucket);
	return st;
}

enum status
sweep_store(struct sweeper *s)
{
	static int64_t quiet_until_ms; /* sweeps that wait have one thread */
	struct store_moved moved = { 0 };
	enum status st;

	if (clock_mono_ms() < quiet_until_ms)
		return OK;
	st = drop_unused(s);
	if (st == OK && strcmp(s->cx.conf->storage_driver, "s3") == 0) {
		st = store_move(&s->cx, SWEEP_MS, s->stopping, NULL, &moved);
		if (moved.moved > 0)
			LOG(INFO, "objects_moved", LI("count", moved.moved), LI("bytes", moved.bytes));
		if (st != OK)
			LOG(ERROR, "objects_not_moved", LS("why", s->cx.log_detail), LI("again_s", QUIET_MS / 1000));
	}
	if (st != OK)
		quiet_until_ms = clock_mono_ms() + QUIET_MS;
	return st;
}
