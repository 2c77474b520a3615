#include "knowledge/search.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/crypto.h"
#include "base/utf8.h"
#include "core/await.h"
#include "core/events.h"
#include "core/process.h"
#include "knowledge/codes.h"
#include "knowledge/pgvector.h"
#include "knowledge/query.h"
#include "knowledge/rarity.h"
#include "ledger/credits.h"
#include "search/chunk.h"
#include "search/fuse.h"
#include "search/terms.h"
#include "search/vector.h"

enum {
	CANDIDATES = 400, /* of each space, by codes */
	GONE_PART = 10,	  /* such a part of them may be gone */
	WORDED = 200,	  /* by words */
	GATE = 3000,	  /* chunks of which words are counted */
	COUNTED = 1000,	  /* chunks of a base that are counted; how many more there are is known about */
	SCORED_TERMS = 24,
	RANKED = 30,
	RANK_TIMEOUT_MS = 2000,
	VECTOR_TIMEOUT_MS = 15000,
};

/* A base and its space. */
struct place {
	const char *kb_id;
	int64_t chunks;
	int64_t space_id; /* 0: none */
	int64_t batch;
	int64_t model_id;
	const char *model;
	size_t dims;
	float *mean;
	float base; /* vector_dot() of query and mean */
	const float *query;
};

struct search {
	struct search_ask ask;
	struct place *places;
	size_t n_places, at; /* the place whose vector is asked for */
	int64_t chunks;
	const char *text; /* what is embedded */
	const char *terms[TERMS_QUERY_MAX];
	size_t n_terms;
	struct hit *hits; /* more: struct search_hit */
	size_t n_hits;
	struct fuse_rules rules;
	struct search_found found;
	enum status why; /* no vector */
	search_then_fn *then;
	void *arg;
};

static enum status next_vector(struct request *rq, struct search *s);

/* ---- what is searched ----------------------------------------------------------- */

/* A list as PostgreSQL reads an array of what needs no quotes: numbers, UUIDs, bits. */
static const char *
array_of(struct arena *a, const char *const *items, size_t n)
{
	struct buf out = BUF_INIT(0);
	const char *text;

	buf_puts(&out, "{");
	for (size_t i = 0; i < n; i++)
		buf_printf(&out, "%s%s", i > 0 ? "," : "", items[i]);
	buf_puts(&out, "}");
	text = arena_strndup(a, out.data, out.len);
	buf_free(&out);
	return text;
}

static enum status
read_place(struct context *cx, const struct rows *rows, int row, struct place *p)
{
	unsigned char *mean;
	size_t len;

	*p = (struct place){ .kb_id = arena_strdup(cx->arena, row_text(rows, row, "kb_id")),
		.chunks = row_int(rows, row, "chunks") };
	if (row_null(rows, row, "space_id"))
		return OK;
	p->dims = (size_t)row_int(rows, row, "dims");
	mean = row_bytes(rows, row, "mean", cx->arena, &len);
	if (mean == NULL || p->dims > VECTOR_MAX_DIMS || len != 4 * p->dims)
		return fail(cx, E_INTERNAL, "the space of base %s has no sound mean", p->kb_id);
	p->space_id = row_int(rows, row, "space_id");
	p->batch = row_int(rows, row, "batch");
	p->model_id = row_int(rows, row, "model_id");
	p->model = arena_strdup(cx->arena, row_text(rows, row, "model"));
	p->mean = ARENA_ARRAY(cx->arena, float, p->dims);
	vector_from_bytes(mean, p->dims, p->mean);
	return OK;
}

/* How many chunks the bases have, where these are too many to be counted. */
static enum status
chunks_of(struct context *cx, const struct search *s, const char **out)
{
	const char **items = ARENA_ARRAY(cx->arena, const char *, s->ask.n_kbs + 1);
	int64_t *chunks = ARENA_ARRAY(cx->arena, int64_t, s->ask.n_kbs + 1);
	enum status st = rarity_chunks(cx, s->ask.kb_ids, s->ask.n_kbs, COUNTED, chunks);

	if (st != OK)
		return st;
	for (size_t i = 0; i < s->ask.n_kbs; i++)
		items[i] = arena_printf(cx->arena, "%lld", (long long)chunks[i]);
	*out = array_of(cx->arena, items, s->ask.n_kbs);
	return OK;
}

