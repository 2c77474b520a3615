/*
 * A histogram of times: log-linear buckets of less than 1 % width, so that
 * millions of values take 60 KB and percentiles cost nothing to keep.
 * Not thread-safe.
 */
#ifndef WEIR_BENCH_HIST_H
#define WEIR_BENCH_HIST_H

#include <jansson.h>
#include <stdint.h>

#define HIST_SUB_BITS 7 /* 128 buckets per power of two */
#define HIST_BUCKETS (58 << HIST_SUB_BITS)

struct hist {
	uint64_t count, counts[HIST_BUCKETS];
	int64_t min_ns, max_ns;
	double sum_ns;
};

/* Add one value; negative values count as 0. */
void hist_add(struct hist *h, int64_t value_ns);
/* Add all of another. */
void hist_merge(struct hist *into, const struct hist *from);
/* The smallest value that `percent` of all values do not exceed, within 1 %; 0 when empty. */
int64_t hist_percentile_ns(const struct hist *h, double percent);
/* {"count","min_us","mean_us","p50_us","p90_us","p99_us","p999_us","max_us"}; the caller owns it. */
json_t *hist_json(const struct hist *h);

#endif
