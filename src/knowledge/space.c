#include "knowledge/space.h"

#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "base/log.h"
#include "search/vector.h"

#define STORE_TRIES 5
#define SCRATCH_BYTES_MAX (256u << 20)

static void
take(struct context *cx, const struct rows *r, struct space *out)
{
	size_t len = 0;
	unsigned char *mean = row_bytes(r, 0, "mean", cx->arena, &len);

	*out = (struct space){ .id = row_int(r, 0, "id"),
		.model = arena_strdup(cx->arena, row_text(r, 0, "model")),
		.dims = (size_t)row_int(r, 0, "dims"),
		.mean_count = (int)row_int(r, 0, "mean_count"),
		.mean_version = (int)row_int(r, 0, "mean_version") };
	if (mean == NULL)
		return;
	out->mean = ARENA_ARRAY(cx->arena, float, out->dims);
	vector_from_bytes(mean, out->dims, out->mean);
}

enum status
space_read(struct context *cx, int64_t id, struct space *out)
{
	AUTO_ROWS struct rows *rows = NULL;
	enum status st = pg_query_again(cx->pg, &rows,
	    "SELECT id, model, dims, mean, mean_count, mean_version FROM kb_space WHERE id = $1 AND state <> 'retired'",
	    PI(id));

	if (st != OK)
		return fail(cx, st, "read space: %s", pg_error(cx->pg));
	if (rows_count(rows) == 0)
		return fail(cx, E_NOT_FOUND, "space %lld", (long long)id);
	take(cx, rows, out);
	return OK;
}

/* ---- the mean --------------------------------------------------------------------- */

/* Those of a batch, one after the other; how many. */
static size_t
gather(struct arena *a, const struct space_batch *b, size_t dims, float **out)
{
	size_t n = 0;

	*out = ARENA_ARRAY(a, float, b->n *dims + 1);
	for (size_t i = 0; i < b->n; i++)
		if (b->entries[i].v != NULL)
			memcpy(*out + dims * n++, b->entries[i].v, dims * sizeof(float));
	return n;
}

/* The first mean there is, ours or that of whoever was faster. */
static enum status
begin_mean(struct context *cx, struct space *s, size_t dims, const struct space_batch *b)
{
	AUTO_ROWS struct rows *rows = NULL;
	struct arena *a = arena_new(65536, SCRATCH_BYTES_MAX);
	float *all, *mean = ARENA_ARRAY(a, float, dims);
	unsigned char *bytes = ARENA_ARRAY(a, unsigned char, dims * 4);
	size_t n = gather(a, b, dims, &all);
	enum status st = OK;

	if (n > 0) {
		vector_mean(all, n, dims, mean);
		vector_to_bytes(mean, dims, bytes);
		st = pg_query_again(cx->pg, &rows,
		    "SELECT id, model, dims, mean, mean_count, mean_version"
		    " FROM kb_space_mean($1, $2::int, $3::int, $4, $5::int)",
		    PI(s->id), PI(s->mean_version), PI(dims), PX(bytes, dims * 4), PI(n));
	}
	if (st != OK)
		st = fail(cx, st, "begin a space: %s", pg_error(cx->pg));
	else if (rows != NULL && rows_count(rows) == 0)
		st = fail(cx, E_NOT_FOUND, "space %lld", (long long)s->id);
	else if (rows != NULL)
		take(cx, rows, s);
	arena_free(a);
	return st;
}

/* base64 of bytes, as a JSON text. */
static json_t *
base64(struct arena *a, const unsigned char *bytes, size_t len)
{
	char *text = ARENA_ARRAY(a, char, (len + 2) / 3 * 4 + 1);

	crypto_base64(bytes, len, text);
	return json_string(text);
}

static void
put_vector(struct arena *a, json_t *o, const float *v, const float *mean, size_t dims)
{
	size_t len = vector_packed_bytes(dims);
	unsigned char *packed = ARENA_ARRAY(a, unsigned char, len);

	vector_pack(v, mean, dims, packed);
	json_object_set_new(o, "b", json_string(vector_code(a, v, mean, dims)));
	json_object_set_new(o, "v", base64(a, packed, len));
}

/* What is kept, by its own mean, as a vector again. */
static void
unpack(const unsigned char *packed, const float *mean, size_t dims, float *v)
{
	float scale;

	vector_from_bytes(packed, 1, &scale);
	for (size_t i = 0; i < dims; i++)
		v[i] = mean[i] + scale * (float)(signed char)packed[4 + i];
}

