/*
 * Mail as a job: it is sent by weir-worker, again when the mail server was away,
 * and nobody waits for it.
 */
#ifndef WEIR_JOBS_MAILING_H
#define WEIR_JOBS_MAILING_H

#include "core/mail.h"
#include "jobs/job.h"

/* Queue a mail, in the transaction that is open, to whoever it is about (`user_id`, may
 * be NULL).  Its text is sealed: links in it are secrets.  E_UNAVAILABLE, also when
 * no mail is configured.  Worker. */
enum status mail_submit(struct context *cx, const struct mail *m, const char *user_id) MUST_CHECK;
/* Kind mail: send one. */
enum status j_mail(struct context *cx, struct job *job);

#endif
