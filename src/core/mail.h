/*
 * Outgoing mail: plain UTF-8 text to one person.
 *
 * With conf->mail_smtp_url it goes to that server; else, with
 * conf->mail_spool, each message becomes one file NAME.eml there; else there
 * is no mail.
 *
 * Who has a mail to send queues it: jobs/mailing.h.
 */
#ifndef WEIR_CORE_MAIL_H
#define WEIR_CORE_MAIL_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/conf.h"
#include "base/status.h"

struct mail {
	const char *to, *subject, *text; /* UTF-8; lines of `text` end in \n */
};

/* True when mail can be sent at all. */
bool mail_configured(const struct conf *conf);
/* The message as it travels (RFC 5322, MIME, CRLF).  The caller frees *out. */
void mail_compose(const struct conf *conf, const struct mail *m, struct buf *out);
/* Send now.  E_UNAVAILABLE (logged).  Blocks up to 10 s.  Any thread but the
 * reactor. */
enum status mail_send(const struct conf *conf, const struct mail *m) MUST_CHECK;

#endif
