#include "knowledge/ingest.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fields.h"
#include "base/log.h"
#include "base/utf8.h"
#include "knowledge/fetch.h"
#include "knowledge/news.h"
#include "knowledge/parse.h"
#include "knowledge/text.h"
#include "search/chunk.h"
#include "search/terms.h"

#define CHUNKS_AT_ONCE 200
#define TEXT_ARENA_BYTES_MAX (512u << 20)
#define LOOK_EVERY_MS 500
#define IDLE_AT_ONCE 100
#define SWEEP_AT_ONCE 5000
#define SWEEP_MS 2000

/* A version at work. */
struct work_row {
	const char *document_id, *user_id, *filename, *title, *source_url, *lang;
	int version, chunk_tokens, chunk_overlap;
	bool has_object;
	struct store_object object;
};

struct watch {
	struct context *cx;
	const struct job *job;
	const struct work_row *w;
	int64_t look_at_ms;
	bool is_unwanted;
};

/* ---- what became of it -------------------------------------------------------- */

static enum status
note_failed(
    struct context *cx, const struct work_row *w, const char *code, const char *detail, const struct parsed *parsed)
{
	enum status st = pg_query_again(cx->pg, NULL,
	    "SELECT kb_parse_failed($1::uuid, $2::int, $3, $4, $5, nullif($6::int, 0))", PS(w->document_id),
	    PI(w->version), PS(code), PS(detail), PS(parsed == NULL ? NULL : parsed->kind),
	    PI(parsed == NULL ? 0 : parsed->pages));

	if (st != OK)
		return fail(cx, st, "note %s: %s", w->document_id, pg_error(cx->pg));
	LOG(INFO, "knowledge_not_parsed", LS("document_id", w->document_id), LI("version", w->version),
	    LS("code", code), LS("detail", detail == NULL ? "" : detail));
	knowledge_tell(cx, w->user_id, w->document_id);
	return OK;
}

/* *is_wanted: it has not been cancelled or deleted. */
static enum status
note_state(struct context *cx, const struct work_row *w, const char *state, bool *is_wanted)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query_again(cx->pg, &rows, "SELECT kb_parse_state($1::uuid, $2::int, $3) AS is_wanted",
	    PS(w->document_id), PI(w->version), PS(state));

	if (st != OK)
		return fail(cx, st, "note %s: %s", w->document_id, pg_error(cx->pg));
	*is_wanted = row_bool(rows, 0, "is_wanted");
	if (*is_wanted)
		knowledge_tell(cx, w->user_id, w->document_id);
	return OK;
}

/* Asked several times a second while the parser works. */
static bool
should_stop(void *arg)
{
	AUTO_ROWS struct rows *rows = NULL;
	struct watch *v = arg;
	int64_t now_ms = clock_mono_ms();

	if (job_stopping(v->job))
		return true;
	if (now_ms < v->look_at_ms)
		return v->is_unwanted;
	v->look_at_ms = now_ms + LOOK_EVERY_MS;
	if (pg_query_again(v->cx->pg, &rows,
		"SELECT FROM kb_version WHERE document_id = $1 AND version = $2 AND state = 'parsing'",
		PS(v->w->document_id), PI(v->w->version)) == OK)
		v->is_unwanted = rows_count(rows) == 0;
	return v->is_unwanted;
}

/* ---- fetching ------------------------------------------------------------------- */

