#include "load/hist.h"

#define SUB (1u << HIST_SUB_BITS)

/* Values below SUB have a bucket each; above, SUB buckets share a power of two. */
static uint32_t
bucket_of(uint64_t v)
{
	uint32_t shift;

	if (v < SUB)
		return (uint32_t)v;
	shift = 63 - (uint32_t)__builtin_clzll(v) - HIST_SUB_BITS;
	return ((shift + 1) << HIST_SUB_BITS) + (uint32_t)((v >> shift) - SUB);
}

/* The middle of a bucket. */
static int64_t
value_of(uint32_t bucket)
{
	uint32_t shift;

	if (bucket < SUB)
		return bucket;
	shift = (bucket >> HIST_SUB_BITS) - 1;
	return (int64_t)((((uint64_t)(bucket & (SUB - 1)) + SUB) << shift) + ((UINT64_C(1) << shift) >> 1));
}

void
hist_add(struct hist *h, int64_t value_ns)
{
	uint32_t b = bucket_of(value_ns < 0 ? 0 : (uint64_t)value_ns);

	h->counts[b < HIST_BUCKETS ? b : HIST_BUCKETS - 1]++;
	if (h->count++ == 0 || value_ns < h->min_ns)
		h->min_ns = value_ns;
	if (h->count == 1 || value_ns > h->max_ns)
		h->max_ns = value_ns;
	h->sum_ns += (double)value_ns;
}

void
hist_merge(struct hist *into, const struct hist *from)
{
	if (from->count == 0)
		return;
	if (into->count == 0 || from->min_ns < into->min_ns)
		into->min_ns = from->min_ns;
	if (into->count == 0 || from->max_ns > into->max_ns)
		into->max_ns = from->max_ns;
	for (uint32_t b = 0; b < HIST_BUCKETS; b++)
		into->counts[b] += from->counts[b];
	into->count += from->count;
	into->sum_ns += from->sum_ns;
}

int64_t
hist_percentile_ns(const struct hist *h, double percent)
{
	uint64_t seen = 0, wanted = (uint64_t)((double)h->count * percent / 100.0 + 0.5);

	if (h->count == 0)
		return 0;
	if (wanted < 1)
		wanted = 1;
	for (uint32_t b = 0; b < HIST_BUCKETS; b++)
		if ((seen += h->counts[b]) >= wanted)
			return value_of(b) > h->max_ns ? h->max_ns : value_of(b);
	return h->max_ns;
}

json_t *
hist_json(const struct hist *h)
{
	double mean = h->count == 0 ? 0 : h->sum_ns / (double)h->count;

	return json_pack("{s:I, s:f, s:f, s:f, s:f, s:f, s:f, s:f}", "count", (json_int_t)h->count, "min_us",
	    (double)h->min_ns / 1e3, "mean_us", mean / 1e3, "p50_us", (double)hist_percentile_ns(h, 50) / 1e3, "p90_us",
	    (double)hist_percentile_ns(h, 90) / 1e3, "p99_us", (double)hist_percentile_ns(h, 99) / 1e3, "p999_us",
	    (double)hist_percentile_ns(h, 99.9) / 1e3, "max_us", (double)h->max_ns / 1e3);
}
