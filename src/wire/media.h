/*
 * Providers that make pictures and films as tasks of their own: one request makes a
 * task, others ask after it, a callback tells of its end.  How such a provider is asked
 * and understood; formats and nothing else.  None of them knows a key by which a
 * request that is sent again would be known for the same: what is unclear is never
 * sent again (media/steps.c).
 *
 * TO ADD A PROVIDER: a struct media_wire in a folder of its own, a row in media.c, one
 * in quirks.def, transcripts in tests/unit/wire, and let weir-demo play it.
 */
#ifndef WEIR_WIRE_MEDIA_H
#define WEIR_WIRE_MEDIA_H

#include <jansson.h>

#include "wire/wire.h"

/* What became of a request to make something. */
enum media_submit {
	MEDIA_ACCEPTED, /* it has an id */
	MEDIA_REFUSED,	/* nothing was made, and nothing is to be paid */
	MEDIA_LATER,	/* the same, and the same channel may take it in a while */
	MEDIA_UNKNOWN,	/* it may have been made */
};

struct media_submitted {
	enum media_submit what;
	const char *id;	    /* of an accepted one; in the arena */
	enum status status; /* of a refused one: why */
	bool next_channel;  /* of a refused one: another may take it */
	int64_t wait_ms;    /* of one for later */
	char detail[256];   /* for the log, never for users; no secrets */
};

enum media_state { MEDIA_WAITING, MEDIA_RUNNING, MEDIA_DONE, MEDIA_FAILED, MEDIA_UNTOLD };
#define MEDIA_URLS_MAX 16

/* What a provider tells of a task. */
struct media_told {
	enum media_state state; /* MEDIA_UNTOLD: nothing that could be understood; ask again */
	bool is_missing;	/* UNTOLD: it does not know such a task, or not yet */
	int progress;		/* per cent; -1: not told */
	const char *urls[MEDIA_URLS_MAX];
	size_t n_urls;
	enum status status; /* of a failed one: why */
	double cost;	    /* in the provider's own credits; negative: not told */
	char detail[256];   /* as above */
};

struct media_wire {
	const char *provider; /* as in channels.provider */
	/* Make one of `input`, an object as the model's row says it; the callback may be NULL. */
	enum status (*submit)(struct arena *a, const struct wire_target *to, const json_t *input, const char *callback,
	    struct wire_request *out);
	/* What was answered; http_status 0: nothing was. */
	void (*submitted)(struct arena *a, int http_status, const char *body, size_t len, struct media_submitted *out);
	/* Ask after one. */
	enum status (*query)(struct arena *a, const struct wire_target *to, const char *id, struct wire_request *out);
	void (*told)(struct arena *a, int http_status, const char *body, size_t len, struct media_told *out);
	/* The id that a callback names, in the arena; NULL: none. */
	const char *(*called)(struct arena *a, const char *body, size_t len);
};

/* NULL: that provider makes nothing in tasks. */
const struct media_wire *media_wire_find(const char *provider);

#endif
