/* Waiting, for unit tests of what happens on other threads and in other processes. */
#ifndef WEIR_TESTS_PATIENCE_H
#define WEIR_TESTS_PATIENCE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

static inline void
pause_ms(int ms)
{
	nanosleep(&(struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L }, NULL);
}

/* True once *n has come to `wanted`, within so many milliseconds. */
static inline bool
comes_to(atomic_int *n, int wanted, int within_ms)
{
	for (int i = 0; i < within_ms / 10 && atomic_load(n) < wanted; i++)
		pause_ms(10);
	return atomic_load(n) >= wanted;
}

#endif