static enum status
keep_fetched(struct context *cx, struct work_row *w, struct spool *file, const char *filename, bool *goes_on)
{
	AUTO_ROWS struct rows *rows = NULL;
	struct store_new placed;
	const char *outcome;
	enum status st;

	if ((st = store_place(cx, file, &placed)) != OK)
		return st;
	st = pg_query_again(cx->pg, &rows,
	    "SELECT outcome, object_name FROM kb_fetched($1::uuid, $2::int, $3, $4::uuid, $5, $6, $7, $8)",
	    PS(w->document_id), PI(w->version), PS(filename), PS(file->id), PS(placed.name),
	    PX(placed.sha256, sizeof(placed.sha256)), PI(placed.size_bytes), PI(cx->conf->uploads_user_bytes));
	if (st != OK) /* it may be somebody's: the sweep will see */
		return fail(cx, st, "keep %s: %s", w->document_id, pg_error(cx->pg));
	outcome = row_text(rows, 0, "outcome");
	*goes_on = strcmp(outcome, "ok") == 0;
	store_placed(cx, &placed, *goes_on ? row_text(rows, 0, "object_name") : NULL);
	if (!*goes_on)
		return strcmp(outcome, "gone") == 0 ? OK : note_failed(cx, w, outcome, NULL, NULL);
	snprintf(w->object.name, sizeof(w->object.name), "%s", row_text(rows, 0, "object_name"));
	w->object.size_bytes = placed.size_bytes;
	w->object.in_bucket = false;
	w->has_object = true;
	if (*w->filename == '\0')
		w->filename = filename;
	return OK;
}

/* From its address, unless that was done. */
static enum status
fetch(struct context *cx, const struct job *job, struct work_row *w, bool *goes_on)
{
	struct spool *file = ARENA_NEW(cx->arena, struct spool);
	const char *filename = "";
	enum status st;

	*goes_on = w->has_object;
	if (w->has_object)
		return OK;
	if (w->source_url == NULL)
		return note_failed(cx, w, "file_missing", NULL, NULL);
	*file = (struct spool){ .fd = -1 };
	if (!spool_open(cx, file))
		return spool_refuse(cx, "open", cx->conf->uploads_folder);
	st = knowledge_fetch(cx, job, w->source_url, file, &filename);
	if (st == OK)
		st = keep_fetched(cx, w, file, filename, goes_on);
	else if (st == E_FORBIDDEN || st == E_TOO_LARGE || st == E_UPSTREAM_FAILED)
		st = note_failed(cx, w,
		    st == E_FORBIDDEN	    ? "address_forbidden"
			: st == E_TOO_LARGE ? "too_large"
					    : "fetch_failed",
		    cx->log_detail, NULL);
	spool_close(file);
	return st;
}

/* ---- chunking ---------------------------------------------------------------------- */

static json_t *
chunk_json(struct arena *a, const struct chunk *c)
{
	struct crypto_sha256 *h = crypto_sha256_new();
	const char *body = arena_strndup(a, c->body, c->body_len);
	unsigned char hash[SHA256_BYTES];
	char hex[2 * SHA256_BYTES + 1];

	crypto_sha256_add(h, c->heading, strlen(c->heading));
	crypto_sha256_add(h, "\n", 1);
	crypto_sha256_add(h, c->body, c->body_len);
	crypto_sha256_end(h, hash);
	crypto_hex(hash, sizeof(hash), hex);
	return json_pack("{s:i, s:i, s:i, s:I, s:I, s:s, s:s, s:i, s:s, s:s}", "ord", c->ord, "page_from", c->page_from,
	    "page_to", c->page_to, "c0", (json_int_t)c->c0, "c1", (json_int_t)c->c1, "heading", c->heading, "body",
	    body, "ntok", c->tokens, "tsv", terms_tsvector(a, c->heading, body), "hash", hex);
}

static enum status
add_chunks(struct context *cx, const struct work_row *w, const struct chunk *chunks, int n, bool *is_wanted)
{
	AUTO_ROWS struct rows *rows = NULL;
	struct arena *a = arena_new(65536, TEXT_ARENA_BYTES_MAX);
	json_t *list = json_array();
	char *text;
	enum status st;

	for (int i = 0; i < n; i++)
		json_array_append_new(list, chunk_json(a, &chunks[i]));
	text = json_dumps(list, JSON_COMPACT);
	json_decref(list);
	arena_free(a);
	st = pg_query_again(cx->pg, &rows, "SELECT kb_chunks_add($1::uuid, $2::int, $3::jsonb) AS is_wanted",
	    PS(w->document_id), PI(w->version), PS(text));
	free(text);
	if (st != OK)
		return fail(cx, st, "keep chunks: %s", pg_error(cx->pg));
	*is_wanted = row_bool(rows, 0, "is_wanted");
	return OK;
}

