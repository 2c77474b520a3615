/*
 * weirctl kb list [LOGIN]             knowledge bases, of one user or of all
 * weirctl kb documents BASE           documents of a base, and how far they are
 * weirctl kb retry BASE [DOCUMENT]    do again what failed, of all documents or of one
 * weirctl kb cancel BASE [DOCUMENT]   stop what is being done
 * weirctl kb reindex BASE             make all vectors anew, beside those that are searched
 * weirctl kb pgvector                 build the indexes of pgvector that large bases have, and remove others
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/ids.h"
#include "ctl/nouns.h"
#include "io/pg.h"
#include "knowledge/news.h"

#define USAGE \
	"kb list [LOGIN]\n" \
	"       weirctl kb documents BASE\n" \
	"       weirctl kb retry|cancel BASE [DOCUMENT]\n" \
	"       weirctl kb reindex BASE\n" \
	"       weirctl kb pgvector"

static const char *
or_dash(const char *text)
{
	return text == NULL || *text == '\0' ? "-" : text;
}

/* ---- looking ------------------------------------------------------------------ */

static int
list(struct ctl *c, const char *login)
{
	AUTO_ROWS struct rows *rows = NULL;
	char user_id[UUID_LEN];
	enum status st;

	if (login != NULL && !nouns_user(c, login, user_id))
		return CTL_FAILED;
	st = pg_query_again(c->cx.pg, &rows,
	    "SELECT k.id, coalesce(u.email, u.phone) AS owner, k.name, j->>'embedding_model' AS model, j->>'documents' AS documents,"
	    " j->>'ready' AS ready, j->>'failed' AS failed, j->>'chunks' AS chunks,"
	    " CASE WHEN j->'index' <> 'null' THEN (j->'index'->>'done') || '/' || (j->'index'->>'documents') END AS building"
	    " FROM kb k JOIN users u ON u.id = k.user_id, LATERAL (SELECT kb_json(k, k.user_id) AS j) AS j"
	    " WHERE k.deleted_at IS NULL AND ($1::uuid IS NULL OR k.user_id = $1) ORDER BY k.id",
	    PS(login == NULL ? NULL : user_id));
	if (st != OK)
		return ctl_fail_pg(c, st, "kb list");
	printf("%-36s  %-24s  %-20s  %9s  %6s  %6s  %8s  %9s  %s\n", "ID", "OWNER", "MODEL", "DOCUMENTS", "READY",
	    "FAILED", "PASSAGES", "BUILDING", "NAME");
	for (int i = 0; i < rows_count(rows); i++)
		printf("%-36s  %-24s  %-20s  %9s  %6s  %6s  %8s  %9s  %s\n", row_text(rows, i, "id"),
		    or_dash(row_text(rows, i, "owner")), or_dash(row_text(rows, i, "model")),
		    row_text(rows, i, "documents"), row_text(rows, i, "ready"), row_text(rows, i, "failed"),
		    row_text(rows, i, "chunks"), or_dash(row_text(rows, i, "building")), row_text(rows, i, "name"));
	return CTL_OK;
}

static int
documents(struct ctl *c, const char *kb_id)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query_again(c->cx.pg, &rows,
	    "SELECT d.id, v.version, v.state, v.code, v.chunks, coalesce(r.vectors, 0) AS vectors, coalesce(r.skipped, 0) AS skipped,"
	    " v.title, v.filename, coalesce(r.detail, v.detail) AS detail FROM kb_document d JOIN kb_version v ON v.document_id = d.id"
	    "  AND v.version IN (d.version, d.next_version)"
	    " LEFT JOIN LATERAL (SELECT r.* FROM kb_run r JOIN kb_space s ON s.id = r.space_id WHERE r.document_id = d.id"
	    "  AND r.version = v.version AND s.state <> 'retired' ORDER BY s.state = 'active' DESC LIMIT 1) AS r ON true"
	    " WHERE d.kb_id = $1::uuid ORDER BY d.id, v.version",
	    PS(kb_id));

	if (st != OK)
		return ctl_fail_pg(c, st, "kb documents");
	printf("%-36s  %7s  %-9s  %-20s  %8s  %8s  %8s  %s\n", "ID", "VERSION", "STATE", "CODE", "PASSAGES", "VECTORS",
	    "SKIPPED", "TITLE");
	for (int i = 0; i < rows_count(rows); i++) {
		const char *title = row_text(rows, i, "title"), *detail = row_text(rows, i, "detail");

		printf("%-36s  %7s  %-9s  %-20s  %8s  %8s  %8s  %s\n", row_text(rows, i, "id"),
		    row_text(rows, i, "version"), row_text(rows, i, "state"), or_dash(row_text(rows, i, "code")),
		    row_text(rows, i, "chunks"), row_text(rows, i, "vectors"), row_text(rows, i, "skipped"),
		    *title != '\0' ? title : or_dash(row_text(rows, i, "filename")));
		if (detail != NULL && strcmp(row_text(rows, i, "state"), "ready") != 0)
			printf("%38s%s\n", "", detail);
	}
	return CTL_OK;
}

