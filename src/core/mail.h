/*
 * Outgoing mail: plain UTF-8 text to one person.
 *
 * With conf->mail_smtp_url it goes to that server; else, with
 * conf->mail_spool, each message becomes one file NAME.eml there; else there
 * is no mail.
 *
 * A process sends on a thread of its own, one mail after the other: a mail
 * server that is slow holds up mails and nothing else.
 */
#ifndef WEIR_CORE_MAIL_H
#define WEIR_CORE_MAIL_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/conf.h"
#include "core/request.h"

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

struct mailer;
struct scoreboard_slot;
/* The process' mailer; NULL when there is no mail.  Main thread. */
struct mailer *mailer_start(const struct conf *conf, struct scoreboard_slot *score);
/* Send what waits, for up to 20 s, and free.  NULL is fine.  Main thread. */
void mailer_stop(struct mailer *m);
/* Leave it to the process' mailer: the client neither waits for the mail server
 * nor learns from the time whether there was anything to send.  Past 256 that
 * wait it is not sent; as any failure, that is logged and counted.  Worker. */
void mail_post(struct context *cx, const struct mail *m);

#endif
