/*
 * `usage` events for the pages of who pays: what of theirs was settled, as it happens.
 *
 * Gathered for a second per user and told in one event, so that a thousand calls a
 * second are one event a second:
 *
 *	{"type":"usage","data":{calls, failed, request_tokens, response_tokens, cost}}
 *
 * Reactor-only.
 */
#ifndef WEIR_LEDGER_USAGE_LIVE_H
#define WEIR_LEDGER_USAGE_LIVE_H

#include <stdbool.h>
#include <stdint.h>

struct process;

/* One call that was settled. */
struct usage_news {
	const char *user_id;
	int64_t request_tokens, response_tokens, cost_ucr;
	bool failed;
};

void usage_live(struct process *p, const struct usage_news *news);
/* Free what the process keeps for it, at its end; what was not told is not. */
void usage_live_free(struct process *p);

#endif