/* ---- doing ---------------------------------------------------------------------- */

/* Of one document, or of all; how many it was done to. */
static int
each(struct ctl *c, bool is_retry, const char *kb_id, const char *document_id)
{
	AUTO_ROWS struct rows *rows = NULL;
	int done = 0;
	enum status st = pg_query_again(c->cx.pg, &rows,
	    "SELECT d.id, d.user_id FROM kb_document d WHERE d.kb_id = $1::uuid AND ($2::uuid IS NULL OR d.id = $2) ORDER BY d.id",
	    PS(kb_id), PS(document_id));

	for (int i = 0; st == OK && i < rows_count(rows); i++) {
		AUTO_ROWS struct rows *said = NULL;
		const char *id = row_text(rows, i, "id");
		char job_id[UUID_LEN];

		uuid_v7(job_id);
		st = is_retry
		    ? pg_query(c->cx.pg, &said,
			  "SELECT kb_document_retry(NULL, $1::uuid, $2::uuid, $3::uuid, NULL) = 'ok' AS done",
			  PS(kb_id), PS(id), PS(job_id))
		    : pg_query(c->cx.pg, &said, "SELECT kb_document_cancel(NULL, $1::uuid, $2::uuid) > 0 AS done",
			  PS(kb_id), PS(id));
		if (st != OK || !row_bool(said, 0, "done"))
			continue;
		done++;
		knowledge_tell(&c->cx, row_text(rows, i, "user_id"), id);
	}
	if (st != OK)
		return ctl_fail_pg(c, st, is_retry ? "kb retry" : "kb cancel");
	if (document_id != NULL && rows_count(rows) == 0)
		return ctl_fail("there is no document %s in that base", document_id);
	nouns_audit(c, is_retry ? "knowledge.retry" : "knowledge.cancel", "knowledge", kb_id, NULL);
	printf("%d documents %s\n", done, is_retry ? "are done again" : "were stopped");
	return CTL_OK;
}

static int
reindex(struct ctl *c, const char *kb_id)
{
	AUTO_ROWS struct rows *rows = NULL;
	char job_id[UUID_LEN];
	enum status st;

	uuid_v7(job_id);
	st = pg_query(c->cx.pg, &rows,
	    "SELECT k.model_id IS NOT NULL AS has_model, CASE WHEN k.model_id IS NOT NULL THEN kb_set_model(k.id, k.model_id, true)"
	    " AND kb_job($2::uuid, 'knowledge_embed', k.user_id) IS NOT NULL END AS began FROM kb k WHERE k.id = $1::uuid",
	    PS(kb_id), PS(job_id));
	if (st != OK)
		return ctl_fail_pg(c, st, "kb reindex");
	if (!row_bool(rows, 0, "has_model"))
		return ctl_fail("the base has no embedding model: it is searched by its words alone");
	nouns_audit(c, "knowledge.reindex", "knowledge", kb_id, NULL);
	puts(row_bool(rows, 0, "began") ? "its vectors are made anew; those it has are searched until then"
					: "there is nothing to embed");
	return CTL_OK;
}

/* ---- pgvector ------------------------------------------------------------------------- */

