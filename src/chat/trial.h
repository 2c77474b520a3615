/*
 * An admin tries an agent: a call, an answer and a reader, and no task: nobody
 * pays, nothing is kept but a row of admin_debug_logs.  For that reason the agent's bases are not searched: what a
 * search asks of models is charged to who asks.
 */
#ifndef WEIR_CHAT_TRIAL_H
#define WEIR_CHAT_TRIAL_H

#include "core/request.h"

/* Ask the agent's model for real, and stream the answer.  E_NOT_FOUND no such
 * agent; E_UNAVAILABLE nothing serves it; E_OVERLOADED.  Worker. */
enum status trial_begin(struct request *rq, const char *agent_id, const char *content) MUST_CHECK;

/* The drain's deadline: end those of this process, with a typed end.  False when
 * none is left.  Reactor. */
bool trials_stop_all(void);

#endif
