#include "jobs/prune.h"

#include "base/log.h"
#include "io/pg.h"

#define ROWS_AT_ONCE 1000

enum status
j_prune_jobs(struct context *cx, struct job *job)
{
	int64_t n, all = 0;

	do {
		AUTO_ROWS struct rows *rows = NULL;
		enum status st = pg_query_again(cx->pg, &rows, "SELECT jobs_prune($1::int) AS n", PI(ROWS_AT_ONCE));

		if (st != OK)
			return fail(cx, st, "%s", pg_error(cx->pg));
		n = row_int(rows, 0, "n");
		all += n;
	} while (n == ROWS_AT_ONCE && !job_stopping(job));
	if (all > 0)
		LOG(INFO, "jobs_pruned", LI("count", all));
	return OK;
}
