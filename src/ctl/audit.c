/*
 * weirctl audit [--no-wait]    prove the ledger: one line per invariant, and
 *                              every row that breaks one
 *
 * I1-I6, I9-I11 and I14 are one query over one snapshot of the database.  I8 compares
 * the slots in Redis with the live tasks; it may take one lease until both
 * agree, so differences are looked at again for that long (--no-wait: once).
 * The exit status is 0 when all hold.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/ids.h"
#include "ctl/ctl.h"
#include "io/pg.h"
#include "io/redis.h"

/* A task that one side knows and the other does not. */
struct difference {
	char task_id[UUID_LEN];
	bool in_redis;
};

struct differences {
	struct difference *list; /* in the arena */
	size_t n;
};

static void
print_line(const char *invariant, bool ok, const char *detail)
{
	printf("%s  %-6s  %s\n", invariant, ok ? "ok" : "BROKEN", detail);
}

static int
audit_sql(struct ctl *c, int *broken)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query_again(c->cx.pg, &rows,
	    "SELECT invariant, ok, CASE WHEN ok THEN coalesce(detail->>'rule',"
	    " '') ELSE detail::text END AS detail FROM audit_run()");

	if (st != OK)
		return ctl_fail_pg(c, st, "audit_run()");
	for (int i = 0; i < rows_count(rows); i++) {
		print_line(row_text(rows, i, "invariant"), row_bool(rows, i, "ok"), row_text(rows, i, "detail"));
		*broken += !row_bool(rows, i, "ok");
	}
	return CTL_OK;
}

/* ---- I8 ---- */

/* A growing set of task ids in the arena. */
struct ids {
	char (*list)[UUID_LEN];
	size_t n, cap;
};

static void
ids_add(struct ctl *c, struct ids *ids, const char *text)
{
	if (ids->n == ids->cap) {
		char(*more)[UUID_LEN] = arena_alloc(c->cx.arena, (ids->cap * 2 + 64) * UUID_LEN);

		if (ids->n > 0)
			memcpy(more, ids->list, ids->n * UUID_LEN);
		ids->list = more;
		ids->cap = ids->cap * 2 + 64;
	}
	if (uuid_parse(text, ids->list[ids->n]))
		ids->n++;
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

static bool
ids_have(const struct ids *ids, const char *id)
{
	return ids->n > 0 && bsearch(id, ids->list, ids->n, UUID_LEN, by_text) != NULL;
}

/* The unexpired members of one user's set of slots. */
static enum status
read_slots(struct ctl *c, const char *key, const char *now_ms, struct ids *out)
{
	AUTO_REPLY struct redis_reply *reply = NULL;
	enum status st = redis_call(c->cx.redis, &reply, "ZRANGEBYSCORE", key, now_ms, "+inf");

	for (size_t i = 0; st == OK && i < redis_reply_length(reply); i++)
		ids_add(c, out, redis_reply_text(redis_reply_at(reply, i), NULL));
	return st;
}

/* Redis' clock in milliseconds, as text: what slots are timed by. */
static enum status
redis_now(struct ctl *c, char now_ms[32])
{
	AUTO_REPLY struct redis_reply *reply = NULL;
	enum status st = redis_call(c->cx.redis, &reply, "TIME");

	if (st == OK)
		snprintf(now_ms, 32, "%lld",
		    (long long)(redis_reply_int(redis_reply_at(reply, 0)) * 1000 +
			redis_reply_int(redis_reply_at(reply, 1)) / 1000));
	return st;
}

static enum status
all_slots(struct ctl *c, struct ids *out)
{
	const char *pattern = arena_printf(c->cx.arena, "%stask:global:*", c->cx.conf->redis_prefix);
	char now_ms[32], cursor[32] = "0";
	enum status st = redis_now(c, now_ms);

	while (st == OK) {
		AUTO_REPLY struct redis_reply *reply = NULL;
		const struct redis_reply *keys;

		if ((st = redis_call(c->cx.redis, &reply, "SCAN", cursor, "MATCH", pattern, "COUNT", "1000")) != OK)
			break;
		snprintf(cursor, sizeof(cursor), "%s", redis_reply_text(redis_reply_at(reply, 0), NULL));
		keys = redis_reply_at(reply, 1);
		for (size_t i = 0; st == OK && i < redis_reply_length(keys); i++)
			st = read_slots(c, redis_reply_text(redis_reply_at(keys, i), NULL), now_ms, out);
		if (strcmp(cursor, "0") == 0)
			break;
	}
	if (out->n > 0)
		qsort(out->list, out->n, UUID_LEN, by_text);
	return st;
}

static enum status
live_tasks(struct ctl *c, struct ids *out)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query_again(
	    c->cx.pg, &rows, "SELECT task_id FROM audit_live_tasks() WHERE owner_alive ORDER BY task_id");

	for (int i = 0; st == OK && i < rows_count(rows); i++)
		ids_add(c, out, row_text(rows, i, "task_id"));
	if (out->n > 0)
		qsort(out->list, out->n, UUID_LEN, by_text);
	return st;
}