/* One statement of kb_near_plan(); it may take minutes. */
static int
carry_out(struct pg *pg, const struct rows *plan, int row)
{
	const char *name = row_text(plan, row, "index_name"), *statement = row_text(plan, row, "statement");
	bool is_drop = strncmp(statement, "DROP", 4) == 0;
	int64_t began_ms = clock_mono_ms();
	enum status st;

	if (!is_drop) {
		printf("base %s, %s passages (%s) ... ", row_text(plan, row, "kb_id"), row_text(plan, row, "chunks"),
		    row_text(plan, row, "name"));
		fflush(stdout);
	}
	if ((st = pg_script(pg, statement)) != OK) {
		puts(is_drop ? "" : "failed");
		return ctl_fail("%s: %s", name, pg_error(pg));
	}
	if (is_drop)
		printf("removed %s\n", name);
	else
		printf("%s built in %.1f s\n", name, (double)(clock_mono_ms() - began_ms) / 1000);
	return CTL_OK;
}

/* As the owner of the tables. */
static int
build_near(struct ctl *c, struct pg *pg)
{
	AUTO_ROWS struct rows *ready = NULL, *plan = NULL;
	int rc = CTL_OK;
	enum status st;

	if ((st = pg_script(pg,
		 "SET statement_timeout = 0; SELECT set_config('role', 'weir_owner', false) FROM pg_roles"
		 " WHERE rolname = 'weir_owner' AND current_user <> 'weir_owner' AND pg_has_role(current_user, 'weir_owner', 'member')")) !=
		OK ||
	    (st = pg_query(pg, &ready, "SELECT kb_near_prepare() IS NOT NULL AS is_there")) != OK)
		return ctl_fail("kb pgvector: %s", pg_error(pg));
	if (!row_bool(ready, 0, "is_there"))
		return ctl_fail(
		    "pgvector (0.7 or later) is not installed in this database; as a superuser: CREATE EXTENSION vector");
	st = pg_query(pg, &plan, "SELECT kb_id, name, chunks, index_name, statement FROM kb_near_plan($1)",
	    PI(c->cx.conf->knowledge_pgvector_chunks));
	if (st != OK)
		return ctl_fail("kb pgvector: %s", pg_error(pg));
	for (int i = 0; rc == CTL_OK && i < rows_count(plan); i++)
		rc = carry_out(pg, plan, i);
	if (rc == CTL_OK && rows_count(plan) == 0)
		puts("nothing to do");
	return rc;
}

static int
pgvector(struct ctl *c)
{
	const struct conf *conf = c->cx.conf;
	struct pg *pg = pg_new(
	    conf, *conf->database_migrate_url != '\0' ? conf->database_migrate_url : conf->database_url, "weirctl kb");
	int rc = build_near(c, pg);

	pg_free(pg);
	return rc;
}

static bool
find_base(struct ctl *c, const char *word, char id[UUID_LEN])
{
	AUTO_ROWS struct rows *rows = NULL;

	if (!uuid_parse(word, id)) {
		ctl_fail("%s is no id of a base: weirctl kb list", word);
		return false;
	}
	if (pg_query_again(c->cx.pg, &rows, "SELECT FROM kb WHERE id = $1::uuid AND deleted_at IS NULL", PS(id)) !=
	    OK) {
		ctl_fail_pg(c, E_UNAVAILABLE, "kb");
		return false;
	}
	if (rows_count(rows) == 0)
		ctl_fail("there is no base %s", id);
	return rows_count(rows) > 0;
}

int
ctl_kb(struct ctl *c, int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	bool is_each = strcmp(what, "retry") == 0 || strcmp(what, "cancel") == 0;
	char kb_id[UUID_LEN], document_id[UUID_LEN];

	if (strcmp(what, "list") == 0 && argc <= 3)
		return list(c, argc == 3 ? argv[2] : NULL);
	if (strcmp(what, "pgvector") == 0 && argc == 2)
		return pgvector(c);
	if (argc < 3 || argc > (is_each ? 4 : 3) ||
	    (!is_each && strcmp(what, "documents") != 0 && strcmp(what, "reindex") != 0))
		return ctl_usage(USAGE);
	if (argc == 4 && !uuid_parse(argv[3], document_id))
		return ctl_fail("%s is no id of a document: weirctl kb documents %s", argv[3], argv[2]);
	if (!find_base(c, argv[2], kb_id))
		return CTL_FAILED;
	if (is_each)
		return each(c, strcmp(what, "retry") == 0, kb_id, argc == 4 ? document_id : NULL);
	return strcmp(what, "documents") == 0 ? documents(c, kb_id) : reindex(c, kb_id);
}
