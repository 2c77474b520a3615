/* Handing a message to a mail server through libcurl. */
#ifndef WEIR_IO_SMTP_H
#define WEIR_IO_SMTP_H

#include <stddef.h>

#include "base/status.h"

/* A mail server that says nothing holds its caller no longer. */
#define SMTP_TIMEOUT_MS 10000

/* Deliver `message` (RFC 5322, CRLF line ends) from `from` to `to` (bare
 * addresses) through `url` (smtp://user:password@host:587, smtps://host).  With
 * a user name, TLS is a must; without, it is used when the server has it.
 * E_UNAVAILABLE with a static reason in *why.  Blocks up to SMTP_TIMEOUT_MS.
 * Any thread but the reactor. */
enum status smtp_send(
    const char *url, const char *from, const char *to, const char *message, size_t len, const char **why) MUST_CHECK;

#endif