/* Everything that one side has and the other has not. */
static enum status
compare(struct ctl *c, struct differences *out)
{
	struct ids slots = { 0 }, tasks = { 0 };
	enum status st;

	if ((st = all_slots(c, &slots)) != OK || (st = live_tasks(c, &tasks)) != OK)
		return st;
	*out = (struct differences){ .list = ARENA_ARRAY(c->cx.arena, struct difference, slots.n + tasks.n + 1) };
	for (size_t i = 0; i < slots.n + tasks.n; i++) {
		const char *id = i < slots.n ? slots.list[i] : tasks.list[i - slots.n];

		if (ids_have(i < slots.n ? &tasks : &slots, id))
			continue;
		memcpy(out->list[out->n].task_id, id, UUID_LEN);
		out->list[out->n++].in_redis = i < slots.n;
	}
	return OK;
}

/* Keep those of `old` that are still different in `now`. */
static void
keep_lasting(struct differences *old, const struct differences *now)
{
	size_t kept = 0;

	for (size_t i = 0; i < old->n; i++)
		for (size_t j = 0; j < now->n; j++)
			if (memcmp(&old->list[i], &now->list[j], sizeof(now->list[j])) == 0) {
				old->list[kept++] = old->list[i];
				break;
			}
	old->n = kept;
}

static int
audit_slots(struct ctl *c, bool wait, int *broken)
{
	int64_t until_ms = clock_mono_ms() + (wait ? c->cx.conf->limits_slot_lease + 1000 : 0);
	struct differences lasting = { 0 }, now;
	enum status st = compare(c, &lasting);

	while (st == OK && lasting.n > 0 && clock_mono_ms() < until_ms) {
		nanosleep(&(struct timespec){ .tv_nsec = 500000000 }, NULL);
		if ((st = compare(c, &now)) == OK)
			keep_lasting(&lasting, &now);
	}
	if (st != OK) {
		puts("I8  skipped  Redis or PostgreSQL does not answer");
		return CTL_OK;
	}
	if (lasting.n == 0)
		print_line("I8", true, "Redis slots = live tasks within one lease");
	for (size_t i = 0; i < lasting.n; i++)
		print_line("I8", false,
		    arena_printf(c->cx.arena, "{\"task_id\": \"%s\", \"why\": \"%s\"}", lasting.list[i].task_id,
			lasting.list[i].in_redis ? "a slot without a live task" : "a live task without a slot"));
	*broken += lasting.n > 0;
	return CTL_OK;
}

int
ctl_audit(struct ctl *c, int argc, char **argv)
{
	bool wait = argc != 2;
	int broken = 0, rc;

	if (argc > 2 || (argc == 2 && strcmp(argv[1], "--no-wait") != 0))
		return ctl_usage("audit [--no-wait]");
	if ((rc = audit_sql(c, &broken)) != CTL_OK || (rc = audit_slots(c, wait, &broken)) != CTL_OK)
		return rc;
	return broken == 0 ? CTL_OK : ctl_fail("%d invariant%s broken", broken, broken == 1 ? " is" : "s are");
}
