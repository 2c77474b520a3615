#include "search/vector.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

bool
vector_normalise(float *v, size_t dims)
{
	double sum = 0;

	for (size_t i = 0; i < dims; i++)
		sum += (double)v[i] * v[i];
	if (!isfinite(sum) || sum <= 0)
		return false;
	sum = 1 / sqrt(sum);
	if (!isfinite(sum))
		return false;
	for (size_t i = 0; i < dims; i++)
		v[i] = (float)(v[i] * sum);
	return true;
}

void
vector_mean(const float *v, size_t count, size_t dims, float *mean)
{
	for (size_t d = 0; d < dims; d++) {
		double sum = 0;

		for (size_t i = 0; i < count; i++)
			sum += v[i * dims + d];
		mean[d] = count > 0 ? (float)(sum / (double)count) : 0;
	}
}

char *
vector_code(struct arena *a, const float *v, const float *mean, size_t dims)
{
	char *code = arena_alloc(a, dims + 1);

	for (size_t i = 0; i < dims; i++)
		code[i] = v[i] > mean[i] ? '1' : '0';
	code[dims] = '\0';
	return code;
}

static void
put_float(unsigned char *out, float f)
{
	uint32_t bits;

	memcpy(&bits, &f, sizeof bits);
	for (size_t i = 0; i < 4; i++)
		out[i] = (unsigned char)(bits >> (8 * i));
}

static float
get_float(const unsigned char *in)
{
	uint32_t bits = (uint32_t)in[0] | (uint32_t)in[1] << 8 | (uint32_t)in[2] << 16 | (uint32_t)in[3] << 24;
	float f;

	memcpy(&f, &bits, sizeof f);
	return f;
}

size_t
vector_packed_bytes(size_t dims)
{
	return 4 + dims;
}

void
vector_pack(const float *v, const float *mean, size_t dims, unsigned char *out)
{
	float most = 0, scale;

	for (size_t i = 0; i < dims; i++)
		most = fmaxf(most, fabsf(v[i] - mean[i]));
	scale = most / 127;
	put_float(out, scale);
	for (size_t i = 0; i < dims; i++) {
		long n = scale > 0 ? lrintf((v[i] - mean[i]) / scale) : 0;

		out[4 + i] = (unsigned char)(int8_t)(n > 127 ? 127 : n < -127 ? -127 : n);
	}
}

float
vector_dot(const float *a, const float *b, size_t dims)
{
	float sum[4] = { 0, 0, 0, 0 };
	size_t i = 0;

	for (; i + 4 <= dims; i += 4)
		for (size_t k = 0; k < 4; k++)
			sum[k] += a[i + k] * b[i + k];
	for (; i < dims; i++)
		sum[0] += a[i] * b[i];
	return sum[0] + sum[1] + sum[2] + sum[3];
}

static float
dot_packed(const float *a, const unsigned char *packed, size_t dims)
{
	const int8_t *b = (const int8_t *)packed + 4;
	float sum[4] = { 0, 0, 0, 0 };
	size_t i = 0;

	for (; i + 4 <= dims; i += 4)
		for (size_t k = 0; k < 4; k++)
			sum[k] += a[i + k] * b[i + k];
	for (; i < dims; i++)
		sum[0] += a[i] * b[i];
	return sum[0] + sum[1] + sum[2] + sum[3];
}

float
vector_score(const float *query, float base, const unsigned char *packed, size_t dims)
{
	return base + get_float(packed) * dot_packed(query, packed, dims);
}

float
vector_centred(const float *query, const float *mean, const unsigned char *packed, size_t dims)
{
	const int8_t *b = (const int8_t *)packed + 4;
	double dot = 0, query_len = 0, len = 0;

	for (size_t i = 0; i < dims; i++) {
		double q = (double)query[i] - mean[i];

		dot += q * b[i];
		query_len += q * q;
		len += (double)b[i] * b[i];
	}
	return query_len > 0 && len > 0 ? (float)(dot / sqrt(query_len * len)) : 0;
}

/* To the nearest half float, ties to the even one; what is too large becomes the largest. */
static uint16_t
half_of(float f)
{
	uint32_t bits, sign, rest;
	int32_t exponent;
	uint32_t fraction;

	memcpy(&bits, &f, sizeof bits);
	sign = bits >> 16 & 0x8000;
	exponent = (int32_t)(bits >> 23 & 0xff) - 127 + 15;
	fraction = bits & 0x7fffff;
	if (exponent >= 31)
		return (uint16_t)(sign | 0x7bff);
	if (exponent <= 0) {
		if (exponent < -10)
			return (uint16_t)sign;
		fraction |= 0x800000;
		rest = fraction & ((1u << (14 - exponent)) - 1);
		fraction >>= 14 - exponent;
		if (rest > 1u << (13 - exponent) || (rest == 1u << (13 - exponent) && (fraction & 1)))
			fraction++;
		return (uint16_t)(sign | fraction);
	}
	rest = fraction & 0x1fff;
	fraction = (uint32_t)exponent << 10 | fraction >> 13;
	if (rest > 0x1000 || (rest == 0x1000 && (fraction & 1)))
		fraction++;
	return (uint16_t)(sign | (fraction < 0x7c00 ? fraction : 0x7bff));
}

static float
float_of(uint16_t half)
{
	int exponent = half >> 10 & 0x1f;
	float f = exponent == 0 ? ldexpf((float)(half & 0x3ff), -24)
				: ldexpf((float)((half & 0x3ff) | 0x400), exponent - 25);

	return half & 0x8000 ? -f : f;
}

void
vector_to_half(const float *v, size_t dims, unsigned char *out)
{
	for (size_t i = 0; i < dims; i++) {
		uint16_t half = half_of(v[i]);

		out[2 * i] = (unsigned char)half;
		out[2 * i + 1] = (unsigned char)(half >> 8);
	}
}

void
vector_from_half(const unsigned char *in, size_t dims, float *v)
{
	for (size_t i = 0; i < dims; i++)
		v[i] = float_of((uint16_t)(in[2 * i] | in[2 * i + 1] << 8));
}

void
vector_to_bytes(const float *v, size_t dims, unsigned char *out)
{
	for (size_t i = 0; i < dims; i++)
		put_float(out + 4 * i, v[i]);
}

void
vector_from_bytes(const unsigned char *in, size_t dims, float *v)
{
	for (size_t i = 0; i < dims; i++)
		v[i] = get_float(in + 4 * i);
}
