/* Threads of ours. */
#ifndef WEIR_BASE_THREAD_H
#define WEIR_BASE_THREAD_H

#include <pthread.h>
#include <stdint.h>

/* Run main(arg) on a thread of its own, with every signal blocked: those are the
 * main thread's.  The caller joins it.  Aborts when the system gives none. */
void thread_start(pthread_t *thread, void *(*main)(void *arg), void *arg);

/* A condition whose waits are timed by the monotonic clock.  pthread_cond_destroy(). */
void cond_init(pthread_cond_t *cond);
/* Wait, with `lock` held, until signalled or until that time (clock_mono_ms()). */
void cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t ms);

#endif
