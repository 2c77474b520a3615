/*
 * What owners of API keys are told: a `notification` event on their open pages and a
 * mail, both in their language.  The mail is queued in the transaction that is open, and
 * the event follows it: who writes that somebody was told does so in the same one.
 */
#ifndef WEIR_ACCOUNT_KEY_NEWS_H
#define WEIR_ACCOUNT_KEY_NEWS_H

#include "core/context.h"

enum key_news_kind {
	KEY_NEWS_ENDS,	      /* days: how soon */
	KEY_NEWS_UNCOLLECTED, /* it was rotated by itself, ends within a day, and the new one was not collected */
	KEY_NEWS_ROTATED,     /* another one waits to be collected */
	KEY_NEWS_ODD,	      /* rule: the kind of a security event */
	KEY_NEWS_LOCKED,      /* rule: the same, or an operator's words */
	KEY_NEWS_UNLOCKED,
};

struct key_news {
	enum key_news_kind kind;
	const char *user_id;
	const char *email;  /* NULL: no mail */
	const char *locale; /* of the owner */
	const char *name, *prefix;
	const char *until; /* RFC 3339, of what ends; NULL: nothing does */
	int days;
	const char *rule; /* NULL: not told */
};

/* Tell it.  E_UNAVAILABLE or E_INTERNAL the mail cannot be queued.  Worker, or a sweep. */
enum status key_news_tell(struct context *cx, const struct key_news *n) MUST_CHECK;

#endif
