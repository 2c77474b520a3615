/* Vectors as they are kept, and two lists as one. */
#include "search/fuse.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "search/vector.h"
#include "tap.h"

enum { DIMS = 64 };

static struct arena *arena;

/* A vector of length 1 around `lean` on the first axis. */
static void
make(unsigned seed, float lean, float *v)
{
	for (size_t i = 0; i < DIMS; i++) {
		seed = seed * 1664525u + 1013904223u;
		v[i] = (float)(seed >> 8) / (1u << 24) - .5f + (i == 0 ? lean : 0);
	}
	CU_ASSERT_TRUE(vector_normalise(v, DIMS));
}

static void
test_vectors(void)
{
	float v[DIMS * 32], mean[DIMS], q[DIMS], back[DIMS], zero[DIMS] = { 0 };
	unsigned char packed[4 + DIMS], half[2 * DIMS], bytes[4 * DIMS];
	char *code;
	float base;

	for (unsigned i = 0; i < 32; i++)
		make(i, 4, v + i * DIMS);
	CU_ASSERT_FALSE(vector_normalise(zero, DIMS));
	zero[3] = NAN;
	CU_ASSERT_FALSE(vector_normalise(zero, DIMS));
	vector_mean(v, 32, DIMS, mean);
	CU_ASSERT_TRUE(mean[0] > .7f);
	code = vector_code(arena, v, mean, DIMS);
	CU_ASSERT_EQUAL(strlen(code), DIMS);
	CU_ASSERT_EQUAL(strspn(code, "01"), DIMS);
	CU_ASSERT_PTR_NOT_NULL(strchr(code, '0'));
	make(99, 4, q);
	base = vector_dot(q, mean, DIMS);
	CU_ASSERT_EQUAL(vector_packed_bytes(DIMS), sizeof packed);
	for (size_t i = 0; i < 32; i++) {
		vector_pack(v + i * DIMS, mean, DIMS, packed);
		CU_ASSERT_DOUBLE_EQUAL(vector_score(q, base, packed, DIMS), vector_dot(q, v + i * DIMS, DIMS), .01);
		CU_ASSERT_TRUE(vector_score(q, base, packed, DIMS) > .6f);
		CU_ASSERT_TRUE(fabsf(vector_centred(q, mean, packed, DIMS)) < .6f);
		CU_ASSERT_TRUE(vector_centred(v + i * DIMS, mean, packed, DIMS) > .999f);
	}
	vector_to_half(v, DIMS, half);
	vector_from_half(half, DIMS, back);
	for (size_t i = 0; i < DIMS; i++)
		CU_ASSERT_DOUBLE_EQUAL(back[i], v[i], fabs(v[i]) / 1024 + 1e-7);
	vector_to_bytes(v, DIMS, bytes);
	vector_from_bytes(bytes, DIMS, back);
	CU_ASSERT_EQUAL(memcmp(back, v, sizeof back), 0);
}

/* Half floats of IEEE 754, at the edges of their ranges. */
static void
test_halves(void)
{
	static const struct {
		float f;
		unsigned bits;
	} rows[] = { { 0, 0 }, { -0.f, 0x8000 }, { 1, 0x3c00 }, { -2, 0xc000 }, { 65504, 0x7bff }, { 1e9f, 0x7bff },
		{ 65519, 0x7bff }, { 6.103515625e-05f, 0x0400 }, { 5.9604645e-08f, 0x0001 }, { 1e-9f, 0 },
		{ 0.333251953125f, 0x3555 }, { 1.00048828125f, 0x3c00 }, { 1.00146484375f, 0x3c02 } };

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		unsigned char half[2];

		vector_to_half(&rows[i].f, 1, half);
		CU_ASSERT_EQUAL((unsigned)half[0] | (unsigned)half[1] << 8, rows[i].bits);
	}
}

