#include "search/nearest.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

bool
nearest_pack(const char *bits, size_t dims, uint64_t *out)
{
	memset(out, 0, nearest_words(dims) * sizeof *out);
	for (size_t i = 0; i < dims; i++) {
		if (bits[i] != '0' && bits[i] != '1')
			return false;
		out[i / 64] |= (uint64_t)(bits[i] == '1') << i % 64;
	}
	return bits[dims] == '\0';
}

#define DISTANCES(code, codes, count, words, out) \
	for (size_t i = 0; i < (count); i++) { \
		const uint64_t *other = (codes) + i * (words); \
		unsigned n = 0; \
\
		for (size_t k = 0; k < (words); k++) \
			n += (unsigned)__builtin_popcountll((code)[k] ^ other[k]); \
		(out)[i] = (uint16_t)n; \
	}

#ifdef __x86_64__
/* With the instruction that Debian's oldest machines have not. */
__attribute__((target("popcnt"))) static void
distances_popcnt(const uint64_t *code, const uint64_t *codes, size_t count, size_t words, uint16_t *out)
{
	DISTANCES(code, codes, count, words, out)
}
#endif

static void
distances(const uint64_t *code, const uint64_t *codes, size_t count, size_t words, uint16_t *out)
{
#ifdef __x86_64__
	if (__builtin_cpu_supports("popcnt")) {
		distances_popcnt(code, codes, count, words, out);
		return;
	}
#endif
	DISTANCES(code, codes, count, words, out)
}

size_t
nearest_codes(const uint64_t *code, const uint64_t *codes, size_t count, size_t words, size_t limit, size_t *which)
{
	uint16_t *far = xmalloc((count + 1) * sizeof *far);
	size_t *from = xcalloc(words * 64 + 2, sizeof *from); /* where those of a distance begin in which[] */
	size_t taken = 0;

	distances(code, codes, count, words, far);
	for (size_t i = 0; i < count; i++)
		from[far[i] + 1]++;
	for (size_t d = 1; d <= words * 64 + 1; d++)
		from[d] += from[d - 1];
	for (size_t i = 0; i < count; i++) {
		size_t place = from[far[i]]++;

		if (place >= limit)
			continue;
		which[place] = i;
		taken++;
	}
	free(from);
	free(far);
	return taken;
}