static enum status
read_places(struct context *cx, struct search *s)
{
	AUTO_ROWS struct rows *rows = NULL;
	const char *chunks;
	enum status st = chunks_of(cx, s, &chunks);

	if (st != OK)
		return st;
	st = pg_query_again(cx->pg, &rows,
	    "SELECT kb_id, chunks, space_id, model_id, model, dims, mean, batch"
	    " FROM kb_search_bases($1::uuid, $2::uuid[], $3::bigint[])",
	    PS(cx->caller.user_id), PS(array_of(cx->arena, s->ask.kb_ids, s->ask.n_kbs)), PS(chunks));
	if (st != OK)
		return fail(cx, st, "bases to search: %s", pg_error(cx->pg));
	s->n_places = (size_t)rows_count(rows);
	s->places = ARENA_ARRAY(cx->arena, struct place, s->n_places + 1);
	s->found.any_base = s->n_places > 0;
	for (size_t i = 0; i < s->n_places; i++) {
		if ((st = read_place(cx, rows, (int)i, &s->places[i])) != OK)
			return st;
		s->chunks += s->places[i].chunks;
	}
	return OK;
}

/* ---- candidates ------------------------------------------------------------------ */

/* Who finds the nearest codes: as PostgreSQL reads arrays. */
struct nearby {
	const char *spaces; /* that have a vector of the query */
	const char *codes;  /* its code in each; "": it was looked for in memory */
	const char *chunks; /* that were found there */
};

/* Look into one space by an index of pgvector or in memory, if it is large; *found: that was done. */
static enum status
look(struct context *cx, const struct search *s, const struct place *p, const char *bits, struct buf *chunks,
    bool *found)
{
	int64_t *nearest, least = cx->conf->knowledge_pgvector_chunks;
	size_t n;
	enum status st = OK;

	*found = false;
	if (s->ask.n_documents > 0)
		return OK;
	if (least > 0 && p->chunks >= least)
		pgvector_nearest(cx, p->space_id, p->query, p->mean, p->dims, CANDIDATES, found, &nearest, &n);
	if (!*found && p->chunks >= CODES_LEAST)
		st = codes_nearest(cx, p->space_id, p->batch, bits, p->dims, CANDIDATES, found, &nearest, &n);
	for (size_t i = 0; st == OK && *found && i < n; i++)
		buf_printf(chunks, "%s%lld", chunks->len > 1 ? "," : "", (long long)nearest[i]);
	return st;
}

static enum status
look_around(struct context *cx, const struct search *s, struct nearby *out)
{
	const char **ids = ARENA_ARRAY(cx->arena, const char *, s->n_places + 1);
	const char **codes = ARENA_ARRAY(cx->arena, const char *, s->n_places + 1);
	struct buf chunks = BUF_INIT(0);
	size_t n = 0;
	enum status st = OK;

	buf_puts(&chunks, "{");
	for (size_t i = 0; st == OK && i < s->n_places; i++) {
		const struct place *p = &s->places[i];
		const char *bits;
		bool found;

		if (p->query == NULL)
			continue;
		bits = vector_code(cx->arena, p->query, p->mean, p->dims);
		st = look(cx, s, p, bits, &chunks, &found);
		ids[n] = arena_printf(cx->arena, "%lld", (long long)p->space_id);
		codes[n++] = st == OK && found ? "\"\"" : bits;
	}
	buf_puts(&chunks, "}");
	*out = (struct nearby){ .spaces = array_of(cx->arena, ids, n),
		.codes = array_of(cx->arena, codes, n),
		.chunks = arena_strndup(cx->arena, chunks.data, chunks.len) };
	buf_free(&chunks);
	return st;
}

/* Of what is found in memory, a few may be gone since; where many are, it is read anew. */
static void
forget_gone(const struct search *s, const struct rows *rows)
{
	for (size_t i = 0; i < s->n_places; i++) {
		const struct place *p = &s->places[i];
		size_t there = 0;

		if (p->query == NULL || p->chunks < CODES_LEAST || s->ask.n_documents > 0)
			continue;
		for (int row = 0; row < rows_count(rows); row++)
			there += row_bool(rows, row, "by_vector") && row_int(rows, row, "space_id") == p->space_id;
		if (there < CANDIDATES - CANDIDATES / GONE_PART)
			codes_forget(p->space_id);
	}
}