/* All that the space has, by the mean of it all. */
static enum status
recentre_all(struct context *cx, struct arena *a, const struct space *s, const struct rows *rows)
{
	int n = rows_count(rows);
	float *all = ARENA_ARRAY(a, float, (size_t)n * s->dims), *mean = ARENA_ARRAY(a, float, s->dims);
	unsigned char *bytes = ARENA_ARRAY(a, unsigned char, s->dims * 4);
	json_t *list = json_own(a, json_array());
	char *text;
	enum status st;

	for (int i = 0; i < n; i++) {
		size_t len;
		unsigned char *packed = row_bytes(rows, i, "v", a, &len);

		unpack(packed, s->mean, s->dims, all + (size_t)i * s->dims);
	}
	vector_mean(all, (size_t)n, s->dims, mean);
	vector_to_bytes(mean, s->dims, bytes);
	for (int i = 0; i < n; i++) {
		json_t *o = json_pack("{s:I}", "c", (json_int_t)row_int(rows, i, "chunk_id"));

		put_vector(a, o, all + (size_t)i * s->dims, mean, s->dims);
		json_array_append_new(list, o);
	}
	text = json_dumps(list, JSON_COMPACT);
	st = pg_query(cx->pg, NULL, "SELECT kb_space_recentre($1, $2::int, $3, $4::int, $5::jsonb)", PI(s->id),
	    PI(s->mean_version), PX(bytes, s->dims * 4), PI(n), PS(text));
	free(text);
	return st;
}

/* Once there are enough of them the mean is made for good.  If somebody else adds some meanwhile, the next
 * batch does it. */
static void
recentre(struct context *cx, const struct space *s)
{
	AUTO_ROWS struct rows *rows = NULL;
	struct arena *a;
	enum status st;

	if (s->mean == NULL || s->mean_count >= VECTOR_MEAN_OF)
		return;
	st = pg_query_again(cx->pg, &rows,
	    "SELECT chunk_id, v FROM kb_vec WHERE space_id = $1 AND v IS NOT NULL ORDER BY chunk_id LIMIT 1000",
	    PI(s->id));
	if (st != OK || rows_count(rows) < VECTOR_MEAN_OF)
		return;
	a = arena_new(65536, SCRATCH_BYTES_MAX);
	if ((st = recentre_all(cx, a, s, rows)) != OK)
		LOG(WARN, "knowledge_recentre", LI("space", s->id), LS("why", pg_error(cx->pg)));
	arena_free(a);
}

/* ---- keeping ----------------------------------------------------------------------- */

static json_t *
entry_json(struct arena *a, const struct space *s, const struct space_entry *e)
{
	json_t *o = json_pack("{s:I, s:s?, s:s?, s:b}", "c", (json_int_t)e->chunk, "s",
	    e->v == NULL ? e->skipped : NULL, "k", e->cache_key, "h", e->is_cached);
	unsigned char *half;

	if (e->v == NULL)
		return o;
	put_vector(a, o, e->v, s->mean, s->dims);
	if (e->is_cached || e->cache_key == NULL)
		return o;
	half = ARENA_ARRAY(a, unsigned char, s->dims * 2);
	vector_to_half(e->v, s->dims, half);
	json_object_set_new(o, "f", base64(a, half, s->dims * 2));
	return o;
}

static enum status
store_once(struct context *cx, const struct space *s, const struct space_batch *b, const char **outcome)
{
	static const char *const outcomes[] = { "ok", "cancel", "gone", "stale" };
	AUTO_ROWS struct rows *rows = NULL;
	struct arena *a = arena_new(65536, SCRATCH_BYTES_MAX);
	json_t *list = json_array();
	char *text;
	enum status st;

	for (size_t i = 0; i < b->n; i++)
		json_array_append_new(list, entry_json(a, s, &b->entries[i]));
	text = json_dumps(list, JSON_COMPACT);
	json_decref(list);
	arena_free(a);
	st = pg_query_again(cx->pg, &rows,
	    "SELECT kb_embed_store($1::uuid, $2::int, $3, $4::uuid, $5::int, $6::jsonb, $7, $8, nullif($9::bigint, 0)) AS outcome",
	    PS(b->document_id), PI(b->version), PI(s->id), PS(b->task_id), PI(s->mean_version), PS(text), PI(b->tokens),
	    PM(b->cost_ucr), PI(b->channel_id));
	free(text);
	if (st != OK)
		return fail(cx, st, "keep vectors: %s", pg_error(cx->pg));
	for (size_t i = 0; i < 4; i++)
		if (strcmp(row_text(rows, 0, "outcome"), outcomes[i]) == 0)
			*outcome = outcomes[i];
	return OK;
}

enum status
space_store(struct context *cx, struct space *s, size_t dims, const struct space_batch *b, const char **outcome)
{
	enum status st = OK;

	*outcome = "stale";
	for (int i = 0; st == OK && i < STORE_TRIES && strcmp(*outcome, "stale") == 0; i++) {
		if (i > 0 && (st = space_read(cx, s->id, s)) != OK)
			break;
		if (s->mean == NULL && dims > 0 && (st = begin_mean(cx, s, dims, b)) != OK)
			break;
		if (dims > 0 && s->mean != NULL && s->dims != dims) {
			*outcome = "dims";
			return OK;
		}
		st = store_once(cx, s, b, outcome);
	}
	if (st == E_NOT_FOUND) {
		*outcome = "gone";
		return OK;
	}
	if (st == OK && strcmp(*outcome, "stale") == 0)
		return fail(cx, E_CONFLICT, "space %lld changed %d times", (long long)s->id, STORE_TRIES);
	if (st == OK)
		recentre(cx, s);
	return st;
}
