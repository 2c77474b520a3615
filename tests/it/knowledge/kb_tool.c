/*
 * Fills a knowledge base as its jobs would, without them: for searches in bases larger than a
 * test could have embedded.
 *
 *	kb_tool KB_ID SPACE_ID FIRST_CHUNK_ID < documents > statements for psql
 *
 * A document is a line of JSON: {"id", "title", "text"}, its version 1.  Chunks, words, means and
 * codes are those of src/search, the vectors weir-demo's.
 */
#include <jansson.h>
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
put_chunk(struct arena *a, const char *kb_id, const char *document_id, const struct chunk *c, int64_t id)
{
	char *tsv = terms_tsvector(a, c->heading, c->body);
	char *text = arena_printf(a, "%s\n%s", c->heading, c->body);
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
	if (n_rows == room) {
		room = room * 2 + 1024;
		rows = realloc(rows, room * sizeof *rows);
	}
	rows[n_rows] = (struct row){ .id = id, .v = malloc(DIMS * sizeof(float)) };
	meaning_vector(text, strlen(text), DIMS, rows[n_rows++].v);
}

static void
put_vectors(struct arena *a, const char *space_id)
{
	float mean[DIMS], some[VECTOR_MEAN_OF * DIMS];
	unsigned char bytes[4 * DIMS], packed[4 + DIMS];
	size_t n = n_rows < VECTOR_MEAN_OF ? n_rows : VECTOR_MEAN_OF;

	for (size_t i = 0; i < n; i++)
		memcpy(some + i * DIMS, rows[i * n_rows / n].v, sizeof mean);
	vector_mean(some, n, DIMS, mean);
	vector_to_bytes(mean, DIMS, bytes);
	printf("UPDATE kb_space SET dims = %d, mean_count = %zu, mean_version = 1, mean = '", DIMS, n);
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

int
main(int argc, char **argv)
{
	static const struct chunk_rules rules = { .overlap_percent = -1 };
	struct arena *all = arena_new(1u << 20, (size_t)1 << 33);
	char *line = NULL;
	size_t size = 0;
	int64_t id;

	if (argc != 4) {
		fprintf(stderr, "usage: kb_tool KB_ID SPACE_ID FIRST_CHUNK_ID\n");
		return 2;
	}
	id = strtoll(argv[3], NULL, 10);
	printf(
	    "COPY kb_chunk (id, kb_id, document_id, version, ord, page_from, page_to, c0, c1, heading, body, ntok, tsv,"
	    " text_hash) FROM stdin;\n");
	while (getline(&line, &size, stdin) > 0) {
		struct arena *a = arena_new(1u << 16, 1u << 28);
		json_t *d = json_loads(line, 0, NULL);
		const char *text = json_string_value(json_object_get(d, "text"));
		const char *document_id = json_string_value(json_object_get(d, "id"));
		struct chunk *chunks;
		int n;

		if (text == NULL || document_id == NULL) {
			fprintf(stderr, "kb_tool: a line that is no document\n");
			return 1;
		}
		n = chunk_text(a, json_string_value(json_object_get(d, "title")), text, strlen(text), &rules, &chunks);
		for (int i = 0; i < n; i++)
			put_chunk(a, argv[1], document_id, &chunks[i], id++);
		json_decref(d);
		arena_free(a);
	}
	printf("\\.\n");
	if (n_rows > 0)
		put_vectors(all, argv[2]);
	printf(
	    "UPDATE kb_version v SET chunks = c.n, state = 'ready' FROM (SELECT document_id, count(*) AS n FROM kb_chunk"
	    " WHERE kb_id = '%s' GROUP BY 1) AS c WHERE c.document_id = v.document_id AND v.version = 1;\n",
	    argv[1]);
	arena_free(all);
	free(line);
	return 0;
}
