/*
 * Fills a knowledge base as its jobs would, without them: for searches in bases larger than a
 * test could have embedded.
 *
 *	kb_tool KB_ID SPACE_ID FIRST_CHUNK_ID < documents > statements for psql
 *	kb_tool recall < documents and {"query"}s > of the ten nearest chunks of each query, the share
 *		that is among its candidates: the 400 whose codes differ least
 *
 * A document is a line of JSON: {"id", "title", "text"}, its version 1.  Chunks, words, means and
 * codes are those of src/search, the vectors weir-demo's.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/crypto.h"
#include "demo/meaning.h"
#include "search/chunk.h"
#include "search/terms.h"
#include "search/vector.h"

enum { DIMS = MEANING_DIMENSIONS };

struct row {
	int64_t id;
	float *v;
};

static struct row *rows;
static size_t n_rows, room;

/* A value of COPY's text format. */
static void
put(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		switch (s[i]) {
		case '\\': fputs("\\\\", stdout); break;
		case '\n': fputs("\\n", stdout); break;
		case '\r': fputs("\\r", stdout); break;
		case '\t': fputs("\\t", stdout); break;
		default: putchar(s[i]);
		}
}

static void
put_bytes(const unsigned char *bytes, size_t len)
{
	fputs("\\\\x", stdout);
	for (size_t i = 0; i < len; i++)
		printf("%02x", bytes[i]);
}

static void
tell_chunk(
    struct arena *a, const char *kb_id, const char *document_id, const struct chunk *c, int64_t id, const char *text)
{
	char *tsv = terms_tsvector(a, c->heading, c->body);
	unsigned char hash[SHA256_BYTES];

	crypto_sha256(text, strlen(text), hash);
	printf("%lld\t%s\t%s\t1\t%d\t%d\t%d\t%lld\t%lld\t", (long long)id, kb_id, document_id, c->ord, c->page_from,
	    c->page_to, (long long)c->c0, (long long)c->c1);
	put(c->heading, strlen(c->heading));
	putchar('\t');
	put(c->body, c->body_len);
	printf("\t%d\t", c->tokens);
	put(tsv, strlen(tsv));
	printf(" '=%s':1\t", kb_id);
	put_bytes(hash, sizeof hash);
	putchar('\n');
}

static void
put_chunk(struct arena *a, const char *kb_id, const char *document_id, const struct chunk *c, int64_t id, bool quiet)
{
	char *text = arena_printf(a, "%s\n%s", c->heading, c->body);

	if (!quiet)
		tell_chunk(a, kb_id, document_id, c, id, text);
	if (n_rows == room) {
		room = room * 2 + 1024;
		rows = realloc(rows, room * sizeof *rows);
	}
	rows[n_rows] = (struct row){ .id = id, .v = malloc(DIMS * sizeof(float)) };
	meaning_vector(text, strlen(text), DIMS, rows[n_rows++].v);
}

static void
take_mean(float *mean)
{
	float some[VECTOR_MEAN_OF * DIMS];
	size_t n = n_rows < VECTOR_MEAN_OF ? n_rows : VECTOR_MEAN_OF;

	for (size_t i = 0; i < n; i++)
		memcpy(some + i * DIMS, rows[i * n_rows / n].v, DIMS * sizeof *mean);
	vector_mean(some, n, DIMS, mean);
}

static void
put_vectors(struct arena *a, const char *space_id)
{
	float mean[DIMS];
	unsigned char bytes[4 * DIMS], packed[4 + DIMS];

	take_mean(mean);
	vector_to_bytes(mean, DIMS, bytes);
	printf("UPDATE kb_space SET dims = %d, mean_count = %d, mean_version = 1, mean = '", DIMS, VECTOR_MEAN_OF);
	fputs("\\x", stdout);
	for (size_t i = 0; i < sizeof bytes; i++)
		printf("%02x", bytes[i]);
	printf("' WHERE id = %s;\nCOPY kb_code (space_id, chunk_id, code) FROM stdin;\n", space_id);
	for (size_t i = 0; i < n_rows; i++)
		printf("%s\t%lld\t%s\n", space_id, (long long)rows[i].id, vector_code(a, rows[i].v, mean, DIMS));
	printf("\\.\nCOPY kb_vec (space_id, chunk_id, v) FROM stdin;\n");
	for (size_t i = 0; i < n_rows; i++) {
		vector_pack(rows[i].v, mean, DIMS, packed);
		printf("%s\t%lld\t", space_id, (long long)rows[i].id);
		put_bytes(packed, sizeof packed);
		putchar('\n');
	}
	printf("\\.\n");
}

/* ---- recall ------------------------------------------------------------------- */

enum { NEAREST = 10, CANDIDATES = 400 };

struct near {
	size_t row;
	double distance;
};

