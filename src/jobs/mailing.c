#include "jobs/mailing.h"

#include <string.h>

#include "base/fields.h"
#include "jobs/queue.h"

enum status
mail_submit(struct context *cx, const struct mail *m, const char *user_id)
{
	if (!mail_configured(cx->conf))
		return fail(cx, E_UNAVAILABLE, "no mail is configured");
	return job_submit(cx,
	    &(struct job_ask){ .kind = "mail",
		.payload = json_pack("{s:s, s:s}", "to", m->to, "subject", m->subject),
		.secret = m->text,
		.user_id = user_id },
	    NULL);
}

enum status
j_mail(struct context *cx, struct job *job)
{
	struct mail m = { .to = field_text(job->payload, "to"),
		.subject = field_text(job->payload, "subject"),
		.text = job->secret };
	enum status st;

	if (m.to == NULL || m.subject == NULL || m.text == NULL)
		return job_give_up(job, fail(cx, E_INTERNAL, "a mail without address, subject or text"));
	if (!mail_configured(cx->conf))
		return fail(cx, E_UNAVAILABLE, "no mail is configured");
	st = mail_send(cx->conf, &m);
	return st == OK ? OK : fail(cx, st, "the mail server did not take it");
}
