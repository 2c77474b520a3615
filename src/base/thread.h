/* Threads of ours. */
#ifndef WEIR_BASE_THREAD_H
#define WEIR_BASE_THREAD_H

#include <pthread.h>

/* Run main(arg) on a thread of its own, with every signal blocked: those are the
 * main thread's.  The caller joins it.  Aborts when the system gives none. */
void thread_start(pthread_t *thread, void *(*main)(void *arg), void *arg);

#endif
