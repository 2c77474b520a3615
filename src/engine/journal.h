/* The journal's side that core/process.c drives; see journal.c. */
#ifndef WEIR_ENGINE_JOURNAL_H
#define WEIR_ENGINE_JOURNAL_H

#include "core/process.h"

/* Write what all streams gathered.  Reactor, by process->journal_timer. */
void journal_batch(void *process);
/* While Redis is away: hand what live turns delivered since the last time to the
 * heartbeat, which writes it to PostgreSQL.  Reactor. */
void journal_checkpoint(struct process *p);

#endif
