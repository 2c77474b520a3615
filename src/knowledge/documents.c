#include "knowledge/documents.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "core/secret.h"
#include "files/uploads.h"
#include "knowledge/news.h"
#include "knowledge/text.h"
#include "store/store.h"

#define TEXT_CHARS_MAX 500000
/* clang-format off */
const struct field document_fields[] = {
	{ "upload_id", F_UUID, 0, .help = "an upload of the caller" },
	{ "url", F_URL, 0, .max = 2000, .help = "an address that is open to everybody" },
	{ "text", F_PROSE, 0, .min = 1, .max = TEXT_CHARS_MAX, .help = "the text itself, as Markdown" },
	{ "title", F_LINE, 0, .min = 1, .max = 500, .help = "shown name; default: the document's own, or its file's" },
	{ "filename", F_LINE, 0, .min = 1, .max = 255, .help = "of an upload, which has none" },
	{ .name = NULL },
};
/* clang-format on */

/* ---- reading -------------------------------------------------------------------- */

static void
explain_one(struct context *cx, json_t *o)
{
	const char *text = knowledge_explain(json_string_value(json_object_get(o, "code")), cx->lang);

	json_object_set_new(o, "message", text == NULL ? json_null() : json_string(text));
}

/* Puts into words what the codes say. */
static void
explain(struct context *cx, json_t *document)
{
	json_t *next = json_object_get(document, "next");

	explain_one(cx, document);
	if (json_is_object(next))
		explain_one(cx, next);
}

/* $3 base, $4 the caller, $5 state, $6 what its title has */
#define DOCUMENTS(than, order) \
	LIST_SQL("uuid", "SELECT FROM kb_document d WHERE d.id = $1::uuid AND d.kb_id = $3::uuid", \
	    "SELECT kb_document_json(d) AS json, d.id AS at, d.id AS tie FROM kb_document d" \
	    " JOIN kb_version v ON v.document_id = d.id AND v.version = d.version" \
	    " WHERE d.kb_id = $3::uuid AND kb_may_read($3::uuid, $4::uuid) AND ($5::text IS NULL OR v.state = $5)" \
	    " AND ($6::text IS NULL OR strpos(lower(v.title || ' ' || v.filename), lower($6)) > 0)" \
	    " AND d.id " than " " LIST_FIRST_UUID, \
	    order)
static const struct list documents = { "documents", DOCUMENTS("<", "DESC"), DOCUMENTS(">", "ASC") };

static enum status
need_base(struct context *cx, const char *kb_id)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st;

	if (kb_id == NULL)
		return fail(cx, E_NOT_FOUND, "no such base");
	st = pg_query_again(
	    cx->pg, &rows, "SELECT kb_may_read($1::uuid, $2::uuid) AS may", PS(kb_id), PS(cx->caller.user_id));
	if (st != OK)
		return fail(cx, st, "find base: %s", pg_error(cx->pg));
	return row_bool(rows, 0, "may") ? OK : fail(cx, E_NOT_FOUND, "base %s", kb_id);
}

enum status
documents_list(struct context *cx, const char *kb_id, const struct page *page, const char *state, const char *q,
    json_t **items, bool *more)
{
	json_t *item;
	size_t i;
	enum status st;

	if ((st = need_base(cx, kb_id)) != OK ||
	    (st = page_run(cx, page, &documents, items, more, PS(kb_id), PS(cx->caller.user_id), PS(state), PS(q))) !=
		OK)
		return st;
	json_array_foreach(*items, i, item)
		explain(cx, item);
	return OK;
}

enum status
document_find(struct context *cx, const char *kb_id, const char *id, json_t **out)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st;

	if (kb_id == NULL || id == NULL)
		return fail(cx, E_NOT_FOUND, "no such document");
	st = pg_query_again(cx->pg, &rows,
	    "SELECT kb_document_json(d) AS json FROM kb_document d"
	    " WHERE d.id = $1::uuid AND d.kb_id = $2::uuid AND kb_may_read(d.kb_id, $3::uuid)",
	    PS(id), PS(kb_id), PS(cx->caller.user_id));
	if (st != OK)
		return fail(cx, st, "read document: %s", pg_error(cx->pg));
	if (rows_count(rows) == 0)
		return fail(cx, E_NOT_FOUND, "document %s", id);
	*out = row_json(rows, 0, "json");
	explain(cx, *out);
	return OK;
}

