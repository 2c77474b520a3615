/*
 * The live turns of a process, found by task id: for aborts, drains and
 * checkpoints.  Reactor thread.
 */
#include <string.h>

#include "base/buf.h"
#include "engine/turn_private.h"

static unsigned
bucket_of(const char *task_id)
{
	unsigned h = 2166136261u; /* FNV-1a */

	for (; *task_id != '\0'; task_id++)
		h = (h ^ (unsigned char)*task_id) * 16777619u;
	return h % PROCESS_TURN_BUCKETS;
}

void
turn_table_add(struct process *p, struct turn *t)
{
	struct turn **head = &p->turns[bucket_of(t->task_id)];

	t->next = *head;
	if (t->next != NULL)
		t->next->prev = &t->next;
	t->prev = head;
	*head = t;
	p->n_turns++;
}

void
turn_table_remove(struct process *p, struct turn *t)
{
	*t->prev = t->next;
	if (t->next != NULL)
		t->next->prev = t->prev;
	p->n_turns--;
}

struct turn *
turn_find(struct process *p, const char *task_id)
{
	struct turn *t = p->turns[bucket_of(task_id)];

	while (t != NULL && strcmp(t->task_id, task_id) != 0)
		t = t->next;
	return t;
}

void
turns_stop_all(struct process *p, enum status why)
{
	for (size_t i = 0; i < PROCESS_TURN_BUCKETS; i++)
		for (struct turn *t = p->turns[i]; t != NULL; t = t->next)
			turn_stop(t, why);
}

char *
turns_list(struct process *p)
{
	struct buf b = BUF_INIT(0);

	for (size_t i = 0; i < PROCESS_TURN_BUCKETS; i++)
		for (struct turn *t = p->turns[i]; t != NULL; t = t->next)
			if (t->mode != TURN_DEBUG)
				buf_printf(&b, "%c%s", b.len == 0 ? '{' : ',', t->task_id);
	if (b.len > 0)
		buf_puts(&b, "}");
	return b.data;
}
