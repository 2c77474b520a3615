#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "store/local.h"
#include "store/s3.h"
#include "store/sweep.h"

struct sweeping {
	struct context *cx;
	struct s3 *bucket;
	bool (*stopping)(void *);
	void *arg;
	struct bucket_swept *out;
};

static bool
is_over(const struct sweeping *w)
{
	return w->stopping != NULL && w->stopping(w->arg);
}

static enum status
refuse(struct sweeping *w, enum status st, const char *doing)
{
	return fail(w->cx, st, "%s: %s", doing, s3_why(w->bucket));
}

/* Ours by its name, and old: whoever is about to write its row has had the time. */
static bool
is_candidate(const struct context *cx, const struct s3_item *item)
{
	const char *slash = strchr(item->name, '/');
	char folder[3] = "";

	if (slash == NULL || slash - item->name != 2 || item->changed_ms == 0)
		return false;
	memcpy(folder, item->name, 2);
	return local_is_name(folder, slash + 1) && item->changed_ms < clock_wall_ms() - cx->conf->storage_orphan_age;
}

static enum status
remove_one(struct sweeping *w, const char *name)
{
	enum status st = s3_delete(w->bucket, name);

	if (st != OK)
		return refuse(w, st, "delete an orphan");
	w->out->removed++;
	return OK;
}

/*
 * Remove those of the page that no row knows.  With driver = local also what was moved back:
 * while objects move to the bucket a row may say "in the bucket" a moment later.
 */
static enum status
sweep_page(struct sweeping *w, const struct s3_page *page)
{
	AUTO_ROWS struct rows *rows = NULL;
	struct buf names = BUF_INIT(0);
	enum status st;

	for (size_t i = 0; i < page->n; i++)
		if (is_candidate(w->cx, &page->items[i])) /* hex, '/', '.', '-': nothing to be quoted */
			pg_array_add(&names, page->items[i].name);
	w->out->seen += (int64_t)page->n;
	if (names.len == 0)
		return OK;
	pg_array_end(&names);
	st = pg_query_again(w->cx->pg, &rows,
	    "SELECT f.name FROM unnest($1::text[]) AS f(name) LEFT JOIN objects o ON o.name = f.name"
	    " WHERE o.id IS NULL OR ($2 AND o.place = 'local')",
	    PS(buf_str(&names)), PB(strcmp(w->cx->conf->storage_driver, "local") == 0));
	buf_free(&names);
	if (st != OK)
		return fail(w->cx, st, "find orphans: %s", pg_error(w->cx->pg));
	for (int i = 0; i < rows_count(rows) && st == OK && !is_over(w); i++)
		st = remove_one(w, row_text(rows, i, "name"));
	return st;
}

static enum status
sweep_objects(struct sweeping *w)
{
	struct s3_page page = { 0 };
	enum status st;

	do {
		st = s3_list(w->bucket, S3_LIST_MAX, &page);
		st = st != OK ? refuse(w, st, "list the bucket") : sweep_page(w, &page);
	} while (st == OK && page.more && !is_over(w));
	free(page.items);
	return st;
}

/* What was begun and never ended costs as much as what is there. */
static enum status
sweep_uploads(struct sweeping *w)
{
	struct s3_page page = { 0 };
	enum status st;

	do {
		if ((st = s3_list_uploads(w->bucket, &page)) != OK)
			break;
		for (size_t i = 0; i < page.n && st == OK && !is_over(w); i++) {
			if (!is_candidate(w->cx, &page.items[i]))
				continue;
			st = s3_abort(w->bucket, page.items[i].name, page.items[i].upload_id);
			w->out->aborted += st == OK;
		}
	} while (st == OK && page.more && !is_over(w));
	free(page.items);
	if (st != OK) /* some stores know no such list */
		LOG(WARN, "uploads_in_parts_not_swept", LS("why", s3_why(w->bucket)));
	return st == E_INTERNAL ? OK : st == OK ? OK : refuse(w, st, "list uploads in parts");
}

enum status
sweep_bucket(struct context *cx, bool (*stopping)(void *), void *arg, struct bucket_swept *out)
{
	struct sweeping w = { cx, NULL, stopping, arg, out };
	enum status st;

	*out = (struct bucket_swept){ 0 };
	if (s3_problem(cx->conf) != NULL)
		return fail(cx, E_INTERNAL, "%s", s3_problem(cx->conf));
	w.bucket = s3_new(cx->conf, 0);
	if ((st = sweep_objects(&w)) == OK)
		st = sweep_uploads(&w);
	s3_free(w.bucket);
	if (out->removed + out->aborted > 0)
		LOG(INFO, "pruned", LS("what", "bucket"), LI("count", out->removed), LI("uploads", out->aborted));
	return st;
}

static bool
job_is_over(void *job)
{
	return job_stopping(job);
}

enum status
j_sweep_bucket(struct context *cx, struct job *job)
{
	struct bucket_swept swept = { 0 };

	return s3_configured(cx->conf) ? sweep_bucket(cx, job_is_over, job, &swept) : OK;
}
