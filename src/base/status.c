#include "base/status.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const struct {
	const char *code, *en, *zh;
	int http;
} errors[] = {
	[OK] = { "ok", "OK", "成功", 200 },
#define ERROR(NAME, code, http, en, zh) [E_##NAME] = { code, en, zh, http },
#include "base/errors.def"
#undef ERROR
};

const char *
status_code(enum status st)
{
	return errors[st].code;
}

int
status_http(enum status st)
{
	return errors[st].http;
}

const char *
status_text(enum status st, enum lang lang)
{
	return lang == LANG_ZH ? errors[st].zh : errors[st].en;
}

enum status
status_from_code(const char *code)
{
	for (int st = OK; st < STATUS_COUNT; st++)
		if (code != NULL && strcmp(errors[st].code, code) == 0)
			return (enum status)st;
	return E_INTERNAL;
}

enum status
status_from_text(const char *text)
{
	for (int st = OK + 1; st < STATUS_COUNT; st++)
		if (text != NULL && strcmp(errors[st].en, text) == 0)
			return (enum status)st;
	return OK;
}

/* The quality of one language range: "zh-CN;q=0.8" gives 0.8, no q gives 1. */
static double
range_quality(const char *range, size_t len)
{
	const char *q = memchr(range, ';', len);

	if (q == NULL)
		return 1.0;
	for (; q < range + len; q++)
		if ((*q == 'q' || *q == 'Q') && q + 1 < range + len && q[1] == '=')
			return strtod(q + 2, NULL);
	return 1.0;
}

/* True when the range is `tag` or one of its kind: "zh", "zh-CN", not "zha". */
static bool
range_is(const char *range, size_t len, const char *tag)
{
	return len >= 2 && strncasecmp(range, tag, 2) == 0 && (len == 2 || !isalnum((unsigned char)range[2]));
}

enum lang
lang_accept(const char *accept_language)
{
	double best = 0;
	enum lang lang = LANG_EN;

	for (const char *p = accept_language; p != NULL && *p != '\0';) {
		size_t len;
		double q;

		p += strspn(p, " \t,");
		len = strcspn(p, ",");
		q = range_quality(p, len);
		if (q > best && (range_is(p, len, "zh") || range_is(p, len, "en"))) {
			best = q;
			lang = range_is(p, len, "zh") ? LANG_ZH : LANG_EN;
		}
		p += len;
	}
	return lang;
}