static int
compare_near(const void *a, const void *b)
{
	const struct near *x = a, *y = b;

	if (x->distance != y->distance)
		return x->distance < y->distance ? -1 : 1;
	return (x->row > y->row) - (x->row < y->row);
}

static double
differing(const char *a, const char *b)
{
	int n = 0;

	for (; *a != '\0'; a++, b++)
		n += *a != *b;
	return n;
}

static int
recall(struct arena *all, char *const *queries, size_t n_queries)
{
	struct near *exact = ARENA_ARRAY(all, struct near, n_rows), *coded = ARENA_ARRAY(all, struct near, n_rows);
	char **codes = ARENA_ARRAY(all, char *, n_rows);
	float mean[DIMS], v[DIMS];
	size_t found = 0;

	if (n_rows <= CANDIDATES || n_queries == 0) {
		fprintf(stderr, "kb_tool: too few chunks or queries\n");
		return 1;
	}
	take_mean(mean);
	for (size_t i = 0; i < n_rows; i++)
		codes[i] = vector_code(all, rows[i].v, mean, DIMS);
	for (size_t q = 0; q < n_queries; q++) {
		char *code;

		meaning_vector(queries[q], strlen(queries[q]), DIMS, v);
		code = vector_code(all, v, mean, DIMS);
		for (size_t i = 0; i < n_rows; i++) {
			exact[i] = (struct near){ i, -vector_dot(v, rows[i].v, DIMS) };
			coded[i] = (struct near){ i, differing(code, codes[i]) };
		}
		qsort(exact, n_rows, sizeof *exact, compare_near);
		qsort(coded, n_rows, sizeof *coded, compare_near);
		for (size_t i = 0; i < NEAREST; i++)
			for (size_t k = 0; k < CANDIDATES; k++)
				found += exact[i].row == coded[k].row;
	}
	printf("%.4f of %zu chunks\n", (double)found / (double)(NEAREST * n_queries), n_rows);
	return 0;
}

/* The chunks of a document, told as rows of kb_chunk unless `quiet`. */
static int
add_document(const json_t *d, const char *kb_id, int64_t *id, bool quiet)
{
	static const struct chunk_rules rules = { .overlap_percent = -1 };
	struct arena *a = arena_new(1u << 16, 1u << 28);
	const char *text = json_string_value(json_object_get(d, "text"));
	const char *document_id = json_string_value(json_object_get(d, "id"));
	struct chunk *chunks;
	int n = 0;

	if (text != NULL && document_id != NULL)
		n = chunk_text(a, json_string_value(json_object_get(d, "title")), text, strlen(text), &rules, &chunks);
	for (int i = 0; i < n; i++)
		put_chunk(a, kb_id, document_id, &chunks[i], (*id)++, quiet);
	arena_free(a);
	return text != NULL && document_id != NULL ? 0 : 1;
}

int
main(int argc, char **argv)
{
	struct arena *all = arena_new(1u << 20, (size_t)1 << 33);
	bool recalls = argc == 2 && strcmp(argv[1], "recall") == 0;
	char *line = NULL, **queries = malloc(10000 * sizeof *queries);
	size_t size = 0, n_queries = 0;
	int64_t id = 1;
	int bad = 0;

	if (argc != 4 && !recalls) {
		fprintf(stderr, "usage: kb_tool KB_ID SPACE_ID FIRST_CHUNK_ID | recall\n");
		return 2;
	}
	if (!recalls) {
		id = strtoll(argv[3], NULL, 10);
		printf(
		    "COPY kb_chunk (id, kb_id, document_id, version, ord, page_from, page_to, c0, c1, heading, body, ntok,"
		    " tsv, text_hash) FROM stdin;\n");
	}
	while (bad == 0 && getline(&line, &size, stdin) > 0) {
		json_t *d = json_loads(line, 0, NULL);
		const char *query = json_string_value(json_object_get(d, "query"));

		if (query != NULL && n_queries < 10000)
			queries[n_queries++] = arena_strdup(all, query);
		else
			bad = add_document(d, argv[1], &id, recalls);
		json_decref(d);
	}
	if (bad != 0)
		fprintf(stderr, "kb_tool: a line that is no document\n");
	else if (recalls)
		bad = recall(all, queries, n_queries);
	else {
		printf("\\.\n");
		if (n_rows > 0)
			put_vectors(all, argv[2]);
		printf("UPDATE kb_version v SET chunks = c.n FROM (SELECT document_id, count(*) AS n FROM kb_chunk"
		       " WHERE kb_id = '%s' GROUP BY 1) AS c WHERE c.document_id = v.document_id AND v.version = 1;\n",
		    argv[1]);
	}
	arena_free(all);
	free(queries);
	free(line);
	return bad;
}