static enum status
finish(struct context *cx, const struct work_row *w, const struct parsed *p, const char *title, int chunks)
{
	AUTO_ROWS struct rows *rows = NULL;
	struct store_new placed;
	char id[UUID_LEN], job_id[UUID_LEN];
	enum status st;

	if ((st = text_place(cx, p->text, p->len, &placed)) != OK)
		return st;
	uuid_v7(id);
	uuid_v7(job_id);
	st = pg_query_again(cx->pg, &rows,
	    "SELECT kb_parsed($1::uuid, $2::int, $3, $4, $5::int, $6::int, $7::int, $8::uuid, $9, $10, $11, $12::uuid) AS kept",
	    PS(w->document_id), PI(w->version), PS(p->kind), PS(title), PI(p->pages), PI(utf8_length(p->text, p->len)),
	    PI(chunks), PS(id), PS(placed.name), PX(placed.sha256, sizeof(placed.sha256)), PI(placed.size_bytes),
	    PS(job_id));
	if (st != OK)
		return fail(cx, st, "keep the text of %s: %s", w->document_id, pg_error(cx->pg));
	store_placed(cx, &placed, row_text(rows, 0, "kept"));
	LOG(INFO, "knowledge_parsed", LS("document_id", w->document_id), LI("version", w->version), LS("kind", p->kind),
	    LI("pages", p->pages), LI("chunks", chunks));
	knowledge_tell(cx, w->user_id, w->document_id);
	return OK;
}

static enum status
cut(struct context *cx, const struct job *job, const struct work_row *w, const struct parsed *p)
{
	struct chunk_rules rules = { .tokens = w->chunk_tokens, .overlap_percent = w->chunk_overlap };
	const char *title = *w->title != '\0' ? w->title : p->title != NULL ? p->title : w->filename;
	struct chunk *chunks;
	bool is_wanted = true;
	int n, at_once = 0;
	enum status st;

	if ((st = note_state(cx, w, "chunking", &is_wanted)) != OK || !is_wanted)
		return st;
	n = chunk_text(cx->arena, title, p->text, p->len, &rules, &chunks);
	if (n == 0)
		return note_failed(cx, w, "empty", NULL, p);
	for (int i = 0; p->pages == 0 && i < n; i++)
		chunks[i].page_from = chunks[i].page_to = 0; /* there are none to be named */
	for (int i = 0; st == OK && is_wanted && i < n; i += at_once) {
		at_once = n - i < CHUNKS_AT_ONCE ? n - i : CHUNKS_AT_ONCE;
		if (job_stopping(job))
			return OK; /* it is begun anew */
		st = add_chunks(cx, w, chunks + i, at_once, &is_wanted);
	}
	return st == OK && is_wanted ? finish(cx, w, p, title, n) : st;
}

/* ---- parsing --------------------------------------------------------------------------- */

static enum status
parse(struct context *cx, const struct job *job, struct work_row *w)
{
	struct watch watch = { .cx = cx, .job = job, .w = w };
	struct parsed *p = ARENA_NEW(cx->arena, struct parsed);
	int fd;
	enum status st = store_open(cx, &w->object, 0, &fd);

	if (st == E_NOT_FOUND)
		return note_failed(cx, w, "file_missing", w->object.name, NULL);
	if (st != OK)
		return st;
	*p = (struct parsed){ 0 };
	st = parse_document(
	    cx, fd, *w->filename == '\0' ? NULL : w->filename, job->secret, w->lang, should_stop, &watch, p);
	close(fd);
	if (st == E_CANCELLED)
		return OK; /* or the process ends, and it is begun anew */
	if (st != OK)
		return st;
	return p->code != NULL ? note_failed(cx, w, p->code, p->detail, p) : cut(cx, job, w, p);
}

static enum status
do_version(struct context *cx, const struct job *job, struct work_row *w)
{
	bool goes_on;
	enum status st;

	if ((st = note_state(cx, w, "parsing", &goes_on)) != OK || !goes_on)
		return st;
	if ((st = fetch(cx, job, w, &goes_on)) != OK || !goes_on)
		return st;
	return parse(cx, job, w);
}