/* Each term as a tsquery of its own, as JSON: what is in it needs quotes of many kinds. */
static const char *
terms_json(struct arena *a, const struct search *s)
{
	struct buf out = BUF_INIT(0);
	const char *text;

	buf_puts(&out, "[");
	for (size_t i = 0; i < s->n_terms; i++) {
		const char *one = terms_tsquery(a, &s->terms[i], 1);

		buf_puts(&out, i > 0 ? "," : "");
		buf_json(&out, one, strlen(one));
	}
	buf_puts(&out, "]");
	text = arena_strndup(a, out.data, out.len);
	buf_free(&out);
	return text;
}

/* How rare the terms are, where that matters; NULL: it does not. */
static enum status
shares_of(struct context *cx, const struct search *s, const char **out)
{
	const char *items[TERMS_QUERY_MAX];
	double shares[TERMS_QUERY_MAX];
	enum status st;

	*out = NULL;
	if (s->chunks <= GATE || s->n_terms == 0)
		return OK;
	if ((st = rarity_shares(cx, s->terms, s->n_terms, shares)) != OK)
		return st;
	for (size_t i = 0; i < s->n_terms; i++)
		items[i] = arena_printf(cx->arena, "%.9g", shares[i]);
	*out = array_of(cx->arena, items, s->n_terms);
	return OK;
}

static const struct place *
place_of(const struct search *s, int64_t space_id)
{
	for (size_t i = 0; i < s->n_places; i++)
		if (s->places[i].space_id == space_id && s->places[i].query != NULL)
			return &s->places[i];
	return NULL;
}

static void
read_hit(struct context *cx, const struct search *s, const struct rows *rows, int row, struct hit *hit)
{
	struct search_hit *more = ARENA_NEW(cx->arena, struct search_hit);
	const struct place *p = row_null(rows, row, "v") ? NULL : place_of(s, row_int(rows, row, "space_id"));
	size_t len = 0;
	const unsigned char *v = p == NULL ? NULL : row_bytes(rows, row, "v", cx->arena, &len);

	*hit = (struct hit){ .chunk = row_int(rows, row, "chunk_id"),
		.document = arena_strdup(cx->arena, row_text(rows, row, "document_id")),
		.ord = (int)row_int(rows, row, "ord"),
		.tokens = (int)row_int(rows, row, "ntok"),
		.lexical = strtod(row_text(rows, row, "lexical"), NULL),
		.more = more };
	if (v != NULL && len == vector_packed_bytes(p->dims)) {
		hit->has_cosine = true;
		hit->cosine = vector_score(p->query, p->base, v, p->dims);
		more->likeness = vector_centred(p->query, p->mean, v, p->dims);
	}
}

static enum status
find(struct context *cx, struct search *s)
{
	AUTO_ROWS struct rows *rows = NULL;
	struct nearby near;
	const char *shares;
	struct pg_arg none = PNULL;
	enum status st;

	if ((st = shares_of(cx, s, &shares)) != OK)
		return st;
	if ((st = look_around(cx, s, &near)) != OK)
		return st;
	st = pg_query_again(cx->pg, &rows,
	    "SELECT chunk_id, document_id, ord, ntok, space_id, v, by_vector, lexical, idf_total FROM kb_search($1::uuid, $2::uuid[],"
	    " $3::bigint[], $4::varbit[], $5::bigint[], ARRAY(SELECT json_array_elements_text($6::json)), $7::float8[], $8, $9::uuid[],"
	    " $10::int, $11::int, $12::int, $13::int)",
	    PS(cx->caller.user_id), PS(array_of(cx->arena, s->ask.kb_ids, s->ask.n_kbs)), PS(near.spaces),
	    PS(near.codes), PS(near.chunks), PS(terms_json(cx->arena, s)), PS(shares), PI(s->chunks),
	    s->ask.n_documents == 0 ? none : PS(array_of(cx->arena, s->ask.document_ids, s->ask.n_documents)),
	    PI(CANDIDATES), PI(WORDED), PI(GATE), PI(SCORED_TERMS));
	if (st != OK)
		return fail(cx, st, "search: %s", pg_error(cx->pg));
	forget_gone(s, rows);
	s->n_hits = (size_t)rows_count(rows);
	s->hits = ARENA_ARRAY(cx->arena, struct hit, s->n_hits + 1);
	for (size_t i = 0; i < s->n_hits; i++)
		read_hit(cx, s, rows, (int)i, &s->hits[i]);
	if (s->n_hits > 0 && !row_null(rows, 0, "idf_total"))
		s->rules.idf_total = strtod(row_text(rows, 0, "idf_total"), NULL);
	fuse_order(s->hits, s->n_hits, &s->rules);
	return OK;
}

