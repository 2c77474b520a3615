/* The journal's side that core/process.c drives; see journal.c. */
#ifndef WEIR_ENGINE_JOURNAL_H
#define WEIR_ENGINE_JOURNAL_H

#include "core/process.h"
#include "io/pg.h"

struct checkpoint;

/* Write what all streams gathered.  Reactor, by process->journal_timer. */
void journal_batch(void *process);
/* While Redis is away: what live turns delivered since the last time, for
 * PostgreSQL; NULL when there is nothing.  Reactor; the caller owns the list. */
struct checkpoint *journal_checkpoints(struct process *p);
/* Write the list to task_journal and free it.  Worker. */
void journal_write_checkpoints(struct checkpoint *list, struct pg *pg);

#endif