static void
test_order(void)
{
	struct hit hits[] = {
		{ .chunk = 1, .document = "a", .has_cosine = true, .cosine = .9f },
		{ .chunk = 2, .document = "b", .has_cosine = true, .cosine = .5f, .lexical = 10 },
		{ .chunk = 3, .document = "c", .has_cosine = true, .cosine = .7f, .lexical = 5 },
		{ .chunk = 4, .document = "d", .lexical = 2 },
	};
	struct fuse_rules rules = { .weight = -1, .idf_total = 10 };

	fuse_order(hits, 4, &rules);
	CU_ASSERT_EQUAL(hits[0].chunk, 2);
	CU_ASSERT_DOUBLE_EQUAL(hits[0].score, .55, 1e-6);
	CU_ASSERT_EQUAL(hits[1].chunk, 3);
	CU_ASSERT_DOUBLE_EQUAL(hits[1].score, .225 + .275, 1e-6);
	CU_ASSERT_EQUAL(hits[2].chunk, 1);
	CU_ASSERT_EQUAL(hits[3].chunk, 4);
	/* Few of the terms are known: the vectors decide. */
	rules.idf_total = 100;
	fuse_order(hits, 4, &rules);
	CU_ASSERT_EQUAL(hits[0].chunk, 1);
	/* No terms at all, and no vectors at all. */
	rules.idf_total = 0;
	fuse_order(hits, 4, &rules);
	CU_ASSERT_DOUBLE_EQUAL(hits[0].score, 1, 1e-6);
	for (size_t i = 0; i < 4; i++)
		hits[i].has_cosine = false;
	rules.idf_total = 10;
	fuse_order(hits, 4, &rules);
	CU_ASSERT_EQUAL(hits[0].chunk, 2);
	CU_ASSERT_DOUBLE_EQUAL(hits[0].score, 1, 1e-6);
	fuse_order(NULL, 0, &rules);
	/* Both have all the words: more of them is a little better, to a bound; equal ones by their words. */
	hits[0] = (struct hit){ .chunk = 1, .document = "a", .lexical = 10 };
	hits[1] = (struct hit){ .chunk = 2, .document = "b", .lexical = 12 };
	hits[2] = (struct hit){ .chunk = 3, .document = "c", .lexical = 50 };
	hits[3] = (struct hit){ .chunk = 4, .document = "d", .lexical = 60 };
	fuse_order(hits, 4, &rules);
	CU_ASSERT_EQUAL(hits[0].chunk, 4);
	CU_ASSERT_EQUAL(hits[1].chunk, 3);
	CU_ASSERT_EQUAL(hits[2].chunk, 2);
	CU_ASSERT_DOUBLE_EQUAL(hits[0].score, 1.2, 1e-6);
	CU_ASSERT_DOUBLE_EQUAL(hits[2].score, 1.08, 1e-6);
}

static void
test_take(void)
{
	struct hit hits[20];
	struct fuse_rules rules = { .weight = -1 };
	size_t which[20];

	for (int i = 0; i < 20; i++)
		hits[i] = (struct hit){ .chunk = i, .document = i < 10 ? "a" : "b", .ord = i, .tokens = 100 };
	CU_ASSERT_EQUAL(fuse_take(hits, 20, &rules), 6);
	CU_ASSERT_EQUAL(hits[3].chunk, 10);
	for (int i = 0; i < 20; i++)
		hits[i] =
		    (struct hit){ .chunk = i, .document = i < 10 ? "a" : "b", .ord = i, .tokens = i == 1 ? 900 : 100 };
	rules.per_document = 8;
	rules.token_budget = 350;
	CU_ASSERT_EQUAL(fuse_take(hits, 20, &rules), 3);
	CU_ASSERT_EQUAL(hits[1].chunk, 2); /* 1 is too large, the others are not */
	rules.token_budget = 50;
	CU_ASSERT_EQUAL(fuse_take(hits, 20, &rules), 1);

	hits[0] = (struct hit){ .document = "a", .ord = 7 };
	hits[1] = (struct hit){ .document = "b", .ord = 8 };
	hits[2] = (struct hit){ .document = "a", .ord = 5 };
	hits[3] = (struct hit){ .document = "a", .ord = 6 };
	CU_ASSERT_EQUAL(fuse_neighbours(hits, 4, which), 2);
	CU_ASSERT_EQUAL(which[0], 0);
	CU_ASSERT_EQUAL(which[1], 1);
	CU_ASSERT_EQUAL(which[2], 0);
	CU_ASSERT_EQUAL(which[3], 0);
}

static CU_TestInfo tests[] = {
	{ "vectors as they are kept", test_vectors },
	{ "half floats", test_halves },
	{ "coverage decides how much words count", test_order },
	{ "what is given, and what is one passage", test_take },
	CU_TEST_INFO_NULL,
};
static CU_SuiteInfo suites[] = {
	{ "fuse", NULL, NULL, NULL, NULL, tests },
	CU_SUITE_INFO_NULL,
};

int
main(void)
{
	int failed;

	arena = arena_new(1u << 16, 1u << 24);
	failed = tap_run(suites);
	arena_free(arena);
	return failed;
}
