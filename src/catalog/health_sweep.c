#include "catalog/health_sweep.h"

#include "base/log.h"
#include "io/pg.h"

#define ROWS_AT_ONCE 1000

enum status
sum_channel_hours(struct sweeper *s)
{
	return pg_query_again(s->cx.pg, NULL, "SELECT channel_hours_sum()");
}

enum status
prune_channels(struct sweeper *s)
{
	bool more;
	enum status st;

	do {
		AUTO_ROWS struct rows *rows = NULL;

		st = pg_query_again(s->cx.pg, &rows, "SELECT what, removed FROM channels_prune($1::int, $2, $3)",
		    PI(ROWS_AT_ONCE), PI(s->cx.conf->health_keep_events), PI(s->cx.conf->health_keep_hours));
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
