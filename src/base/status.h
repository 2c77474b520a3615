/*
 * The one return type of everything that can fail.
 *
 * OK is zero; every other value is a row of errors.def, so that a failure
 * found deep in the core already names the answer the client will get.
 */
#ifndef WEIR_BASE_STATUS_H
#define WEIR_BASE_STATUS_H

enum status {
	OK = 0,
#define ERROR(NAME, code, http, en, zh) E_##NAME,
#include "base/errors.def"
#undef ERROR
	STATUS_COUNT
};

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, first) __attribute__((format(printf, fmt, first)))

enum lang { LANG_EN, LANG_ZH };

/* The stable code of `st` ("not_found"); "ok" for OK.  Static text.  Any thread. */
const char *status_code(enum status st);
/* The HTTP status of `st`; 200 for OK.  Any thread. */
int status_http(enum status st);
/* The text for people of `st` in `lang`.  Static text.  Any thread. */
const char *status_text(enum status st, enum lang lang);
/* The status whose code is `code`, or E_INTERNAL when there is none.  Any thread. */
enum status status_from_code(const char *code);
/* The status whose English text is `text`, or OK when there is none.  Any thread. */
enum status status_from_text(const char *text);
/* The best of our languages for an Accept-Language value (RFC 9110 12.5.4);
 * NULL or anything unknown is English.  Any thread. */
enum lang lang_accept(const char *accept_language);

#endif
