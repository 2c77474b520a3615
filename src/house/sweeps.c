#include "house/sweeps.h"

#include "account/keys.h"
#include "account/security.h"
#include "account/quota_remind.h"
#include "base/clock.h"
#include "base/log.h"
#include "bridge/bridge.h"
#include "catalog/health_sweep.h"
#include "chat/arrange.h"
#include "chat/titles.h"
#include "chat/words.h"
#include "engine/flight.h"
#include "engine/pings.h"
#include "engine/reap.h"
#include "knowledge/ingest.h"
#include "ledger/usage.h"
#include "store/move.h"
#include "store/sweep.h"
#include "media/steps.h"

#define HOLDS_AT_ONCE 100
#define ROWS_AT_ONCE 1000

/* Holds past their lease whose task is dead: the last net below dead_tasks. */
static enum status
expire_holds(struct sweeper *s)
{
	int64_t n;
	enum status st;

	do {
		AUTO_ROWS struct rows *rows = NULL;

		st = pg_query_again(s->cx.pg, &rows, "SELECT credits_expire($1::int) AS n", PI(HOLDS_AT_ONCE));
		if (st != OK)
			return st;
		if ((n = row_int(rows, 0, "n")) > 0)
			LOG(WARN, "holds_expired", LI("count", n));
	} while (n == HOLDS_AT_ONCE && !s->stopping());
	return OK;
}

/* Calls that a dead process of this host had under way, and its allowances. */
static enum status
settle_flights(struct sweeper *s)
{
	int n;

	return flights_settle(&s->cx, &n);
}

/* Allowances of processes that died with their host: the last net below dead_flights. */
static enum status
expire_allowances(struct sweeper *s)
{
	int64_t n;
	enum status st;

	if (clock_mono_ms() < s->patient_until_ms)
		return OK;
	do {
		AUTO_ROWS struct rows *rows = NULL;

		st = pg_query_again(s->cx.pg, &rows, "SELECT allowances_expire($1::int) AS n", PI(HOLDS_AT_ONCE));
		if (st != OK)
			return st;
		if ((n = row_int(rows, 0, "n")) > 0)
			LOG(WARN, "allowances_expired", LI("count", n));
	} while (n == HOLDS_AT_ONCE && !s->stopping());
	return OK;
}

/* API keys whose time is over are called so. */
static enum status
expire_keys(struct sweeper *s)
{
	int64_t n;
	enum status st;

	do {
		AUTO_ROWS struct rows *rows = NULL;

		st = pg_query_again(s->cx.pg, &rows, "SELECT api_keys_expire($1::int) AS n", PI(ROWS_AT_ONCE));
		if (st != OK)
			return st;
		if ((n = row_int(rows, 0, "n")) > 0)
			LOG(INFO, "keys_expired", LI("count", n));
	} while (n == ROWS_AT_ONCE && !s->stopping());
	return OK;
}

/* Rows that have served: keys, journals, sessions, resets, dead processes. */
static enum status
prune(struct sweeper *s)
{
	bool more;
	enum status st;

	do {
		AUTO_ROWS struct rows *rows = NULL;

		st = pg_query_again(
		    s->cx.pg, &rows, "SELECT what, removed FROM prune_expired($1::int)", PI(ROWS_AT_ONCE));
		if (st != OK)
			return st;
		more = false;
		for (int i = 0; i < rows_count(rows); i++) {
			int64_t removed = row_int(rows, i, "removed");

			if (removed > 0)
				LOG(INFO, "pruned", LS("what", row_text(rows, i, "what")), LI("count", removed));
			more = more || removed == ROWS_AT_ONCE;
		}
	} while (more && !s->stopping());
	return OK;
}

const struct sweep sweeps[] = {
#define SWEEP(name, every_ms, fn) { #name, every_ms, false, fn },
#define SLOW_SWEEP(name, every_ms, fn) { #name, every_ms, true, fn },
#include "house/sweeps.def"
#undef SWEEP
	{ NULL, 0, false, NULL },
};