/* ---- texts ------------------------------------------------------------------------- */

static struct hit *
hit_of(struct hit *hits, size_t n, int64_t chunk)
{
	for (size_t i = 0; i < n; i++)
		if (hits[i].chunk == chunk)
			return &hits[i];
	return NULL;
}

static void
read_text(struct context *cx, const struct search *s, const struct rows *rows, int row, struct hit *hit)
{
	struct search_hit *h = hit->more;
	double covered = s->rules.idf_total > 0 ? hit->lexical / s->rules.idf_total : 0;

	h->chunk_id = hit->chunk;
	h->kb_id = arena_strdup(cx->arena, row_text(rows, row, "kb_id"));
	h->document_id = hit->document;
	h->title = arena_strdup(cx->arena, row_text(rows, row, "title"));
	h->heading = arena_strdup(cx->arena, row_text(rows, row, "heading"));
	h->body = arena_strdup(cx->arena, row_text(rows, row, "body"));
	h->version = (int)row_int(rows, row, "version");
	h->ord = hit->ord;
	h->tokens = hit->tokens;
	h->page_from = (int)row_int(rows, row, "page_from");
	h->page_to = (int)row_int(rows, row, "page_to");
	h->c0 = row_int(rows, row, "c0");
	h->c1 = row_int(rows, row, "c1");
	h->score = h->fused = hit->score < 1 ? hit->score : 1;
	h->has_cosine = hit->has_cosine;
	h->cosine = hit->cosine;
	h->lexical = hit->lexical;
	h->coverage = covered < 1 ? covered : 1;
}

/* The texts of the first `n` hits.  Those that are gone meanwhile are left out. */
static enum status
read_texts(struct context *cx, struct search *s, size_t n)
{
	AUTO_ROWS struct rows *rows = NULL;
	const char **ids = ARENA_ARRAY(cx->arena, const char *, n + 1);
	size_t kept = 0;
	enum status st;

	for (size_t i = 0; i < n; i++)
		ids[i] = arena_printf(cx->arena, "%lld", (long long)s->hits[i].chunk);
	st = pg_query_again(cx->pg, &rows,
	    "SELECT chunk_id, kb_id, document_id, version, title, page_from, page_to, c0, c1, heading, body"
	    " FROM kb_search_texts($1::uuid, $2::bigint[])",
	    PS(cx->caller.user_id), PS(array_of(cx->arena, ids, n)));
	if (st != OK)
		return fail(cx, st, "texts of what was found: %s", pg_error(cx->pg));
	for (int i = 0; i < rows_count(rows); i++) {
		struct hit *hit = hit_of(s->hits, n, row_int(rows, i, "chunk_id"));

		if (hit != NULL)
			read_text(cx, s, rows, i, hit);
	}
	for (size_t i = 0; i < n; i++)
		if (((struct search_hit *)s->hits[i].more)->body != NULL)
			s->hits[kept++] = s->hits[i];
	s->n_hits = kept;
	return OK;
}

static enum status
tell(struct request *rq, struct search *s)
{
	s->found.n = s->n_hits;
	s->found.hits = ARENA_ARRAY(rq->cx.arena, struct search_hit, s->n_hits + 1);
	for (size_t i = 0; i < s->n_hits; i++)
		s->found.hits[i] = *(struct search_hit *)s->hits[i].more;
	return s->then(rq, &s->found, s->arg);
}

/* ---- ranking ----------------------------------------------------------------------- */

static int
compare_ranks(const void *a, const void *b)
{
	const struct search_hit *x = ((const struct hit *)a)->more, *y = ((const struct hit *)b)->more;

	if (x->has_rank != y->has_rank)
		return x->has_rank ? -1 : 1;
	if (x->score != y->score)
		return x->score < y->score ? 1 : -1;
	return (x->chunk_id > y->chunk_id) - (x->chunk_id < y->chunk_id);
}