/* ---- adding ----------------------------------------------------------------------- */

/* The text into a file. */
static enum status
spool_text(struct context *cx, const char *text, struct spool **out)
{
	struct spool *s = ARENA_NEW(cx->arena, struct spool);

	*s = (struct spool){ .fd = -1 };
	if (!spool_open(cx, s))
		return spool_refuse(cx, "open", cx->conf->uploads_folder);
	if (!spool_add(s, text, strlen(text)))
		return spool_refuse(cx, "write", s->path);
	*out = s;
	return OK;
}

/* What is added: the arguments of kb_document_put(). */
struct adding {
	struct spool *spool; /* NULL: it is an upload, or comes later */
	const char *filename, *title, *url, *upload_id;
};

static enum status
read_source(struct context *cx, const struct document_source *from, struct adding *out)
{
	const char *text = field_text(from->in, "text");
	enum status st;

	*out = (struct adding){ .spool = from->spool,
		.filename = upload_plain_name(cx->arena, from->filename),
		.title = from->title == NULL ? "" : from->title };
	if (from->spool != NULL)
		return OK;
	out->url = field_text(from->in, "url");
	out->upload_id = field_text(from->in, "upload_id");
	if ((text != NULL) + (out->url != NULL) + (out->upload_id != NULL) != 1)
		return fail_field(cx, "body", "must have one of upload_id, url and text");
	out->title = field_text(from->in, "title") == NULL ? "" : field_text(from->in, "title");
	out->filename = upload_plain_name(cx->arena, field_text(from->in, "filename"));
	if (text == NULL)
		return OK;
	if ((st = spool_text(cx, text, &out->spool)) != OK)
		return st;
	out->filename = *out->title == '\0'
	    ? "text.md"
	    : arena_printf(cx->arena, "%.200s.md", upload_plain_name(cx->arena, out->title));
	return OK;
}

static enum status
refuse(struct context *cx, const char *outcome, const struct rows *rows)
{
	if (strcmp(outcome, "too_many") == 0)
		return fail_with(cx, E_KNOWLEDGE_LIMIT,
		    json_pack("{s:I}", "limit", (json_int_t)cx->conf->knowledge_documents),
		    "as many documents as there may be");
	if (strcmp(outcome, "quota") == 0)
		return fail_with(cx, E_STORAGE_QUOTA,
		    json_pack("{s:I, s:I}", "limit_bytes", (json_int_t)cx->conf->uploads_user_bytes, "used_bytes",
			(json_int_t)row_int(rows, 0, "used_bytes")),
		    NULL);
	if (strcmp(outcome, "no_upload") == 0)
		return fail_field(cx, "upload_id", "is no upload of yours");
	return fail(cx, E_NOT_FOUND, "no such base or document");
}

static enum status
put(struct context *cx, const char *kb_id, const char *document_id, const struct adding *g, bool *is_new,
    const char **id)
{
	AUTO_ROWS struct rows *rows = NULL;
	struct store_new placed = { 0 };
	struct pg_arg none = PNULL;
	char new_id[UUID_LEN], job_id[UUID_LEN];
	const char *outcome;
	enum status st;

	uuid_v7(new_id);
	uuid_v7(job_id);
	if (g->spool != NULL && (st = store_place(cx, g->spool, &placed)) != OK)
		return st;
	st = pg_query(cx->pg, &rows,
	    "SELECT outcome, document_id, object_name, used_bytes FROM kb_document_put($1::uuid, $2::uuid, $3::uuid,"
	    " $4::boolean, left($5, 255), left($6, 500), $7, $8, $9, $10, $11, $12::uuid, $13::int, $14, $15::uuid)",
	    PS(cx->caller.user_id), PS(kb_id), PS(document_id == NULL ? new_id : document_id), PB(document_id == NULL),
	    PS(g->filename), PS(g->title), PS(g->url), PS(cx->lang == LANG_ZH ? "zh" : "en"),
	    g->spool == NULL ? none : PS(placed.name),
	    g->spool == NULL ? none : PX(placed.sha256, sizeof(placed.sha256)), PI(placed.size_bytes), PS(g->upload_id),
	    PI(cx->conf->knowledge_documents), PI(cx->conf->uploads_user_bytes), PS(job_id));
	if (st != OK) /* it may have been added: the sweep will see */
		return fail(cx, st, "add a document: %s", pg_error(cx->pg));
	outcome = row_text(rows, 0, "outcome");
	*is_new = strcmp(outcome, "ok") == 0;
	if (g->spool != NULL)
		store_placed(cx, &placed, *is_new ? row_text(rows, 0, "object_name") : NULL);
	if (!*is_new && strcmp(outcome, "duplicate") != 0)
		return refuse(cx, outcome, rows);
	*id = arena_strdup(cx->arena, row_text(rows, 0, "document_id"));
	return OK;
}

