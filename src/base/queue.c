#include "base/queue.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/memory.h"

struct item {
	struct item *next;
	void *value;
};

struct queue {
	pthread_mutex_t lock;
	pthread_cond_t ready;
	struct item *head, **tail;
	size_t length, max;
	bool closed;
	void (*tell)(void *arg);
	void *tell_arg;
};

static void
tell_reader(struct queue *q)
{
	if (q->tell != NULL)
		q->tell(q->tell_arg);
}

struct queue *
queue_new(size_t max)
{
	struct queue *q = xcalloc(1, sizeof(*q));

	pthread_mutex_init(&q->lock, NULL);
	pthread_cond_init(&q->ready, NULL);
	q->tail = &q->head;
	q->max = max;
	return q;
}

void
queue_free(struct queue *q)
{
	if (q == NULL)
		return;
	pthread_cond_destroy(&q->ready);
	pthread_mutex_destroy(&q->lock);
	free(q);
}

static bool
push(struct queue *q, void *value, bool always)
{
	struct item *it = xmalloc(sizeof(*it));
	bool taken;

	*it = (struct item){ .value = value };
	pthread_mutex_lock(&q->lock);
	taken = always || (!q->closed && q->length < q->max);
	if (taken) {
		*q->tail = it;
		q->tail = &it->next;
		q->length++;
	}
	pthread_mutex_unlock(&q->lock);
	if (taken) { /* after unlocking: who wakes needs the lock */
		pthread_cond_signal(&q->ready);
		tell_reader(q);
	} else {
		free(it);
	}
	return taken;
}

bool
queue_push(struct queue *q, void *item)
{
	return push(q, item, false);
}

void
queue_push_always(struct queue *q, void *item)
{
	push(q, item, true);
}

/* The first item, or NULL.  Locked. */
static void *
unlink_first(struct queue *q)
{
	struct item *it = q->head;
	void *value;

	if (it == NULL)
		return NULL;
	q->head = it->next;
	if (q->head == NULL)
		q->tail = &q->head;
	q->length--;
	value = it->value;
	free(it);
	return value;
}

void *
queue_pop(struct queue *q)
{
	void *value;

	pthread_mutex_lock(&q->lock);
	while (q->head == NULL && !q->closed)
		pthread_cond_wait(&q->ready, &q->lock);
	value = unlink_first(q);
	pthread_mutex_unlock(&q->lock);
	return value;
}

void
queue_tell(struct queue *q, void (*tell)(void *arg), void *arg)
{
	q->tell = tell;
	q->tell_arg = arg;
}

bool
queue_take(struct queue *q, void **item)
{
	bool more, over;

	pthread_mutex_lock(&q->lock);
	*item = unlink_first(q);
	more = q->head != NULL || q->closed;
	over = *item == NULL && q->closed;
	pthread_mutex_unlock(&q->lock);
	if (more)
		tell_reader(q);
	return !over;
}

void
queue_close(struct queue *q)
{
	pthread_mutex_lock(&q->lock);
	q->closed = true;
	pthread_cond_broadcast(&q->ready);
	pthread_mutex_unlock(&q->lock);
	tell_reader(q);
}

size_t
queue_length(struct queue *q)
{
	size_t n;

	pthread_mutex_lock(&q->lock);
	n = q->length;
	pthread_mutex_unlock(&q->lock);
	return n;
}
