/* The mail with the link to set a new password. */
#ifndef WEIR_ACCOUNT_RESET_MAIL_H
#define WEIR_ACCOUNT_RESET_MAIL_H

#include "account/accounts.h"

/* Leave it to the mailer, in the account's language.  Worker. */
void reset_mail_post(struct context *cx, const struct password_reset *reset);

#endif
