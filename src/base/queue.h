/*
 * A bounded queue of pointers between threads.  Any thread may push; a full
 * queue refuses.  Readers wait in queue_pop(), or, where they have more to wait
 * for, take what is there and are told of more.
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
/* From now on call tell(arg) when one reader more is needed: after each push, when
 * queue_take() leaves items, and, one reader after the other, once it is closed.
 * Any thread calls it.  Before the first push. */
void queue_tell(struct queue *q, void (*tell)(void *arg), void *arg);
/* The next item without waiting, NULL for none; false when the queue is closed and empty. */
bool queue_take(struct queue *q, void **item);
/* No more items; readers drain what is left, then learn of it. */
void queue_close(struct queue *q);
size_t queue_length(struct queue *q);

#endif
