/*
 * Calls that meet, for test_together.py:
 *
 *	together_tool CONF THREADS CALLS KEYS
 *
 * Each of THREADS runs CALLS times "SELECT together_add(id, key)", for its own
 * ids, all over KEYS keys.  Prints how often each status came, as JSON.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/status.h"
#include "io/pg_together.h"

static struct pg_together *together;
static const struct conf *conf;
static long calls, keys;

struct caller {
	pthread_t thread;
	long number;
	long seen[STATUS_COUNT];
};

static void *
run(void *arg)
{
	struct caller *c = arg;
	struct pg *pg = pg_new(conf, conf->database_url, "together_tool");

	for (long i = 0; i < calls; i++) {
		long id = c->number * calls + i, key = (id / 7) % keys;
		char name[24];
		struct pg_call call = PG_CALL("SELECT together_add($1::bigint, $2::bigint)", PI(id), PI(key));
		enum status st;

		snprintf(name, sizeof(name), "%ld", key);
		st = pg_together_run(together, pg, name, &call, NULL, NULL);
		if (st == OK)
			rows_free(call.rows);
		c->seen[st]++;
	}
	pg_free(pg);
	return NULL;
}

int
main(int argc, char **argv)
{
	struct caller *all;
	struct conf *loaded;
	json_t *out = json_object();
	long threads;

	if (argc != 5 || conf_load(argv[1], &loaded) != OK)
		return 2;
	conf = loaded;
	threads = strtol(argv[2], NULL, 10);
	calls = strtol(argv[3], NULL, 10);
	keys = strtol(argv[4], NULL, 10);
	if (threads < 1 || calls < 1 || keys < 1 || (all = calloc((size_t)threads, sizeof(*all))) == NULL)
		return 2;
	together = pg_together_new();
	for (long i = 0; i < threads; i++) {
		all[i].number = i;
		if (pthread_create(&all[i].thread, NULL, run, &all[i]) != 0)
			return 1;
	}
	for (long i = 0; i < threads; i++)
		pthread_join(all[i].thread, NULL);
	for (int st = 0; st < STATUS_COUNT; st++) {
		long n = 0;

		for (long i = 0; i < threads; i++)
			n += all[i].seen[st];
		if (n > 0)
			json_object_set_new(out, st == OK ? "ok" : status_code((enum status)st), json_integer(n));
	}
	json_dumpf(out, stdout, 0);
	json_decref(out);
	pg_together_free(together);
	free(all);
	conf_free(loaded);
	return 0;
}
