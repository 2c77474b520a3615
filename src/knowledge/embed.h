/*
 * The job that embeds: j_knowledge_embed(), one for each user, which does a few batches of
 * what the user has waiting and comes again, so that the queue goes round the users.
 *
 *	kb_run: waiting ──► running ──► done | failed | cancelled
 *
 * A run is one version of a document in one space.  It has one task of type "embed": what
 * it can cost is held before the first call, each batch is kept together with what it
 * cost, and the sum is charged when the run ends; so whoever takes up a run that was left
 * goes on with the first chunk that has no vector.  What the cache knows costs nothing.
 */
#ifndef WEIR_KNOWLEDGE_EMBED_H
#define WEIR_KNOWLEDGE_EMBED_H

#include "jobs/job.h"

enum status j_knowledge_embed(struct context *cx, struct job *job);

#endif