static void
take_version(struct context *cx, const struct rows *rows, struct work_row *out)
{
	struct arena *a = cx->arena;

	*out = (struct work_row){ .document_id = arena_strdup(a, row_text(rows, 0, "document_id")),
		.user_id = arena_strdup(a, row_text(rows, 0, "user_id")),
		.filename = arena_strdup(a, row_text(rows, 0, "filename")),
		.title = arena_strdup(a, row_text(rows, 0, "title")),
		.source_url = arena_strdup(a, row_text(rows, 0, "source_url")),
		.lang = arena_strdup(a, row_text(rows, 0, "lang")),
		.version = (int)row_int(rows, 0, "version"),
		.chunk_tokens = (int)row_int(rows, 0, "chunk_tokens"),
		.chunk_overlap = (int)row_int(rows, 0, "chunk_overlap"),
		.has_object = !row_null(rows, 0, "object_name") };
	if (out->has_object)
		store_read(rows, 0, &out->object);
}

/* With an arena of its own: a text may be larger than a job's. */
static enum status
in_own_arena(struct context *cx, const struct job *job, struct work_row *w)
{
	struct context big = *cx;
	enum status st;

	big.arena = arena_new(65536, TEXT_ARENA_BYTES_MAX);
	big.details = NULL;
	st = do_version(&big, job, w);
	if (st != OK) {
		cx->error = big.error;
		cx->log_detail = arena_strdup(cx->arena, big.log_detail);
	}
	json_decref(big.details);
	arena_free(big.arena);
	return st;
}

enum status
j_knowledge_parse(struct context *cx, struct job *job)
{
	AUTO_ROWS struct rows *rows = NULL;
	struct work_row *w = ARENA_NEW(cx->arena, struct work_row);
	const char *user_id = field_text(job->payload, "user_id"), *alone = field_text(job->payload, "document_id");
	enum status st;

	if (user_id == NULL)
		return job_give_up(job, fail(cx, E_INTERNAL, "a job without a user"));
	st = pg_query_again(cx->pg, &rows,
	    "SELECT document_id, version, user_id, filename, title, source_url, lang, chunk_tokens, chunk_overlap,"
	    " object_name, object_bytes, object_place FROM kb_parse_take($1::uuid, $2::uuid, $3::uuid, $4::int)",
	    PS(user_id), PS(alone), PS(job->id), PI(PARSE_TRIES));
	if (st != OK)
		return fail(cx, st, "what is to be parsed: %s", pg_error(cx->pg));
	if (rows_count(rows) == 0)
		return OK;
	take_version(cx, rows, w);
	if ((st = in_own_arena(cx, job, w)) != OK)
		return st;
	return alone != NULL && !job_stopping(job) ? OK : job_again(job, 0);
}

/* ---- by the clock ----------------------------------------------------------------------- */

static enum status
take_up(struct sweeper *s)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query_again(
	    s->cx.pg, &rows, "SELECT kind, user_id FROM kb_idle($1::int)", PI(IDLE_AT_ONCE));

	for (int i = 0; st == OK && i < rows_count(rows) && !s->stopping(); i++) {
		char id[UUID_LEN];

		uuid_v7(id);
		st = pg_query_again(s->cx.pg, NULL, "SELECT kb_job($1::uuid, $2, $3::uuid)", PS(id),
		    PS(row_text(rows, i, "kind")), PS(row_text(rows, i, "user_id")));
	}
	return st;
}

enum status
knowledge_sweep(struct sweeper *s)
{
	int64_t by_ms = clock_mono_ms() + SWEEP_MS;
	enum status st = take_up(s);
	bool is_more = true;

	while (st == OK && is_more && clock_mono_ms() < by_ms && !s->stopping()) {
		AUTO_ROWS struct rows *rows = NULL;

		st = pg_query(s->cx.pg, &rows, "SELECT kb_sweep($1::int, $2::int) AS n", PI(SWEEP_AT_ONCE),
		    PI(s->cx.conf->knowledge_cache_days));
		is_more = st == OK && row_int(rows, 0, "n") > 0;
	}
	return st;
}
