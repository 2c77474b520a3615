/*
 * The job that has a picture or film made: asks a provider once, asks after it until it has
 * ended, keeps what came.  What is sent is noted first (media_claim() in
 * functions/media.sql), and what is unclear is never sent again: no provider knows a key
 * by which it would see that it has had the same before.
 */
#ifndef WEIR_MEDIA_STEPS_H
#define WEIR_MEDIA_STEPS_H

#include "core/sweep.h"
#include "jobs/job.h"

/* Kind media, {task_id}: one step of one task. */
enum status j_media(struct context *cx, struct job *job);
/* Sweep: keep the slots of the tasks that such jobs carry. */
enum status media_keep_slots(struct sweeper *s);

#endif
