/*
 * Outgoing mail: plain UTF-8 text to one person.
 *
 * With conf->mail_smtp_url it goes to that server; else, with
 * conf->mail_spool, each message becomes one file NAME.eml there; else there
 * is no mail.
 */
#ifndef WEIR_CORE_MAIL_H
#define WEIR_CORE_MAIL_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/conf.h"
#include "account/accounts.h"
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
/* Send after the answer, on some worker: the client neither waits for the mail
 * server nor learns from the time whether there was anything to send. */
void mail_post(struct context *cx, const struct mail *m);
/* The mail with the link to set a new password, in the account's language. */
void mail_post_reset(struct context *cx, const struct password_reset *reset);

#endif