/* {"results": [{"index", "relevance_score"}]}; false: it is no such thing. */
static bool
take_ranks(struct search *s, const char *body, size_t len)
{
	json_t *answer = json_loadb(body, len, 0, NULL), *row;
	const json_t *results = json_object_get(answer, "results");
	size_t i, taken = 0;

	json_array_foreach(results, i, row) {
		const json_t *index = json_object_get(row, "index"), *score = json_object_get(row, "relevance_score");
		struct search_hit *h;

		if (!json_is_integer(index) || !json_is_number(score) || json_integer_value(index) < 0 ||
		    (size_t)json_integer_value(index) >= s->n_hits)
			continue;
		h = s->hits[json_integer_value(index)].more;
		h->has_rank = true;
		h->score = json_number_value(score);
		taken++;
	}
	json_decref(answer);
	if (taken > 0)
		qsort(s->hits, s->n_hits, sizeof *s->hits, compare_ranks);
	return taken > 0;
}

static void
add_cost(struct search *s, const struct query_told *told)
{
	s->found.tokens += told->tokens;
	s->found.charged_ucr += told->charged_ucr;
	s->found.calls += told->was_asked;
}

static enum status
ranked(struct request *rq, const struct query_told *told, void *arg)
{
	struct search *s = arg;

	add_cost(s, told);
	s->found.rank = told->status != OK		? status_code(told->status)
	    : take_ranks(s, told->body, told->body_len) ? "used"
							: status_code(E_UPSTREAM_FAILED);
	s->n_hits = fuse_take(s->hits, s->n_hits, &s->rules);
	return tell(rq, s);
}

static enum status
finish(struct request *rq, struct search *s)
{
	struct context *cx = &rq->cx;
	const char *texts[RANKED];
	size_t n;
	enum status st;

	if ((st = find(cx, s)) != OK)
		return st;
	if (!s->ask.rerank) {
		n = fuse_take(s->hits, s->n_hits, &s->rules);
		return (st = read_texts(cx, s, n)) != OK ? st : tell(rq, s);
	}
	if ((st = read_texts(cx, s, s->n_hits < RANKED ? s->n_hits : RANKED)) != OK)
		return st;
	if (s->n_hits == 0) {
		s->found.rank = "used";
		return tell(rq, s);
	}
	for (size_t i = 0; i < s->n_hits; i++)
		texts[i] = ((const struct search_hit *)s->hits[i].more)->body;
	return query_rank(
	    rq, &(struct query_ask){ .text = s->text, .timeout_ms = RANK_TIMEOUT_MS }, texts, s->n_hits, ranked, s);
}

/* ---- vectors ------------------------------------------------------------------------ */

/* The vector of a model serves all its spaces. */
static void
take_vector(struct search *s, int64_t model_id, const float *v, size_t dims)
{
	for (size_t i = 0; i < s->n_places; i++) {
		struct place *p = &s->places[i];

		if (p->space_id == 0 || p->model_id != model_id || p->dims != dims)
			continue;
		p->query = v;
		p->base = vector_dot(v, p->mean, dims);
	}
}

static enum status
embedded(struct request *rq, const struct query_told *told, void *arg)
{
	struct search *s = arg;
	struct place *p = &s->places[s->at];

	add_cost(s, told);
	if (told->was_asked)
		s->found.model = told->model;
	if (told->status == OK)
		take_vector(s, p->model_id, told->vector, told->dims);
	if (p->query == NULL) {
		s->why = told->status != OK ? told->status : E_CONFLICT; /* the model gives other vectors than it did */
		s->found.vectors = status_code(s->why);
	}
	if (s->why != OK && s->ask.mode == SEARCH_VECTOR)
		return told->status != OK
		    ? told->status
		    : fail(&rq->cx, E_CONFLICT, "vectors of %zu numbers, not %zu", told->dims, p->dims);
	s->at++;
	return next_vector(rq, s);
}

/* Did a place before it ask the same model? */
static bool
is_asked(const struct search *s, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (s->places[i].space_id != 0 && s->places[i].model_id == s->places[at].model_id)
			return true;
	return false;
}

static enum status
next_vector(struct request *rq, struct search *s)
{
	const struct place *p;

	while (s->at < s->n_places && (s->places[s->at].space_id == 0 || is_asked(s, s->at)))
		s->at++;
	if (s->at >= s->n_places)
		return finish(rq, s);
	p = &s->places[s->at];
	return query_embed(rq,
	    &(struct query_ask){ .model_id = p->model_id,
		.text = s->text,
		.timeout_ms = VECTOR_TIMEOUT_MS,
		.may_fail = s->ask.mode != SEARCH_VECTOR },
	    embedded, s);
}

