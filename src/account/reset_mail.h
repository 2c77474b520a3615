/* The mail with the link to set a new password. */
#ifndef WEIR_ACCOUNT_RESET_MAIL_H
#define WEIR_ACCOUNT_RESET_MAIL_H

#include "core/context.h"

/* Whose password, and by which token; in an arena. */
struct password_reset {
	const char *token, *user_id, *email, *locale;
};

/* Queue it, in the account's language, in the transaction that is open.  E_UNAVAILABLE.  Worker. */
enum status reset_mail_submit(struct context *cx, const struct password_reset *reset) MUST_CHECK;

#endif
