/*
 * drive -- Weir's own way to PostgreSQL and Redis, without the web around it:
 * our side of B4 and B5.
 *
 *	drive -c CONF [-t THREADS] [-d SECONDS] [-w SECONDS] WORK [KEYS]
 *
 *	hold	credits_hold() and credits_confirm() over KEYS accounts of bench/sql/setup.sql
 *	limits	one question to the rate limits, in three dimensions, over KEYS users
 *	slots	one slot for one of KEYS users
 *
 * Each thread has a connection of its own, as a worker thread has. Prints JSON.
 */
#include <getopt.h>
#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/ids.h"
#include "limits/rates.h"
#include "limits/slots.h"
#include "io/pg.h"
#include "io/pg_together.h"
#include "io/redis.h"
#include "load/hist.h"

struct driver;
typedef bool work_fn(struct driver *d);

struct driver {
	pthread_t thread;
	work_fn *work;
	const struct conf *conf;
	struct pg *pg;
	struct redis *redis;
	uint64_t random, keys;
	uint64_t done, failed;
	struct hist times;
};

static atomic_bool is_measuring, is_over;

/* xorshift64: which key comes next */
static uint32_t
next_key(struct driver *d)
{
	d->random ^= d->random << 13;
	d->random ^= d->random >> 7;
	d->random ^= d->random << 17;
	return (uint32_t)(d->random % d->keys) + 1;
}

static struct pg_together *together;

/* Calls for one account meet as those of a process' workers do. */
static bool
is_ok(struct driver *d, const char *account, struct pg_call *call)
{
	bool ok = pg_together_run(together, d->pg, account, call, NULL, NULL) == OK &&
	    strcmp(row_text(call->rows, 0, "outcome"), "ok") == 0;

	rows_free(call->rows);
	return ok;
}

static bool
hold_and_confirm(struct driver *d)
{
	char task[UUID_LEN], transaction[UUID_LEN], account[UUID_LEN];

	uuid_v7(task);
	uuid_v7(transaction);
	snprintf(account, sizeof(account), "00000000-0000-7000-8001-%012x", next_key(d));
	return is_ok(d, account,
		   &PG_CALL("SELECT outcome, balance FROM credits_hold($1::uuid, $2::uuid, $3::uuid, $4, $5, $6)",
		       PS(task), PS(transaction), PS(account), PM(1000000), PS("bench"), PI(600))) &&
	    is_ok(d, account,
		&PG_CALL(
		    "SELECT outcome, balance FROM credits_confirm($1::uuid, $2, 'chat_cost')", PS(task), PM(250000)));
}

static bool
ask_limits(struct driver *d)
{
	struct limit limits[3] = { { .rate = d->conf->limits_rate_stream }, { .rate = d->conf->limits_rate_address },
		{ .rate = d->conf->limits_rate_global } };
	uint32_t key = next_key(d);
	int tightest;

	snprintf(limits[0].key, sizeof(limits[0].key), "rate:stream:00000000-0000-7000-8001-%012u", key);
	snprintf(limits[1].key, sizeof(limits[1].key), "rate:address:%012u", key);
	snprintf(limits[2].key, sizeof(limits[2].key), "rate:global");
	return limits_take(d->redis, d->conf, limits, 3, &tightest) == OK && limits_degraded_count() == 0;
}

static bool
take_slot(struct driver *d)
{
	char user[UUID_LEN];
	struct slot_holder holder;

	snprintf(user, sizeof(user), "00000000-0000-7000-8001-%012u", next_key(d));
	slot_holder_init(&holder, user, user, user, false);
	return slots_acquire(d->redis, d->conf, &holder) == OK;
}

static int64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void *
drive(void *arg)
{
	struct driver *d = arg;

	while (!atomic_load_explicit(&is_over, memory_order_relaxed)) {
		int64_t before = now_ns();
		bool good = d->work(d);

		if (!good)
			d->failed++;
		else if (atomic_load_explicit(&is_measuring, memory_order_relaxed)) {
			d->done++;
			hist_add(&d->times, now_ns() - before);
		}
	}
	return NULL;
}

