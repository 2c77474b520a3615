/*
 * Counts of failed attempts, for fail=N. A small table that forgets its
 * unluckiest row when it is full: tests use few keys at a time.
 */
#include <pthread.h>
#include <stddef.h>

#include "demo/server.h"

#define ROWS 8192u
#define PROBES 16u

static struct {
	uint64_t key;
	uint32_t failed; /* 0: the row is free */
} rows[ROWS];
static pthread_mutex_t rows_lock = PTHREAD_MUTEX_INITIALIZER;

/* The row of key, else a free one, else the last one probed. */
static size_t
find_row(uint64_t key)
{
	size_t at = 0, free_at = ROWS;

	for (size_t i = 0; i < PROBES; i++) {
		at = (size_t)((key + i) % ROWS);
		if (rows[at].failed > 0 && rows[at].key == key)
			return at;
		if (rows[at].failed == 0 && free_at == ROWS)
			free_at = at;
	}
	return free_at < ROWS ? free_at : at;
}

bool
attempts_must_fail(uint64_t key, uint32_t fail)
{
	bool must_fail;
	size_t at;

	pthread_mutex_lock(&rows_lock);
	at = find_row(key);
	if (rows[at].key != key) {
		rows[at].key = key;
		rows[at].failed = 0;
	}
	must_fail = rows[at].failed < fail;
	rows[at].failed = must_fail ? rows[at].failed + 1 : 0;
	pthread_mutex_unlock(&rows_lock);
	return must_fail;
}
