/*
 * fal -- the media provider fal as weir-demo plays it: its queue, over the tasks of kie.h.
 * A task that is done tells so, and where it is asked for its result what was made.
 *
 * Sources: docs.fal.ai (queue, webhooks), read 2026-11.
 */
#ifndef WEIR_DEMO_FAL_H
#define WEIR_DEMO_FAL_H

#include "demo/h1.h"
#include "demo/run.h"

/* Is it one of fal's paths? */
bool fal_is_path(struct span path);
/* Answer into run->body. */
void fal_plan(struct run *run, struct loop *loop, const struct h1_request *rq, struct span body);

#endif
