/*
 * Providers that make pictures and films: most as tasks of their own, where one request
 * makes a task, others ask after it, and a callback tells of its end; some in the answer.
 * How such a provider is asked and understood; formats and nothing else.  None of them
 * knows a key by which a request that is sent again would be known for the same: what is
 * unclear is never sent again (media/steps.c).
 *
 * TO ADD A PROVIDER of tasks like others': a row in tasks/rows.def; of others: a struct media_wire in a folder of its own, a row in media.c, one
 * in quirks.def, transcripts in tests/unit/wire, and let weir-demo play it.
 */
#ifndef WEIR_WIRE_MEDIA_H
#define WEIR_WIRE_MEDIA_H

#include <jansson.h>

#include "base/scan.h"
#include "wire/wire.h"

/* A picture that goes with what is asked; borrowed. */
struct media_file {
	const char *type, *name; /* "image/png", "1.png" */
	const char *data;
	size_t len;
};

/* What is to be made. */
struct media_ask {
	const json_t *input;		/* an object, as the model's row says it */
	const char *callback;		/* NULL: none */
	const struct media_file *files; /* of media_wire.files_member */
	size_t n_files;
};

/* What became of a request to make something. */
enum media_submit {
	MEDIA_ACCEPTED, /* it has an id */
	MEDIA_MADE,	/* it is in the answer: told() reads it */
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

enum media_state {
	MEDIA_WAITING,
	MEDIA_RUNNING,
	MEDIA_READY, /* done: what was made is told by query_result() */
	MEDIA_DONE,
	MEDIA_FAILED,
	MEDIA_UNTOLD,
};
#define MEDIA_URLS_MAX 16

/* What a provider tells of a task. */
struct media_told {
	enum media_state state; /* MEDIA_UNTOLD: nothing that could be understood; ask again */
	bool is_missing;	/* UNTOLD: it does not know such a task, or not yet */
	int progress;		/* per cent; -1: not told */
	const char *urls[MEDIA_URLS_MAX];
	size_t n_urls;
	struct scan_text made[MEDIA_URLS_MAX]; /* in base64, in the answer's bytes */
	size_t n_made;
	enum status status; /* of a failed one: why */
	double cost;	    /* in the provider's own credits; negative: not told */
	char detail[256];   /* as above */
};

struct media_wire {
	const char *provider; /* as in channels.provider */
	/* The member of the input whose pictures are wanted as bytes; NULL: addresses will do. */
	const char *files_member;
	/* Make one. */
	enum status (*submit)(const struct media_wire *self, struct arena *a, const struct wire_target *to,
	    const struct media_ask *ask, struct wire_request *out);
	/* What was answered; http_status 0: nothing was. */
	void (*submitted)(const struct media_wire *self, struct arena *a, int http_status, const char *body, size_t len,
	    struct media_submitted *out);
	/* Ask after one; NULL, and with it called(): it answers when it is made. */
	enum status (*query)(const struct media_wire *self, struct arena *a, const struct wire_target *to,
	    const char *id, struct wire_request *out);
	void (*told)(const struct media_wire *self, struct arena *a, int http_status, const char *body, size_t len,
	    struct media_told *out);
	/* Ask for what was made, of one that is ready; NULL: none ever is. */
	enum status (*query_result)(const struct media_wire *self, struct arena *a, const struct wire_target *to,
	    const char *id, struct wire_request *out);
	void (*told_result)(const struct media_wire *self, struct arena *a, int http_status, const char *body,
	    size_t len, struct media_told *out);
	/* The id that a callback names, in the arena; NULL: none. */
	const char *(*called)(const struct media_wire *self, struct arena *a, const char *body, size_t len);
};

/* NULL: that provider makes no such things. */
const struct media_wire *media_wire_find(const char *provider);

/* Is it an id that can be put into a URL as it is? */
bool media_is_id(const char *id);

#endif
