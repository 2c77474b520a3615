/*
 * Embedding vectors as search keeps them: centred on the mean of their space, one bit a
 * dimension to find candidates, int8 to put those into order, half floats in the cache.
 *
 * Vectors that come in and go out are of length 1 (vector_normalise).  Bytes are
 * little-endian on every host.  Pure, any thread.
 */
#ifndef WEIR_SEARCH_VECTOR_H
#define WEIR_SEARCH_VECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include "base/arena.h"

enum {
	VECTOR_MAX_DIMS = 4096,
	VECTOR_MEAN_OF = 32, /* vectors that a space's mean is made of: as good as all */
};

/* Scale to length 1.  False for a vector of zeros, infinities or what is no number: it
 * stands for nothing and must not be kept. */
bool vector_normalise(float *v, size_t dims);

/* The mean of `count` vectors, one after the other in `v`. */
void vector_mean(const float *v, size_t count, size_t dims, float *mean);

/* The signs of v - mean: `dims` characters 0 and 1, for $n::varbit.  In the arena. */
char *vector_code(struct arena *a, const float *v, const float *mean, size_t dims);

/* v - mean as a float4 scale and an int8 for each dimension: vector_packed_bytes(dims) bytes. */
size_t vector_packed_bytes(size_t dims);
void vector_pack(const float *v, const float *mean, size_t dims, unsigned char *out);

/* The cosine of the query to a packed vector.  `base` is vector_dot(query, mean). */
float vector_dot(const float *a, const float *b, size_t dims);
float vector_score(const float *query, float base, const unsigned char *packed, size_t dims);

/* The same with the mean taken from both: near 0 for what has nothing in common, whatever
 * the model; so a threshold can be set on it. */
float vector_centred(const float *query, const float *mean, const unsigned char *packed, size_t dims);

/* Half floats (IEEE 754 binary16), 2 bytes each. */
void vector_to_half(const float *v, size_t dims, unsigned char *out);
void vector_from_half(const unsigned char *in, size_t dims, float *v);

/* float4, 4 bytes each: how a space's mean is stored. */
void vector_to_bytes(const float *v, size_t dims, unsigned char *out);
void vector_from_bytes(const unsigned char *in, size_t dims, float *v);

#endif
