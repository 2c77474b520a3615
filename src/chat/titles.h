/*
 * Titles that a small model makes, [chat] title_model: once for each conversation, after its
 * first answer, unless its owner has given it one.  Nobody is charged; each call is in the usage
 * of the conversation's owner with op "title" and a cost of 0, and what it would have cost in metadata.borne.
 */
#ifndef WEIR_CHAT_TITLES_H
#define WEIR_CHAT_TITLES_H

#include "core/sweep.h"
#include "jobs/job.h"

#define TITLE_CHARS 60

/* A sweep: queues a job for each conversation that has its first answer and no title yet. */
enum status titles_sweep(struct sweeper *s);
/* Kind title: ask for one. */
enum status j_title(struct context *cx, struct job *job);
/* The title in what a model says: its first line, without what models put around titles, and not longer
 * than TITLE_CHARS; in the arena.  NULL: there is none.  Any thread. */
char *title_of_answer(struct arena *a, const char *answer);

#endif