enum status
document_may_add(struct context *cx, const char *kb_id, const char *document_id)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = kb_id == NULL
	    ? fail(cx, E_NOT_FOUND, "no such base")
	    : pg_query_again(cx->pg, &rows,
		  "SELECT FROM kb k WHERE k.id = $1::uuid AND k.user_id = $2::uuid AND k.deleted_at IS NULL"
		  " AND ($3::uuid IS NULL OR EXISTS (SELECT FROM kb_document d WHERE d.id = $3 AND d.kb_id = k.id))",
		  PS(kb_id), PS(cx->caller.user_id), PS(document_id));

	if (kb_id == NULL)
		return st;
	if (st != OK)
		return fail(cx, st, "find base: %s", pg_error(cx->pg));
	return rows_count(rows) > 0 ? OK : fail(cx, E_NOT_FOUND, "base %s", kb_id);
}

enum status
document_add(struct context *cx, const char *kb_id, const char *document_id, const struct document_source *from,
    bool *is_new, json_t **out)
{
	struct adding g;
	const char *id = NULL;
	enum status st;

	if (kb_id == NULL)
		return fail(cx, E_NOT_FOUND, "no such base");
	if (*cx->conf->uploads_folder == '\0')
		return fail(cx, E_FORBIDDEN, "uploads are off: there is no place for documents");
	if (from->spool != NULL && from->spool->len > cx->conf->knowledge_max_bytes)
		return fail_with(cx, E_TOO_LARGE,
		    json_pack("{s:I}", "limit_bytes", (json_int_t)cx->conf->knowledge_max_bytes), NULL);
	if ((st = read_source(cx, from, &g)) != OK || (st = put(cx, kb_id, document_id, &g, is_new, &id)) != OK)
		return st;
	if (*is_new)
		knowledge_tell(cx, cx->caller.user_id, id);
	return document_find(cx, kb_id, id, out);
}

/* ---- changing ------------------------------------------------------------------------ */

/* What became of it, to the pages of its owner, and as it is now. */
static enum status
changed(struct context *cx, const char *kb_id, const char *id, json_t **out)
{
	knowledge_tell(cx, cx->caller.user_id, id);
	knowledge_tell_balance(cx, cx->caller.user_id);
	return document_find(cx, kb_id, id, out);
}

enum status
document_cancel(struct context *cx, const char *kb_id, const char *id, json_t **out)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st;

	if (kb_id == NULL || id == NULL)
		return fail(cx, E_NOT_FOUND, "no such document");
	st = pg_query(cx->pg, &rows, "SELECT kb_document_cancel($1::uuid, $2::uuid, $3::uuid) AS n",
	    PS(cx->caller.user_id), PS(kb_id), PS(id));
	if (st != OK)
		return fail(cx, st, "cancel: %s", pg_error(cx->pg));
	if (row_null(rows, 0, "n"))
		return fail(cx, E_NOT_FOUND, "document %s", id);
	if (row_int(rows, 0, "n") == 0)
		return fail(cx, E_CONFLICT, "nothing is being done for document %s", id);
	return changed(cx, kb_id, id, out);
}

