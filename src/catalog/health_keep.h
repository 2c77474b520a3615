/*
 * What a host does about the health of channels beside the calls: the table in
 * shared memory (catalog/health.h) is kept in step with the database and, through
 * Redis, with other hosts.
 *
 *	a change ─► reactor ─► Redis: hash health, "channel:key" → until, cause, board
 *			   └─► heartbeat: row of channel_events; a key is turned off
 *	by the clock, one process of the host at a time (pairs.turn_ms, a lease)
 *		   ─► Redis: what other hosts opened or closed
 *		   └─► heartbeat: counts into channel_hours; pings that ended; keys
 *		       that are on again; keys whose being off was not yet written
 *
 * Nothing here is asked for by a request.  Without Redis each host goes by what it
 * sees itself; without PostgreSQL counts wait in the table, and events are lost but
 * for their log lines.
 */
#ifndef WEIR_CATALOG_HEALTH_KEEP_H
#define WEIR_CATALOG_HEALTH_KEEP_H

#include "catalog/health.h"
#include "core/process.h"

struct scoreboard;

/* Make process->health of the board's table, and keep it.  Main thread, before process_start(). */
void health_keep_start(struct process *p, struct scoreboard *board);
/* Write what was counted; the last time before the end.  Reactor. */
void health_keep_flush(struct process *p);
/* Free both; NULL is fine. */
void health_keep_free(struct process *p);

/* Somebody should know.  Called once for each change that this host (or its weir-worker)
 * noticed, when its row in channel_events is written, or could not be (`is_stored`).
 * Whatever delivers alerts (mail, webhooks) begins here; it writes the log line.
 * Any thread; must not wait. */
void health_alert(const struct health_change *change, bool is_stored);

#endif