static void
pause_s(double seconds)
{
	struct timespec t = { .tv_sec = (time_t)seconds, .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9) };

	nanosleep(&t, NULL);
}

static void
start(struct driver *d, const struct conf *conf, work_fn *work, uint64_t keys, uint64_t number)
{
	d->conf = conf;
	d->work = work;
	d->keys = keys;
	d->random = UINT64_C(0x9E3779B97F4A7C15) * (number + 1);
	d->pg = pg_new(conf, conf->database_url, "bench");
	d->redis = redis_new(conf);
	if (pthread_create(&d->thread, NULL, drive, d) != 0)
		abort();
}

/* Run `n` threads for warm-up and measurement; print what they did. */
static int
run(const struct conf *conf, work_fn *work, uint64_t keys, int n, double warmup_s, double duration_s)
{
	struct driver *all = calloc((size_t)n, sizeof(*all));
	uint64_t done = 0, failed = 0;
	struct hist *times = calloc(1, sizeof(*times));
	int64_t began_us, took_us;
	json_t *out;

	if (all == NULL || times == NULL)
		abort();
	together = pg_together_new();
	for (int i = 0; i < n; i++)
		start(&all[i], conf, work, keys, (uint64_t)i);
	pause_s(warmup_s);
	began_us = clock_mono_us();
	atomic_store(&is_measuring, true);
	pause_s(duration_s);
	atomic_store(&is_measuring, false);
	took_us = clock_mono_us() - began_us;
	atomic_store(&is_over, true);
	for (int i = 0; i < n; i++) {
		pthread_join(all[i].thread, NULL);
		done += all[i].done;
		failed += all[i].failed;
		hist_merge(times, &all[i].times);
		pg_free(all[i].pg);
		redis_free(all[i].redis);
	}
	pg_together_free(together);
	out = json_pack("{s:I, s:I, s:f, s:o}", "done", (json_int_t)done, "failed", (json_int_t)failed, "per_second",
	    (double)done * 1e6 / (double)took_us, "times", hist_json(times));
	json_dumpf(out, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(9));
	putchar('\n');
	json_decref(out);
	free(times);
	free(all);
	return failed == 0 ? 0 : 1;
}

static int
usage(void)
{
	fputs("usage: drive -c CONF [-t THREADS] [-d SECONDS] [-w SECONDS] hold|limits|slots [KEYS]\n", stderr);
	return 2;
}

int
main(int argc, char **argv)
{
	static const struct {
		const char *name;
		work_fn *work;
	} works[] = { { "hold", hold_and_confirm }, { "limits", ask_limits }, { "slots", take_slot } };
	const char *path = NULL;
	struct conf *conf;
	double duration_s = 5, warmup_s = 1;
	long threads = 8, keys = 10000;
	work_fn *work = NULL;
	int c;

	while ((c = getopt(argc, argv, "c:t:d:w:")) != -1) {
		switch (c) {
		case 'c': path = optarg; break;
		case 't': threads = strtol(optarg, NULL, 10); break;
		case 'd': duration_s = strtod(optarg, NULL); break;
		case 'w': warmup_s = strtod(optarg, NULL); break;
		default: return usage();
		}
	}
	for (size_t i = 0; optind < argc && i < sizeof(works) / sizeof(works[0]); i++)
		if (strcmp(argv[optind], works[i].name) == 0)
			work = works[i].work;
	if (optind + 1 < argc)
		keys = strtol(argv[optind + 1], NULL, 10);
	if (work == NULL || path == NULL || threads < 1 || keys < 1 || keys > UINT32_MAX - 1 || duration_s <= 0)
		return usage();
	if (conf_load(path, &conf) != OK)
		return 1;
	c = run(conf, work, (uint64_t)keys, (int)threads, warmup_s, duration_s);
	conf_free(conf);
	return c;
}