enum status
document_retry(struct context *cx, const char *kb_id, const char *id, const char *password, json_t **out)
{
	AUTO_ROWS struct rows *rows = NULL;
	struct pg_arg sealed = PNULL;
	char job_id[UUID_LEN];
	size_t len = 0;
	unsigned char *bytes = NULL;
	enum status st;

	if (kb_id == NULL || id == NULL)
		return fail(cx, E_NOT_FOUND, "no such document");
	uuid_v7(job_id);
	if (password != NULL) {
		if ((st = secret_seal(cx->arena, cx->conf, password, &bytes, &len)) != OK)
			return fail(cx, E_UNAVAILABLE, "the password cannot be sealed");
		sealed = PX(bytes, len);
	}
	st = pg_query(cx->pg, &rows, "SELECT kb_document_retry($1::uuid, $2::uuid, $3::uuid, $4::uuid, $5) AS outcome",
	    PS(cx->caller.user_id), PS(kb_id), PS(id), PS(job_id), sealed);
	if (st != OK)
		return fail(cx, st, "retry: %s", pg_error(cx->pg));
	if (strcmp(row_text(rows, 0, "outcome"), "ok") != 0)
		return fail(cx, strcmp(row_text(rows, 0, "outcome"), "conflict") == 0 ? E_CONFLICT : E_NOT_FOUND,
		    "document %s", id);
	return changed(cx, kb_id, id, out);
}

enum status
document_remove(struct context *cx, const char *kb_id, const char *id)
{
	AUTO_ROWS struct rows *rows = NULL;
	json_t *objects, *o;
	size_t i;
	enum status st;

	if (kb_id == NULL || id == NULL)
		return fail(cx, E_NOT_FOUND, "no such document");
	st = pg_query(cx->pg, &rows, "SELECT to_jsonb(kb_document_delete($1::uuid, $2::uuid, $3::uuid)) AS objects",
	    PS(cx->caller.user_id), PS(kb_id), PS(id));
	if (st != OK)
		return fail(cx, st, "delete: %s", pg_error(cx->pg));
	if (row_null(rows, 0, "objects"))
		return fail(cx, E_NOT_FOUND, "document %s", id);
	objects = json_own(cx->arena, row_json(rows, 0, "objects"));
	json_array_foreach(objects, i, o)
		store_release(cx, json_string_value(o));
	knowledge_tell(cx, cx->caller.user_id, id);
	knowledge_tell_balance(cx, cx->caller.user_id);
	return OK;
}

/* ---- what is in it -------------------------------------------------------------------- */

enum status
document_text(
    struct context *cx, const char *kb_id, const char *id, int64_t version, int64_t from, int64_t to, json_t **out)
{
	AUTO_ROWS struct rows *rows = NULL;
	struct store_object object = { 0 };
	const char *text = "";
	int64_t total;
	enum status st;

	if (kb_id == NULL || id == NULL)
		return fail(cx, E_NOT_FOUND, "no such document");
	st = pg_query_again(cx->pg, &rows,
	    "SELECT v.version, v.title, v.chars, v.kind, v.pages, " STORE_COLUMNS
	    " FROM kb_document d JOIN kb_version v ON v.document_id = d.id AND v.version = coalesce(nullif($4::int, 0), d.version)"
	    " JOIN kb_text t ON t.document_id = v.document_id AND t.version = v.version JOIN objects o ON o.id = t.object_id"
	    " WHERE d.id = $1::uuid AND d.kb_id = $2::uuid AND kb_may_read(d.kb_id, $3::uuid)",
	    PS(id), PS(kb_id), PS(cx->caller.user_id), PI(version));
	if (st != OK)
		return fail(cx, st, "find text: %s", pg_error(cx->pg));
	if (rows_count(rows) == 0)
		return fail(cx, E_NOT_FOUND, "no text of document %s", id);
	total = row_int(rows, 0, "chars");
	from = from < total ? from : total;
	to = to < total ? to : total;
	store_read(rows, 0, &object);
	if (from < to && (st = text_slice(cx, &object, from, to, &text)) != OK)
		return st;
	*out = json_pack("{s:s, s:I, s:s, s:s?, s:o, s:I, s:I, s:I, s:s}", "document_id", id, "version",
	    (json_int_t)row_int(rows, 0, "version"), "title", row_text(rows, 0, "title"), "kind",
	    row_text(rows, 0, "kind"), "pages",
	    row_null(rows, 0, "pages") ? json_null() : json_integer(row_int(rows, 0, "pages")), "from",
	    (json_int_t)from, "to", (json_int_t)to, "total", (json_int_t)total, "text", text);
	return *out != NULL ? OK : fail(cx, E_INTERNAL, "the text of document %s is no UTF-8", id);
}

