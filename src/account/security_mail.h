/*
 * Mail about security events for whoever runs the site, besides what the owners of keys are
 * told: [watch] mail_to.  What is noted within [watch] mail_every comes in one mail.
 */
#ifndef WEIR_ACCOUNT_SECURITY_MAIL_H
#define WEIR_ACCOUNT_SECURITY_MAIL_H

#include "core/context.h"
#include "jobs/job.h"

/* Note that they are to hear of it, in the caller's transaction; nothing where nobody is to.
 * Errors of pg_query() and job_submit().  Worker. */
enum status security_mail_note(struct context *cx, int64_t event_id) MUST_CHECK;
/* A kind of job: mail what was noted. */
enum status j_security_mail(struct context *cx, struct job *job);

#endif
