/*
 * What a turn looks up before it opens: the bases of its plan are searched for its question, put so that it can be
 * found where that is wanted (chat/rewrite.h).
 */
#ifndef WEIR_CHAT_LOOK_H
#define WEIR_CHAT_LOOK_H

#include "chat/history.h"
#include "chat/plan.h"
#include "chat/sources.h"
#include "core/request.h"

struct looked {
	const struct sources *sources; /* NULL: nothing */
	const char *searched;	       /* the API's Searched, as JSON; NULL: nothing was searched for */
};

/* Look for what `question` asks (NULL: for nothing; the last message of `h` where that is answered again).
 * then(rq, looked, arg) goes on, at once or on a worker again; all of `looked` is in the request's arena.
 * What a provider does not do is told, and no error.  Worker, not in a transaction. */
typedef enum status look_then_fn(struct request *rq, const struct looked *looked, void *arg);
enum status look_up(struct request *rq, const struct turn_plan *plan, const struct history *h, const char *question,
    look_then_fn *then, void *arg) MUST_CHECK;

#endif
