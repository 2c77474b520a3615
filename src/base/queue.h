/*
 * A bounded queue of pointers between threads: the only way work crosses from
 * the reactor to the workers.  Any thread may push; a full queue refuses.
 */
#ifndef WEIR_BASE_QUEUE_H
#define WEIR_BASE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

struct queue;

/* A queue that holds at most `max` items pushed by queue_push(). */
struct queue *queue_new(size_t max);
/* Free an empty queue nobody waits on. */
void queue_free(struct queue *q);
/* Add at the end; false when full or closed. */
bool queue_push(struct queue *q, void *item);
/* Add at the end even when full: for work that must not be refused (settling). */
void queue_push_always(struct queue *q, void *item);
/* Wait for the next item; NULL when the queue is closed and empty. */
void *queue_pop(struct queue *q);
/* Wake every waiter; queue_pop() drains what is left, then returns NULL. */
void queue_close(struct queue *q);
size_t queue_length(struct queue *q);

#endif
