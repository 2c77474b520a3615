#include "core/await.h"

#include "base/queue.h"
#include "core/process.h"

enum status
await(struct request *rq, struct await *a)
{
	if (pg_in_transaction(rq->cx.pg))
		return fail(&rq->cx, E_INTERNAL, "a request in a transaction must not wait");
	a->rq = rq;
	rq->await = a;
	return OK;
}

static void
unlist(struct await *a)
{
	*a->prev = a->next;
	if (a->next != NULL)
		a->next->prev = a->prev;
}

void
await_begin(void *arg)
{
	struct await *a = arg;
	struct await **head = &a->rq->cx.process->awaiting;

	a->next = *head;
	if (a->next != NULL)
		a->next->prev = &a->next;
	a->prev = head;
	*head = a;
	a->begin(a);
}

void
await_over(struct await *a)
{
	unlist(a);
	queue_push_always(a->rq->cx.process->work, &a->job);
}

void
awaits_stop_all(struct process *p)
{
	struct await *a;

	while ((a = p->awaiting) != NULL) {
		a->drop(a);
		a->stopped = true;
		await_over(a);
	}
}

void
awaits_drop_all(struct process *p)
{
	struct await *a;

	while ((a = p->awaiting) != NULL) {
		unlist(a);
		a->drop(a);
		arena_free(a->rq->cx.arena);
	}
}
