/*
 * Sending a message to a device: a job for each, queued by push_note() in SQL or push_try().  The push service gets what
 * it cannot read, a topic, by which a later message takes the place of one that is not delivered yet, and who we are.
 *
 * What the page's service worker gets: {title, path, tag}; the title in its owner's language, never what people wrote.
 */
#ifndef WEIR_PUSH_SEND_H
#define WEIR_PUSH_SEND_H

#include "jobs/job.h"

/* A kind of job: payload {device_id, about, outcome?, tag, path}.  A device that has unsubscribed is removed; what its
 * push service refuses for good is counted and logged; what may work later is tried again. */
enum status j_push(struct context *cx, struct job *job);

#endif
