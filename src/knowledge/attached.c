#include "knowledge/attached.h"

#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fields.h"
#include "base/log.h"
#include "base/tokens.h"
#include "base/utf8.h"
#include "knowledge/parse.h"
#include "knowledge/text.h"

#define LOOK_EVERY_MS 500
#define TEXT_ARENA_BYTES_MAX (512u << 20)

/* A document at work. */
struct reading {
	struct context *cx;
	const struct job *job;
	const char *id, *filename, *lang;
	struct store_object object;
	int64_t look_at_ms;
	bool is_unwanted;
};

static enum status
note_failed(struct context *cx, const struct reading *r, const char *code, const struct parsed *p)
{
	enum status st = pg_query_again(cx->pg, NULL, "SELECT upload_text_failed($1::uuid, $2, $3, $4::int)", PS(r->id),
	    PS(code), PS(p == NULL ? NULL : p->kind), PI(p == NULL ? 0 : p->pages));

	if (st != OK)
		return fail(cx, st, "note %s: %s", r->id, pg_error(cx->pg));
	LOG(INFO, "attachment_not_read", LS("upload_id", r->id), LS("code", code),
	    LS("detail", p == NULL || p->detail == NULL ? "" : p->detail));
	return OK;
}

/* Asked several times a second while the parser works: is it gone? */
static bool
should_stop(void *arg)
{
	AUTO_ROWS struct rows *rows = NULL;
	struct reading *r = arg;
	int64_t now_ms = clock_mono_ms();

	if (job_stopping(r->job))
		return true;
	if (now_ms < r->look_at_ms)
		return r->is_unwanted;
	r->look_at_ms = now_ms + LOOK_EVERY_MS;
	if (pg_query_again(r->cx->pg, &rows, "SELECT FROM upload_texts WHERE upload_id = $1", PS(r->id)) == OK)
		r->is_unwanted = rows_count(rows) == 0;
	return r->is_unwanted;
}

static enum status
keep(struct context *cx, const struct reading *r, const struct parsed *p)
{
	AUTO_ROWS struct rows *rows = NULL;
	int64_t tokens = tokens_estimate(p->text, p->len);
	struct store_new placed;
	char id[UUID_LEN];
	enum status st;

	if ((st = text_place(cx, p->text, p->len, &placed)) != OK)
		return st;
	uuid_v7(id);
	st = pg_query_again(cx->pg, &rows,
	    "SELECT upload_text_ready($1::uuid, $2, $3::int, $4::bigint, $5::bigint, $6::uuid, $7, $8, $9) AS kept",
	    PS(r->id), PS(p->kind), PI(p->pages), PI(utf8_length(p->text, p->len)), PI(tokens), PS(id), PS(placed.name),
	    PX(placed.sha256, sizeof(placed.sha256)), PI(placed.size_bytes));
	if (st != OK) /* it may be somebody's: the sweep will see */
		return fail(cx, st, "keep the text of %s: %s", r->id, pg_error(cx->pg));
	store_placed(cx, &placed, row_null(rows, 0, "kept") ? NULL : row_text(rows, 0, "kept"));
	LOG(INFO, "attachment_read", LS("upload_id", r->id), LS("kind", p->kind == NULL ? "" : p->kind),
	    LI("pages", p->pages), LI("tokens", tokens));
	return OK;
}

static enum status
read_document(struct context *cx, struct reading *r)
{
	struct parsed p = { 0 };
	int fd;
	enum status st = store_open(cx, &r->object, 0, &fd);

	if (st == E_NOT_FOUND)
		return note_failed(cx, r, "parser_failed", NULL);
	if (st != OK)
		return st;
	st = parse_document(cx, fd, *r->filename == '\0' ? NULL : r->filename, NULL, r->lang, should_stop, r, &p);
	close(fd);
	if (st == E_CANCELLED)
		return OK; /* or the process ends, and it is begun anew */
	if (st != OK)
		return st;
	if (p.code == NULL && p.text[strspn(p.text, " \n\f")] == '\0')
		p.code = "empty";
	return p.code != NULL ? note_failed(cx, r, p.code, &p) : keep(cx, r, &p);
}

/* With an arena of its own: a text may be larger than a job's. */
static enum status
in_own_arena(struct context *cx, struct reading *r)
{
	struct context big = *cx;
	enum status st;

	big.arena = arena_new(65536, TEXT_ARENA_BYTES_MAX);
	big.details = NULL;
	r->cx = &big;
	st = read_document(&big, r);
	r->cx = cx;
	if (st != OK) {
		cx->error = big.error;
		cx->log_detail = arena_strdup(cx->arena, big.log_detail);
	}
	json_decref(big.details);
	arena_free(big.arena);
	return st;
}

enum status
j_upload_text(struct context *cx, struct job *job)
{
	AUTO_ROWS struct rows *rows = NULL;
	struct reading r = { .job = job, .id = field_text(job->payload, "upload_id") };
	enum status st;

	if (r.id == NULL)
		return job_give_up(job, fail(cx, E_INTERNAL, "a job without an upload"));
	st = pg_query(cx->pg, &rows,
	    "SELECT filename, lang, object_name, object_bytes, object_place FROM upload_text_take($1::uuid, $2::int)",
	    PS(r.id), PI(ATTACHED_TRIES));
	if (st != OK)
		return fail(cx, st, "what is to be read: %s", pg_error(cx->pg));
	if (rows_count(rows) == 0)
		return OK;
	r.filename = row_text(rows, 0, "filename");
	r.lang = row_text(rows, 0, "lang");
	store_read(rows, 0, &r.object);
	return in_own_arena(cx, &r);
}

void
attached_explain(struct context *cx, json_t *upload)
{
	json_t *document = json_object_get(upload, "document");
	const char *code = json_string_value(json_object_get(document, "code"));

	if (json_is_object(document))
		json_object_set_new(
		    document, "message", code == NULL ? json_null() : json_string(parse_explain(code, cx->lang)));
}