enum status
knowledge_search(struct request *rq, const struct search_ask *ask, search_then_fn *then, void *arg)
{
	struct arena *a = rq->cx.arena;
	struct search *s = ARENA_NEW(a, struct search);
	size_t len = strlen(ask->query);
	bool has_space = false;
	enum status st;

	s->ask = *ask;
	s->then = then;
	s->arg = arg;
	s->text = arena_strndup(a, ask->query, utf8_prefix(ask->query, len, SEARCH_QUERY_MAX_CHARS));
	s->rules = (struct fuse_rules){ .weight = -1,
		.results = ask->results > 0 ? ask->results : SEARCH_RESULTS,
		.per_document = ask->per_document > 0 ? ask->per_document : SEARCH_RESULTS_MAX,
		.token_budget = ask->token_budget };
	if ((st = read_places(&rq->cx, s)) != OK)
		return st;
	if (!s->found.any_base)
		return then(rq, &s->found, arg);
	for (size_t i = 0; i < s->n_places; i++)
		has_space = has_space || s->places[i].space_id != 0;
	if (ask->mode != SEARCH_VECTOR)
		s->n_terms = terms_query(a, s->text, s->terms);
	if (ask->mode == SEARCH_TEXT || !has_space || *s->text == '\0') {
		s->found.vectors = ask->mode == SEARCH_TEXT ? "not_wanted" : "no_vectors";
		return finish(rq, s);
	}
	return next_vector(rq, s);
}

/* ---- bases by their ids --------------------------------------------------------------- */

enum status
knowledge_ids_read(struct context *cx, const json_t *in, const char **array)
{
	const json_t *ids = json_object_get(in, "knowledge_ids"), *id;
	AUTO_ROWS struct rows *rows = NULL;
	const char **list;
	char uuid[UUID_LEN];
	size_t i;
	enum status st;

	*array = NULL;
	if (!json_is_array(ids))
		return OK;
	list = ARENA_ARRAY(cx->arena, const char *, json_array_size(ids) + 1);
	json_array_foreach(ids, i, id) {
		if (!uuid_parse(json_string_value(id), uuid))
			return fail_field(cx, "knowledge_ids", "must be UUIDs");
		list[i] = arena_strdup(cx->arena, uuid);
	}
	*array = array_of(cx->arena, list, json_array_size(ids));
	st = pg_query_again(cx->pg, &rows,
	    "SELECT cardinality(kb_readable($1::uuid, $2::uuid[])) = cardinality($2::uuid[]) AS all_there",
	    PS(cx->caller.user_id), PS(*array));
	if (st != OK)
		return fail(cx, st, "find bases: %s", pg_error(cx->pg));
	return row_bool(rows, 0, "all_there") ? OK : fail_field(cx, "knowledge_ids", "names a base that is not there");
}

/* ---- as the API tells it -------------------------------------------------------------- */

static json_t *
hit_json(const struct search_hit *h)
{
	json_t *scores = json_pack("{s:o, s:o, s:f, s:f, s:f, s:o}", "cosine",
	    h->has_cosine ? json_real(h->cosine) : json_null(), "likeness",
	    h->has_cosine ? json_real(h->likeness) : json_null(), "lexical", h->lexical, "coverage", h->coverage,
	    "fused", h->fused, "rank", h->has_rank ? json_real(h->score) : json_null());

	return json_pack("{s:I, s:s, s:s, s:i, s:s, s:s, s:o, s:o, s:I, s:I, s:s, s:i, s:f, s:o}", "chunk_id",
	    (json_int_t)h->chunk_id, "knowledge_id", h->kb_id, "document_id", h->document_id, "version", h->version,
	    "title", h->title, "heading", h->heading, "page",
	    h->page_from > 0 ? json_integer(h->page_from) : json_null(), "page_to",
	    h->page_to > 0 ? json_integer(h->page_to) : json_null(), "from", (json_int_t)h->c0, "to", (json_int_t)h->c1,
	    "text", h->body, "tokens", h->tokens, "score", h->score, "scores", scores);
}

json_t *
search_json(const struct search_found *found)
{
	json_t *items = json_array();

	for (size_t i = 0; i < found->n; i++)
		json_array_append_new(items, hit_json(&found->hits[i]));
	return json_pack("{s:o, s:s, s:s?, s:{s:I, s:o}}", "items", items, "vectors",
	    found->vectors == NULL ? "used" : found->vectors, "rank", found->rank, "usage", "input_tokens",
	    (json_int_t)found->tokens, "credits", json_credits(found->charged_ucr));
}