/* $3 document */
#define CHUNKS(than, order) \
	LIST_SQL("bigint", "SELECT FROM kb_chunk c WHERE c.id = $1::bigint AND c.document_id = $3::uuid", \
	    "SELECT jsonb_build_object('id', c.id, 'ord', c.ord, 'page_from', c.page_from, 'page_to', c.page_to, 'from', c.c0," \
	    " 'to', c.c1, 'heading', c.heading, 'text', c.body, 'tokens', c.ntok, 'state', CASE WHEN s.id IS NULL THEN 'text'" \
	    "  WHEN e.v IS NOT NULL THEN 'vector' WHEN e.skipped IS NOT NULL THEN 'skipped' ELSE 'waiting' END) AS json," \
	    " c.id AS at, c.id AS tie FROM kb_document d" \
	    " JOIN kb_chunk c ON c.document_id = d.id AND c.version = d.version" \
	    " LEFT JOIN kb_space s ON s.kb_id = d.kb_id AND s.state = 'active'" \
	    " LEFT JOIN kb_vec e ON e.chunk_id = c.id AND e.space_id = s.id" \
	    " WHERE d.id = $3::uuid AND c.id " than, \
	    order)
/* In the order of the document, so that "older" is what comes behind. */
static const struct list chunks = { "chunks", CHUNKS("> coalesce($1::bigint, 0)", "ASC"),
	CHUNKS("< " LIST_FIRST_INT, "DESC") };

enum status
document_chunks(
    struct context *cx, const char *kb_id, const char *id, const struct page *page, json_t **items, bool *more)
{
	json_t *document;
	enum status st;

	if ((st = document_find(cx, kb_id, id, &document)) != OK)
		return st;
	json_decref(document);
	return page_run(cx, page, &chunks, items, more, PS(id));
}

enum status
document_send(struct request *rq, const char *kb_id, const char *id)
{
	struct context *cx = &rq->cx;
	AUTO_ROWS struct rows *rows = NULL;
	struct store_object object = { 0 };
	struct store_show show;
	bool is_pdf;
	enum status st;

	if (kb_id == NULL || id == NULL)
		return fail(cx, E_NOT_FOUND, "no such document");
	st = pg_query_again(cx->pg, &rows,
	    "SELECT v.kind, v.filename, " STORE_COLUMNS " FROM kb_document d"
	    " JOIN kb_version v ON v.document_id = d.id AND v.version = d.version JOIN objects o ON o.id = v.object_id"
	    " WHERE d.id = $1::uuid AND d.kb_id = $2::uuid AND kb_may_read(d.kb_id, $3::uuid)",
	    PS(id), PS(kb_id), PS(cx->caller.user_id));
	if (st != OK)
		return fail(cx, st, "find file: %s", pg_error(cx->pg));
	if (rows_count(rows) == 0)
		return fail(cx, E_NOT_FOUND, "no file of document %s", id);
	store_read(rows, 0, &object);
	is_pdf = !row_null(rows, 0, "kind") && strcmp(row_text(rows, 0, "kind"), "pdf") == 0;
	show.content_type = is_pdf ? "application/pdf" : "application/octet-stream";
	show.disposition = upload_disposition(cx->arena, is_pdf ? "inline" : "attachment",
	    *row_text(rows, 0, "filename") == '\0' ? "document" : row_text(rows, 0, "filename"));
	return store_send(rq, &object, &show);
}
