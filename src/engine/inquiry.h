/*
 * Inquiries: what is asked of providers besides answers, such as their models and
 * what is left of an account.  Each goes as a call goes: through the channel's
 * proxy, with its headers, past the address guard, and holds no worker meanwhile.
 */
#ifndef WEIR_ENGINE_INQUIRY_H
#define WEIR_ENGINE_INQUIRY_H

#include "catalog/offer.h"
#include "core/request.h"
#include "wire/account.h"

#define INQUIRY_TIMEOUT_MS 20000
#define INQUIRIES_MAX 50 /* at once */

struct inquiry_result {
	enum status status; /* OK: a 2xx answer */
	int http_status;    /* 0: no answer */
	const char *body;   /* of an OK */
	size_t len;
	char detail[256]; /* of a failure, for admins; no secrets */
};

/* What to ask whom; borrowed until it is over. */
struct inquiry {
	const struct offer_account *account;
	const struct offer_key *key; /* NULL: without */
	bool is_supported;	     /* false: it is not asked, and its result is E_NOT_FOUND */
	struct wire_request rq;
	struct inquiry_result result;
};

/* Make an inquiry of a channel. */
void inquiry_make(struct arena *a, enum account_what what, const struct offer_account *account,
    const struct offer_key *key, struct inquiry *out);
/* The channel, enabled or not, as `catalog/offer.h` has it; stays as long as the arena.
 * E_NOT_FOUND; E_UNAVAILABLE its proxy cannot be opened.  Worker, weirctl. */
enum status inquiry_channel(struct context *cx, int64_t channel_id, const struct offer_account **out) MUST_CHECK;
/* Ask them all at once, through the process' reactor; then(rq, list, n, arg) answers, on a
 * worker again.  Worker. */
typedef enum status inquiry_then_fn(struct request *rq, struct inquiry *list, size_t n, void *arg);
enum status inquire(struct request *rq, struct inquiry *list, size_t n, inquiry_then_fn *then, void *arg) MUST_CHECK;
/* Ask them, for a program that runs no reactor: weirctl.  Main thread. */
void inquire_alone(struct context *cx, struct inquiry *list, size_t n);

#endif
