#include "knowledge/pgvector.h"

#include "base/buf.h"
#include "base/log.h"
#include "io/pg.h"

/* As pgvector reads one. */
static const char *
vector_text(struct arena *a, const float *query, const float *mean, size_t dims)
{
	struct buf out = BUF_INIT(0);
	const char *text;

	for (size_t i = 0; i < dims; i++)
		buf_printf(&out, "%s%.5g", i > 0 ? "," : "[", (double)(query[i] - mean[i]));
	buf_puts(&out, "]");
	text = arena_strndup(a, out.data, out.len);
	buf_free(&out);
	return text;
}

void
pgvector_nearest(struct context *cx, int64_t space_id, const float *query, const float *mean, size_t dims, size_t limit,
    bool *found, int64_t **chunks, size_t *n)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st;

	*found = false;
	st = pg_query_again(cx->pg, &rows,
	    "SELECT f.found IS NOT NULL AS is_there, c.id FROM (SELECT kb_near($1, $2, $3::int) AS found OFFSET 0) AS f LEFT JOIN LATERAL unnest(f.found) AS c (id) ON true",
	    PI(space_id), PS(vector_text(cx->arena, query, mean, dims)), PI(limit));
	if (st != OK) { /* it is never required */
		LOG(WARN, "knowledge_pgvector", LI("space", space_id), LS("why", pg_error(cx->pg)));
		return;
	}
	*n = 0;
	*chunks = ARENA_ARRAY(cx->arena, int64_t, (size_t)rows_count(rows) + 1);
	*found = row_bool(rows, 0, "is_there");
	for (int i = 0; i < rows_count(rows); i++)
		if (!row_null(rows, i, "id"))
			(*chunks)[(*n)++] = row_int(rows, i, "id");
}
